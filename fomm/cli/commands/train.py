"""`fomm train`: train a model from a configuration and a folder of clips."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fomm.cli.echo import say
from fomm.config.render import DEVICES
from fomm.config.training.loop import RESUME
from fomm.errors import SettingsError
from fomm.weights.locations import config_folder, config_names

if TYPE_CHECKING:
    from fomm.training.loop.progress import Progress

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("config")
@click.argument("data", type=_PATH)
@click.option("-o", "--run", "run_folder", type=_PATH, required=True, help="Folder of the run; a begun run goes on.")
@click.option("--device", type=click.Choice(DEVICES), default="auto", show_default=True, help="Where to compute.")
@click.option(
    "--resume",
    type=click.Choice(RESUME),
    default="auto",
    show_default=True,
    help="Whether a begun run goes on: under the same settings only, under changed ones too (adapt), or never.",
)
@click.option("--steps", type=click.IntRange(1), metavar="NUMBER", help="Stop after this many optimiser steps.")
@click.option("--limit", type=click.IntRange(1), metavar="NUMBER", help="Read only this many clips, for a trial.")
@click.option("--cache", type=_PATH, help="Folder that keeps decoded frames for later runs; else they are removed.")
@click.option("--tensorboard", is_flag=True, help="Also write curves and pictures to RUN/tensorboard.")
def train(
    config: str,
    data: Path,
    run_folder: Path,
    device: str,
    resume: str,
    steps: int | None,
    limit: int | None,
    cache: Path | None,
    tensorboard: bool,
) -> None:
    """Train a model as CONFIG says (a bundled name or a YAML file) on the clips in DATA.

    Under `torchrun` the work is shared between processes.
    """
    from fomm.training.loop.run import train as run_training

    result = run_training(
        _find(config),
        data,
        run_folder,
        device=device,
        resume=resume,
        steps=steps,
        limit=limit,
        cache=cache,
        tensorboard=tensorboard,
        on_progress=show_progress,
    )
    state = "finished" if result.finished else "run the same command to go on"
    if os.environ.get("RANK", "0") == "0":  # of the processes that torchrun starts, one speaks
        say(f"{result.checkpoint}: {result.steps} steps done, {state}.")


def _find(config: str) -> Path:
    """Return the file of a bundled configuration's name, or the path itself."""
    names = config_names()
    if config in names:
        return config_folder() / f"{config}.yaml"
    if not Path(config).is_file():
        raise SettingsError(f"There is no configuration file '{config}'; bundled ones: {', '.join(names)}.")
    return Path(config)


def show_progress(progress: Progress) -> None:
    """Print a report to standard error, one line each."""
    losses = "  ".join(f"{name} {value:.4f}" for name, value in progress.losses.items())
    say(
        f"{progress.phase} ({progress.number} of {progress.phases})  step {progress.step}/{progress.steps}  "
        f"{progress.seconds_per_step:.2f} s/step  {progress.seconds_left / 60:.0f} min left  {losses}",
        err=True,
    )
