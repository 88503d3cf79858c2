"""What the command line shows: one progress bar per stage with frames per second and time left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from fomm.scenes.tracking import Progress as ProgressCallback

_TITLES = {"track": "Reading the motion", "render": "Animating", "measure": "Measuring clips", "compare": "Filming"}


class _FrameRate(ProgressColumn):
    """Frames per second over the last seconds."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f} fps")


@contextmanager
def progress_bars() -> Iterator[ProgressCallback]:
    """Yield a progress callback; bars appear as their stages begin.

    They are drawn to standard error if that is a terminal, and not at all into a file or pipe.
    """
    columns = (
        TextColumn("{task.description:20}"),
        BarColumn(),
        MofNCompleteColumn(),
        _FrameRate(),
        TimeRemainingColumn(compact=True),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        tasks = {}

        def report(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(_TITLES.get(stage, stage), total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield report
