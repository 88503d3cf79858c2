"""Lips that go where their keypoints do: a part of the flow that follows from keypoints alone.

A network that weighs motions against each other has a mean of them near the mouth: on real clips the corners of a smile
went .8 of their way and an upper lip that is raised .6. What the flow lacks at the keypoints of the lips is known, but
for their noise, and is a smooth field in between; the best guess of such a field is a weighted sum of bumps around the
keypoints (kriging: Rasmussen and Williams, "Gaussian processes for machine learning", 2006, eq. 2.23), here those of
Wendland, which end after some way (1995, "Piecewise polynomial, positive definite and compactly supported radial
functions").
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.geometry.grids import cells_between, coordinate_grid
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import REGIONS, TIED_LANDMARKS
from fomm.parts.stage import Frame, Stage

_LIPS = list(REGIONS["mouth"])
_CORNERS = [TIED_LANDMARKS.index(landmark) for landmark in (61, 291)]
_MIDDLES = [TIED_LANDMARKS.index(landmark) for landmark in (0, 17)]
_SIDES = {81: -1.0, 13: -1.0, 311: -1.0, 178: 1.0, 14: 1.0, 402: 1.0}  # of an inner lip's edge: up or down
_INNER = torch.tensor([_SIDES.get(TIED_LANDMARKS[place], 0.0) for place in _LIPS])
_INSIDE = 0.08  # half widths of the mouth from the edge of an inner lip to where the flow is the lip's alone
_BUMP = 1.5  # half widths from a keypoint to where it tells nothing any more
_NOISE = 0.5  # variance of what keypoints stray by, in parts of that of what the flow lacks


def follow_lips(displacement: Tensor, driving: Keypoints, source: Keypoints) -> Tensor:
    """Return a displacement that takes the lips nearly as far as their keypoints.

    Args:
        displacement: backward, `[B, 2, S, S]` in [-1, 1] units.
        driving: keypoints of the frame to make, `B` of them.
        source: keypoints of the source, `B` of them.
    """
    now, was = driving.value[:, _LIPS], source.value[:, _LIPS]  # [B, L, 2] for L keypoints of the lips
    left, right = driving.value[:, _CORNERS].unbind(1)
    half = ((right - left).norm(dim=-1) / 2).clamp_min(1e-3)[:, None, None]  # [B, 1, 1]
    upper, lower = driving.value[:, _MIDDLES].unbind(1)
    down = F.normalize(lower - upper, dim=-1, eps=1e-4)[:, None]  # [B, 1, 2]
    places = now + _INSIDE * half * down * _INNER.to(now)[:, None]
    there = F.grid_sample(displacement, places[:, :, None], padding_mode="border", align_corners=False)
    missing = was - now - there[..., 0].transpose(1, 2)  # [B, L, 2]
    noise = _NOISE * torch.eye(len(_LIPS), device=now.device)
    weights = torch.linalg.solve(_bumps(places, places, half) + noise, missing)
    side = displacement.shape[-1]
    rows, columns = cells_between((places - _BUMP * half).amin((0, 1)), (places + _BUMP * half).amax((0, 1)), side)
    grid = coordinate_grid(side, side, displacement, corners=False)[rows, columns]  # [h, w, 2]
    lacking = _bumps(grid.reshape(1, -1, 2).expand(len(now), -1, -1), places, half) @ weights  # [B, h w, 2]
    moved = displacement.clone()
    moved[:, :, rows, columns] += lacking.transpose(1, 2).unflatten(2, grid.shape[:2])
    return moved


def _bumps(places: Tensor, around: Tensor, half: Tensor) -> Tensor:
    """Return how much places `[B, N, 2]` have to do with others `[B, L, 2]`, `[B, N, L]` in [0, 1]."""
    near = torch.cdist(places, around) / (_BUMP * half)
    return (1 - near).clamp_min(0).square().square() * (4 * near + 1)


class LipStage(Stage):
    """Lips go where their keypoints do."""

    name = "lips"

    def apply(self, frame: Frame) -> Frame:
        """Move the lips."""
        return frame.moved(follow_lips(frame.displacement, frame.moment.driving, frame.moment.source))
