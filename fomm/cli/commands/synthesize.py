"""`fomm synthesize`: draw training clips of people who do not exist."""

from __future__ import annotations

import os
import shlex
import time
from pathlib import Path
from typing import Any

import click

from fomm.cli.echo import say
from fomm.cli.options import StagedCommand, build_settings, settings_options
from fomm.config.synthesize import SynthesisSettings
from fomm.errors import SettingsError

_PATH = click.Path(path_type=Path)


def _no_origin(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """Answer the option of earlier releases, which let anybody claim anything about pictures without a record."""
    if value is not None:
        raise SettingsError(
            "--origin is not taken any more: each portrait's record says where it comes from. Record them all: "
            'fomm consent grant PORTRAITS --subject NAME --nobody ai-generated --source "..."'
        )


@click.command(cls=StagedCommand)
@click.argument("portraits", type=_PATH)
@click.option("-o", "--output", type=_PATH, required=True, help="Folder of the clip set; a stopped run goes on.")
@click.option("--units", type=_PATH, help="Archive of expression units; face_units.npz beside PORTRAITS if not given.")
@click.option("--mouth", type=_PATH, help="Archive of teeth and tongue; mouth.npz beside PORTRAITS if not given.")
@click.option("--origin", expose_value=False, hidden=True, callback=_no_origin)
@click.option("--processes", type=click.IntRange(1), help="How many draw at once; one per processor if not given.")
@settings_options(SynthesisSettings)
def synthesize(
    portraits: Path,
    output: Path,
    units: Path | None,
    mouth: Path | None,
    processes: int | None,
    settings_file: Path | None,
    **given: Any,
) -> None:
    """Draw labelled training clips from PORTRAITS, a folder of rights-clean portraits of nobody living.

    Each of them needs a record: fomm consent grant PORTRAITS --subject NAME --nobody ai-generated --source "..."

    Clips come in pairs: two people in the same performance, with true flow, landmarks and expression. `fomm train`
    takes the folder as it is.
    """
    from fomm.synthesis.run import Sources
    from fomm.synthesis.run import synthesize as draw_clips

    settings = build_settings(SynthesisSettings, given, settings_file)
    beside = portraits.resolve().parent
    sources = Sources(portraits, units or beside / "face_units.npz", mouth or beside / "mouth.npz")
    count = processes or os.cpu_count() or 1
    drawn = draw_clips(sources, output, settings, processes=count, on_progress=_Progress())
    say(f"{output}: {drawn} pairs drawn. Train on them: fomm train CONFIG {shlex.quote(str(output))} -o RUN")


class _Progress:
    """Says after every pair how many are there and how long the others will take."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._found: int | None = None

    def __call__(self, done: int, total: int) -> None:
        if self._found is None:
            self._found = done
        left = ""
        if done > self._found:
            seconds = (time.monotonic() - self._begun) / (done - self._found) * (total - done)
            left = f"  {seconds / 60:.0f} min left"
        say(f"{done} of {total} pairs{left}", err=True)
