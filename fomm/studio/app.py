"""The studio as a web server: the page, its queue, its limits, a health answer, and an orderly end."""

from __future__ import annotations

import os
import re
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from fomm import __version__
from fomm.errors import SettingsError
from fomm.heap import give_back
from fomm.studio.animate.tab import build_animate_tab
from fomm.studio.api import add_api, answer_in_words
from fomm.studio.edit.tab import build_edit_tab
from fomm.studio.gallery import bundled
from fomm.studio.live.layout import CSS as LIVE_CSS
from fomm.studio.live.layout import SCRIPT
from fomm.studio.live.route import live_route
from fomm.studio.live.tab import build_live_tab
from fomm.studio.plain_tabs import build_batch_tab, build_dub_tab
from fomm.studio.remember import remember
from fomm.studio.serve.callers import CallerDoor
from fomm.studio.serve.doors import ANY_HOST, Doors, Page, hung, known_hosts
from fomm.studio.serve.logins import LoginDoor, Logins
from fomm.studio.serve.routes import RouteDoor
from fomm.studio.serve.unkept import Unkept
from fomm.studio.serve.uploads import UploadDoor, Uploads
from fomm.studio.serve.warm import warm_up
from fomm.studio.service import Studio
from fomm.studio.theme import CSS, theme
from fomm.studio.verify_tab import build_verify_tab

_MASTHEAD = (
    '<header class="masthead"><h1>fomm <b>studio</b></h1><p>Bring one consented portrait to life. '
    "Every frame is labelled, watermarked and signed.</p></header>"
)
_SWEEP_SECONDS = 60.0
_HEAD = "<script>document.documentElement.lang = 'en'</script>" + SCRIPT


@dataclass(frozen=True)
class Serving:
    """Where and for whom the page is served.

    Attributes:
        host: address to listen on.
        port: 0 takes a free one.
        auth: name and password pairs; empty lets everybody in.
        root_path: path under which a reverse proxy shows the page.
        share: open a public tunnel; needs `auth`.
        hosts: names, or names with a port, under which visitors reach it beside `host` and this machine's own.

    Raises:
        SettingsError: a public tunnel without a password.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    auth: tuple[tuple[str, str], ...] = ()
    root_path: str = ""
    share: bool = False
    hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.share and not self.auth:
            raise SettingsError(
                "A public link without a password would let anybody record consents here; give --auth NAME:PASSWORD."
            )


def build(studio: Studio) -> gr.Blocks:
    """Return the page."""
    portraits, clips = bundled()
    os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = "1000000"  # or each event is summed up with all before it
    os.environ["GRADIO_TEMP_DIR"] = str(studio.sessions.uploads)  # Gradio has no other way to say where uploads go
    gr.set_static_paths(_served(studio))
    hour = 3600
    page: gr.Blocks = gr.Blocks(
        title="fomm studio", analytics_enabled=False, fill_width=True, delete_cache=(hour // 4, hour)
    )
    with page:
        add_api(studio)  # first: the page's own events get what names are left
        gr.HTML(_MASTHEAD, padding=False)
        with gr.Tabs():
            with gr.Tab("Animate", id="animate"):
                settings = {"animate": build_animate_tab(studio, portraits, clips)}
            with gr.Tab("Edit", id="edit"):
                settings["edit"] = build_edit_tab(studio, portraits)
            with gr.Tab("Live", id="live"):
                settings["live"] = build_live_tab(studio, portraits)
            with gr.Tab("Dub and refine", id="dub"):
                build_dub_tab()
            with gr.Tab("Batch", id="batch"):
                build_batch_tab()
            with gr.Tab("Verify", id="verify"):
                build_verify_tab(studio)
        for name, parts in settings.items():
            if parts:
                remember(page, name, parts)

        def leave(request: gr.Request) -> None:
            studio.sessions.close(request.session_hash or "")
            give_back()

        page.unload(leave)
    answer_in_words(page)
    page.queue(max_size=studio.settings.queue, status_update_rate="auto")
    return page


def _served(studio: Studio) -> list[str]:
    """Return what the page may show beside uploads: visitors' results and the galleries, wherever fomm is installed."""
    return [str(studio.sessions.folders), *(str(example.path) for examples in bundled() for example in examples)]


def launch(studio: Studio, serving: Serving | None = None) -> tuple[gr.Blocks, str]:
    """Start to serve in the background and return the page and its address.

    Raises:
        SettingsError: the port is taken.
    """
    serving = serving or Serving()
    page = build(studio)

    def health(request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "version": __version__, "sessions": len(studio.sessions)})

    options: dict[str, Any] = {
        "theme": theme(),
        "css": CSS + LIVE_CSS,
        "head": _HEAD,
        "server_name": serving.host,
        "server_port": serving.port or None,
        "auth": list(serving.auth) or None,
        "root_path": serving.root_path or None,
        "share": serving.share,
        "max_file_size": studio.settings.max_upload_mb * 1_000_000,
        "run_history": False,  # faces would stay in the browser
        "footer_links": ["api"],
        "allowed_paths": _served(studio),
        "enable_monitoring": False,
        "ssr_mode": False,
        "quiet": True,
        "prevent_thread_lock": True,
        "app_kwargs": {
            "routes": [Route("/health", health), live_route(studio.live)],
            "middleware": [Middleware(Page), Middleware(Unkept)],
            "lifespan": hung(lambda app: guard(app, studio, serving)),
        },
    }
    try:
        _, address, _ = page.launch(**options)
    except OSError as error:
        raise SettingsError(f"The studio cannot listen on port {serving.port}; choose another with --port.") from error
    return page, address


def guard(app: Any, studio: Studio, serving: Serving) -> Doors:
    """Return the studio behind its doors: host and origin, then address, login, length, sessions, room for uploads."""
    settings = studio.settings
    largest, stored = settings.max_upload_mb * 1_000_000, settings.max_stored_mb * 1_000_000
    inside: Any = UploadDoor(app, Uploads(stored, largest), studio.sessions.uploads)
    inside = CallerDoor(LoginDoor(inside, Logins()))
    inside = RouteDoor(inside, 4 * largest)
    names = known_hosts(serving.host, serving.hosts, serving.root_path, share=serving.share)
    origins = [*serving.hosts, urlsplit(serving.root_path).netloc]
    scripts = re.findall(r"<script>(.*?)</script>", _HEAD, re.DOTALL)
    proxied = bool(serving.hosts or serving.root_path)
    anywhere = serving.host in ANY_HOST
    return Doors(inside, names, origins, any_address=anywhere, proxied=proxied, scripts=scripts)


def serve(studio: Studio, serving: Serving, announce: Callable[[str], None] | None = None) -> None:
    """Serve until the process is told to end; then stop renders and delete what visitors left.

    Visitors who closed no page are forgotten in time, also when nobody else comes.

    Args:
        studio: the model and its ledger.
        serving: where and for whom.
        announce: called with the page's address once it is up.
    """
    page: gr.Blocks | None = None
    warming = threading.Thread(target=warm_up, args=(studio.pipeline,), name="fomm-studio-warm", daemon=True)
    tempfile.tempdir = str(studio.sessions.store.scratch)  # what libraries leave goes with the rest
    try:
        page, address = launch(studio, serving)
        warming.start()
        if announce is not None:
            announce(address)
        while True:
            time.sleep(_SWEEP_SECONDS)
            studio.sessions.store.keep()
            if studio.sessions.end_idle():
                give_back()
    finally:
        if page is not None:
            page.close(verbose=False)
        tempfile.tempdir = None
        studio.close()
        if warming.is_alive():
            warming.join()  # a thread inside PyTorch when Python ends takes the process down with it
