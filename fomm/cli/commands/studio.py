"""`fomm studio`: the browser studio."""

from __future__ import annotations

import importlib.util

import click

from fomm.cli.echo import say
from fomm.config.animate import DEFAULT_MODEL
from fomm.config.render import DEVICES, RenderSettings
from fomm.errors import SettingsError
from fomm.heap import share_one_heap


@click.command()
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="Name of a bundled model, or path of one.")
@click.option("--device", type=click.Choice(DEVICES), default="auto", show_default=True, help="Where to compute.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--host-name", "hosts", multiple=True, help="Name under which visitors reach it; repeatable.")
@click.option("--port", type=click.IntRange(0, 65535), default=7860, show_default=True, help="Port; 0: a free one.")
@click.option("--auth", multiple=True, envvar="FOMM_STUDIO_AUTH", help="NAME:PASSWORD that may log in; repeatable.")
@click.option("--root-path", default="", help="Path under which a reverse proxy shows the page.")
@click.option("--share", is_flag=True, help="Open a public link through Gradio's servers; needs --auth.")
@click.option("--max-seconds", type=click.FloatRange(1), default=120.0, show_default=True, help="Longest clip.")
@click.option("--max-upload", type=click.IntRange(1), default=500, show_default=True, help="Largest upload in MB.")
@click.option("--max-stored", type=click.IntRange(1), default=10_000, show_default=True, help="All uploads, in MB.")
@click.option("--queue", type=click.IntRange(1, 1000), default=16, show_default=True, help="Most renders waiting.")
@click.option("--live", type=click.IntRange(1, 64), default=1, show_default=True, help="Most visitors live at once.")
def studio(
    model: str,
    device: str,
    host: str,
    hosts: tuple[str, ...],
    port: int,
    auth: tuple[str, ...],
    root_path: str,
    share: bool,
    max_seconds: float,
    max_upload: int,
    max_stored: int,
    queue: int,
    live: int,
) -> None:
    """Open the studio in a browser: animate, check consent, verify.

    Passwords on a command line can be seen by other users of the machine; FOMM_STUDIO_AUTH takes them too.
    """
    from fomm.tasks.animate import Pipeline

    if importlib.util.find_spec("gradio") is None:
        raise SettingsError("The studio needs Gradio, which is not installed; install it: pip install 'fomm[studio]'")
    from fomm.config.studio import StudioSettings
    from fomm.studio.app import Serving, serve
    from fomm.studio.service import Studio

    share_one_heap()  # before the model's threads begin
    serving = Serving(host, port, tuple(_login(pair) for pair in auth), root_path, share, hosts)
    settings = StudioSettings(
        max_seconds=max_seconds, max_upload_mb=max_upload, queue=queue, live=live, max_stored_mb=max_stored
    )
    shared = Studio(Pipeline(model, RenderSettings(device=device)), settings)
    serve(shared, serving, lambda address: say(f"The studio is at {address} (Ctrl-C ends it)."))


def _login(pair: str) -> tuple[str, str]:
    name, colon, password = pair.partition(":")
    if not (name and colon and password):
        raise SettingsError("--auth takes NAME:PASSWORD, both not empty.")
    return name, password
