"""What the command line shows: one bar over all passes of a job, with frames per second and the time left in all."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from fomm.tasks.progress import Progress as ProgressCallback
from fomm.tasks.progress import Reached, WholeJob

_TITLES = {"track": "Reading the motion", "render": "Animating", "measure": "Measuring clips", "compare": "Filming"}


@contextmanager
def progress_bars(passes: Sequence[str] = (), console: Console | None = None) -> Iterator[ProgressCallback]:
    """Yield a progress callback that draws one bar for a job of several passes.

    It is drawn to standard error if that is a terminal, and not at all into a file or pipe.

    Args:
        passes: the stages that the job will report, in order; without them each stage has a bar of its own.
        console: where to draw instead.
    """
    columns = (
        TextColumn("{task.description:20}"),
        BarColumn(),
        TextColumn("{task.fields[share]:>4}"),
        TextColumn("{task.fields[frames]}"),
        TextColumn("{task.fields[speed]}"),
        TextColumn("{task.fields[left]}"),
    )
    console = console or Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        begun = time.monotonic()
        jobs: dict[str, tuple[WholeJob, TaskID]] = {}

        def report(stage: str, done: int, total: int | None) -> None:
            key = "" if passes else stage
            if key not in jobs:
                job = WholeJob(passes or (stage,), begun if passes else time.monotonic())
                jobs[key] = job, bars.add_task("", total=None, **_fields(Reached()))
            job, bar = jobs[key]
            reached = job.report(stage, done, total, time.monotonic())
            whole = None if reached.share is None else 1.0
            bars.update(
                bar,
                description=_TITLES.get(stage, stage),
                total=whole,
                completed=reached.share or 0.0,
                **_fields(reached),
            )

        yield report


def _fields(reached: Reached) -> dict[str, Any]:
    """Return what stands beside the bar."""
    return {
        "share": "" if reached.share is None else f"{int(100 * reached.share)}%",
        "frames": f"{reached.done}/{'?' if reached.total is None else reached.total}",
        "speed": f"{reached.fps:.1f} fps" if reached.fps else "",
        "left": "" if reached.seconds_left is None else f"{_clock(reached.seconds_left)} left",
    }


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"
