"""Points on the irises at which the flow is judged, where the eyes are open enough to see them.

The dense flow of a clip leaves eyes out, because lids hide what moves there. A few points on each iris say how the gaze
moved: its centre, and two that lie beside it where lids seldom are.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fomm.geometry.landmarks import EYE_LANDMARKS
from fomm.training.augment.views import TransferSample

_OPEN = 0.16  # opening of the lids in widths of the eye below which little of the iris is seen
_BESIDE = 0.6  # radii from the centre to the two points beside it
_POINTS = 3  # of each iris


@dataclass(frozen=True)
class SeenIrises:
    """Points of person 0's irises in source and driving frame.

    Attributes:
        source: `[B, 6, 2]` in [-1, 1], three of each iris.
        driving: the same points in the driving frame.
        seen: bool `[B, 6]`, where they are known and the lids open in both frames; elsewhere the points are 0.
    """

    source: Tensor
    driving: Tensor
    seen: Tensor


def see_irises(sample: TransferSample) -> SeenIrises:
    """Return the points of a batch."""
    irises = sample.irises[:, :2]
    irises = irises.view(len(irises), 2, len(EYE_LANDMARKS), -1, 2)  # [B, 2 moments, 2 eyes, 5, 2]
    centre = irises[..., :1, :]
    beside = torch.lerp(centre.expand(-1, -1, -1, 2, -1), irises[..., (1, 3), :], _BESIDE)
    points = torch.cat((centre, beside), dim=3)  # [B, 2, 2, 3, 2]
    known = points.isfinite().flatten(2).all(2).all(1)  # [B]
    outer, inner, upper, lower = sample.landmarks[:, :2, EYE_LANDMARKS].unbind(3)  # [B, 2 moments, 2 eyes, 2] each
    width = (outer - inner).norm(dim=-1).clamp_min(1e-6)
    opened = ((upper - lower).norm(dim=-1) > _OPEN * width).all(1)  # [B, 2 eyes]
    seen = (opened & known[:, None]).repeat_interleave(_POINTS, dim=1)  # [B, 6]
    source, driving = torch.nan_to_num(points).flatten(2, 3).unbind(1)
    return SeenIrises(source, driving, seen)
