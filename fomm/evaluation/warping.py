"""Whether colours stay with what moves: the warping error of Lai et al., 2018, on blind video temporal consistency.

Two true frames show the same things in different places, and the true flow says where. Frames that were made in their
stead should show the same colours at those two places: what flickers there does not, and neither does what stands still
while it should move. As in that paper the flow is that of the reference, not one estimated from what is judged.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from fomm.evaluation.labelled import ClipTruth
from fomm.evaluation.pictures import Picture
from fomm.evaluation.tally import Mean
from fomm.nn.compact_generator import warp


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
            known = torch.from_numpy(flow.weights["all"])[None, None]  # [1, 1, 64, 64]
            for method, picture in frames.items():
                other = self._frames.get(flow.source, {}).get(method)
                if other is None or flow.source == moment:
                    continue
                there = _warped(other, flow.displacement)
                apart = (there - _planes(picture)).abs().mean(1, keepdim=True)
                where = F.interpolate(known, size=apart.shape[2:], mode="nearest").to(apart)
                total = float(where.sum())
                means.setdefault(method, Mean()).add(float((apart * where).sum()) / max(total, 1), total)
        return {method: mean.value for method, mean in means.items()}


def _warped(picture: Picture, displacement: NDArray[np.float64]) -> torch.Tensor:
    """Return a picture as the frame that a backward displacement `[64, 64, 2]` points from shows it, `[1, 3, H, W]`."""
    planes = torch.from_numpy(displacement).permute(2, 0, 1)[None].float()  # [1, 2, 64, 64]
    return warp(_planes(picture), planes)


def _planes(picture: Picture) -> torch.Tensor:
    return torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float()  # [1, 3, H, W]
