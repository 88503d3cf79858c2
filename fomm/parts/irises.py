"""Irises move between the lids: a part of the flow that follows from keypoints alone.

Inside the eye shape of an eye (see `fomm.geometry.eye_shape`) the network's own motion, which is that of the lids, is
made to agree with how the iris went from source to driving frame; toward lids and corners that correction fades. For
irises that go far see `fomm.parts.eyeballs`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.geometry.eye_shape import EyeShapes
from fomm.geometry.grids import coordinate_grid
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import REGIONS
from fomm.parts.stage import Frame, Stage

# Over which part of half the eye's width the correction fades: at the corners, and below and above each lid for what
# goes sideways and for what goes up and down, where it would pull the lid itself into the eye.
_CORNER, _SIDEWAYS, _UPRIGHT = 0.25, 0.06, 0.15


def turn_irises(displacement: Tensor, driving: Keypoints, source: Keypoints) -> Tensor:
    """Return a displacement whose irises move as their keypoints do.

    Args:
        displacement: backward, `[B, 2, S, S]` in [-1, 1] units.
        driving: keypoints of the frame to make, `B` of them, irises included.
        source: keypoints of the source, `B` of them.
    """
    now, before = driving.value, source.value
    iris = now[:, list(REGIONS["irises"])]  # [B, 2 eyes, 2]
    there = F.grid_sample(displacement, iris[:, :, None], padding_mode="border", align_corners=False)
    wanted = before[:, list(REGIONS["irises"])] - iris
    missing = wanted - there[..., 0].transpose(1, 2)  # [B, 2 eyes, 2]
    eyes = EyeShapes.of(now)
    side = displacement.shape[-1]
    rows, columns = eyes.box(side)
    x, y = eyes.places(coordinate_grid(side, side, displacement, corners=False)[rows, columns])  # [B, 2 eyes, h, w]
    inside = eyes.inside(x, y)
    fade = ((1 - x.abs()) / _CORNER).clamp(0, 1)
    weight = torch.stack([fade * (inside / reach).clamp(0, 1) for reach in (_SIDEWAYS, _UPRIGHT)], dim=2)
    sideways_and_upright = torch.einsum("bec,beic->bei", missing, eyes.axes)  # [B, 2 eyes, 2 axes]
    correction = torch.einsum("beihw,bei,beic->bchw", weight, sideways_and_upright, eyes.axes)
    moved = displacement.clone()
    moved[:, :, rows, columns] += correction
    return moved


class IrisStage(Stage):
    """Irises go where their keypoints do, between the lids."""

    name = "irises"

    def apply(self, frame: Frame) -> Frame:
        """Move the irises."""
        return frame.moved(turn_irises(frame.displacement, frame.moment.driving, frame.moment.source))
