"""How far a whole job is: one share and one time left over all its passes, from the speed that is measured as it goes.

A clip is read once for its motion and rendered once from it, and neither pass alone says how long the whole takes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fomm.config.animate import TRACK_SUFFIX

Progress = Callable[[str, int, int | None], None]
"""Called with the stage ("track" or "render"), the frames done and, where it is known, how many there are."""

PASSES = ("track", "render")
"""The passes of an animation from a clip, in order."""

# Seconds per frame of one pass against another's, as the demo takes them on a CPU; used until each is measured.
_COSTS = {"track": 1.0, "render": 1.7}


@dataclass(frozen=True)
class Reached:
    """How far a job is.

    Attributes:
        stage: the pass at work, "track" or "render"; empty before the first frame.
        done: frames done in it.
        total: its frames, None when unknown.
        fps: its frames per second so far, 0 before that is known.
        share: how much of the whole job's time is over, in [0, 1]; never falls, and is 1 only at the end. None while
            it is unknown.
        seconds_left: of the whole job, None while unknown.
    """

    stage: str = ""
    done: int = 0
    total: int | None = None
    fps: float = 0.0
    share: float | None = None
    seconds_left: float | None = None


class WholeJob:
    """Adds up the reports of a job's passes.

    Args:
        passes: those that will come, in order; one that is reported without being named here counts as the last.
        begun: when the job began, in seconds on the clock of `report`.
    """

    def __init__(self, passes: Sequence[str], begun: float) -> None:
        self._passes = list(passes)
        self._begun = begun
        self._reached = Reached()
        self._first = (begun, 0)  # when the pass at work reported first, and how many frames were done then
        self._pace: dict[str, float] = {}  # seconds per frame of each pass so far

    def report(self, stage: str, done: int, total: int | None, now: float) -> Reached:
        """Take in one report of `fomm.tasks.progress.Progress`, made at `now` seconds; return how far the job is."""
        if stage not in self._passes:
            self._passes.append(stage)
        if stage != self._reached.stage:
            self._first = (now, done)
        since, first = self._first
        if done > first and now > since:
            self._pace[stage] = (now - since) / (done - first)
        later = self._passes[self._passes.index(stage) + 1 :]
        left = self._left(stage, done, total, later)
        share = self._share(left, now, over=total is not None and done >= total and not later)
        fps = 1 / self._pace[stage] if stage in self._pace else 0.0
        self._reached = Reached(stage, done, total, fps, share, left)
        return self._reached

    def _left(self, stage: str, done: int, total: int | None, later: list[str]) -> float | None:
        """Return the seconds left, None where frames or speed are unknown."""
        if total is None:
            return None
        frames = {stage: max(0, total - done)} | dict.fromkeys(later, total)
        paces = {name: self._pace_of(name) for name, count in frames.items() if count}
        known = [pace * frames[name] for name, pace in paces.items() if pace is not None]
        return sum(known) if len(known) == len(paces) else None

    def _pace_of(self, stage: str) -> float | None:
        """Return the seconds per frame of a pass, guessed from another's before it is measured itself."""
        if stage in self._pace or not self._pace:
            return self._pace.get(stage)
        other, pace = next(reversed(self._pace.items()))
        return pace * _COSTS.get(stage, 1.0) / _COSTS.get(other, 1.0)

    def _share(self, left: float | None, now: float, *, over: bool) -> float | None:
        """Return the share of time that is over, no less than was said before."""
        before = self._reached.share
        if over:
            return 1.0
        spent = now - self._begun
        if left is None or spent <= 0:
            return before
        return max(before or 0.0, min(spent / (spent + left), _ALMOST))


_ALMOST = 0.999  # the most that is said before the last frame is done


def passes_of(driving: Path) -> tuple[str, ...]:
    """Return the passes that animating with `driving` takes: a motion track has been read already."""
    return PASSES[1:] if driving.suffix == TRACK_SUFFIX else PASSES
