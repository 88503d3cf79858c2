"""Whether colours stay with what moves: the warping error of Lai et al., 2018, on blind video temporal consistency.

Two true frames show the same things in different places, and the true flow says where. Frames that were made in their
stead should show the same colours at those two places: what flickers there does not, and neither does what stands still
while it should move. As in that paper the flow is that of the reference, not one estimated from what is judged.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fomm.evaluation.baselines import moved
from fomm.evaluation.labelled import ClipTruth
from fomm.evaluation.measures.pictures import Picture
from fomm.evaluation.measures.tally import Mean


class WarpingError:
    """Mean absolute difference of colours between pairs of frames, along the true flow, in grey levels.

    Args:
        truth: of the clip whose frames should have come out. Such clips are a second or two long, so all frames are
            kept until the end.
    """

    def __init__(self, truth: ClipTruth) -> None:
        self._truth = truth
        self._frames: dict[int, dict[str, Picture]] = {}

    def add(self, moment: int, made: Mapping[str, Picture]) -> None:
        """Add the frames `[H, W, 3]` of one moment, by method."""
        self._frames[moment] = dict(made)

    def values(self) -> dict[str, float | None]:
        """Return the means by method over all pairs of which both frames were added."""
        means: dict[str, Mean] = {}
        for moment, frames in self._frames.items():
            flow = self._truth.flow(moment)
            if flow.source == moment or flow.source not in self._frames:
                continue
            known = flow.weights["all"] > 0  # [64, 64]
            sides = next(iter(frames.values())).shape[:2]
            cells = [np.arange(side) * count // side for side, count in zip(sides, known.shape, strict=True)]
            where = known[np.ix_(*cells)]  # [H, W]
            if not where.any():
                continue
            for method, picture in frames.items():
                apart = np.abs(moved(self._frames[flow.source][method], flow.displacement).numpy() - picture)
                means.setdefault(method, Mean()).add(float(apart[where].mean()), float(where.sum()))
        return {method: mean.value for method, mean in means.items()}
