"""Progress of a run as data: whoever started it decides how to show it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """Where a run is.

    Attributes:
        phase: name of the present phase.
        number: its place in the schedule, from 1.
        phases: how many phases there are.
        step: optimiser steps done in this phase.
        steps: length of this phase.
        losses: weighted losses, each the mean since the last report.
        seconds_per_step: pace since the last report.
        seconds_left: time to the end of this phase at that pace.
        skipped: steps left out since the last report, because their gradient was not finite.
    """

    phase: str
    number: int
    phases: int
    step: int
    steps: int
    losses: Mapping[str, float]
    seconds_per_step: float
    seconds_left: float
    skipped: int


Listener = Callable[[Progress], None]


def log_progress(progress: Progress) -> None:
    """Write a report to the log, one line each."""
    losses = "  ".join(f"{name} {value:.4f}" for name, value in progress.losses.items())
    skipped = f"  {progress.skipped} steps skipped" if progress.skipped else ""
    log.info(
        "%s %d/%d  %.2f s/step  %.0f min left%s  %s",
        progress.phase,
        progress.step,
        progress.steps,
        progress.seconds_per_step,
        progress.seconds_left / 60,
        skipped,
        losses,
    )


class Meter:
    """Gather losses and time between two reports, without waiting for the device."""

    def __init__(self) -> None:
        self._clear()

    def add(self, losses: Mapping[str, Tensor]) -> None:
        """Count one step that went well."""
        self._steps += 1
        for name, value in losses.items():
            self._totals[name] = self._totals.get(name, 0) + value.detach()

    def skip(self) -> None:
        """Count one step that was left out."""
        self._skipped += 1

    def report(self, phase: str, number: int, phases: int, step: int, steps: int) -> Progress:
        """Return the progress since the last report and start anew."""
        done = self._steps + self._skipped
        pace = (time.perf_counter() - self._since) / max(done, 1)
        losses = {name: float(total) / self._steps for name, total in self._totals.items()}
        progress = Progress(phase, number, phases, step, steps, losses, pace, pace * (steps - step), self._skipped)
        self._clear()
        return progress

    def _clear(self) -> None:
        self._totals: dict[str, Tensor | int] = {}
        self._steps = self._skipped = 0
        self._since = time.perf_counter()
