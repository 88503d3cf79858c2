"""Irises move between the lids: a part of the flow that follows from keypoints alone.

An open eye is two or three cells of the flow field high, too few for a network to tell iris from lid. But its keypoints
tell all there is to know: the eye is the almond between two parabolas through its corners and lids. Inside, the
network's own motion, which is that of the lids, is made to agree with how the iris went from source to driving frame;
toward lids and corners that correction fades.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.nn.geometry import Keypoints, coordinate_grid
from fomm.nn.landmarks import EYES, REGIONS

# Over which part of half the eye's width the correction fades: at the corners, and below and above each lid for what
# goes sideways and for what goes up and down, where it would pull the lid itself into the eye.
_CORNER, _SIDEWAYS, _UPRIGHT = 0.25, 0.06, 0.15
_FLATTEST = 0.5  # of 1 - x^2 where a lid's keypoint lies, if that is near a corner by mistake


def turn_irises(displacement: Tensor, driving: Keypoints, source: Keypoints) -> Tensor:
    """Return a displacement whose irises move as their keypoints do.

    Args:
        displacement: backward, `[B, 2, H, W]` in [-1, 1] units.
        driving: keypoints of the frame to make, `B` of them, irises included.
        source: keypoints of the source, `B` of them.
    """
    now, before = driving.value, source.value
    iris = now[:, list(REGIONS["irises"])]  # [B, 2 eyes, 2]
    there = F.grid_sample(displacement, iris[:, :, None], padding_mode="border", align_corners=False)
    wanted = before[:, list(REGIONS["irises"])] - iris
    missing = wanted - there[..., 0].transpose(1, 2)  # [B, 2 eyes, 2]
    corners = now[:, [eye[:2] for eye in EYES]]  # [B, 2 eyes, 2 corners, 2]
    lids = now[:, [eye[2:] for eye in EYES]]  # [B, 2 eyes, upper and lower, 2]
    centre = corners.mean(2)
    along = (corners[:, :, 1] - corners[:, :, 0]) / 2
    half = along.square().sum(-1, keepdim=True).add(1e-8).sqrt()  # [B, 2 eyes, 1]
    along = along / half
    down = torch.stack((-along[..., 1], along[..., 0]), dim=-1)
    down = torch.where(((lids[:, :, 1] - lids[:, :, 0]) * down).sum(-1, keepdim=True) < 0, -down, down)
    axes = torch.stack((along, down), dim=2)  # [B, 2 eyes, 2 axes, 2]
    lid_x, lid_y = torch.einsum("bejc,beic->ibej", (lids - centre[:, :, None]) / half[..., None], axes)
    bulge = lid_y / (1 - lid_x.square()).clamp_min(_FLATTEST)  # [B, 2 eyes, upper and lower]
    height, width = displacement.shape[2:]
    grid = coordinate_grid(height, width, displacement, corners=False)
    offset = (grid - centre[:, :, None, None]) / half[..., None, None]  # [B, 2 eyes, H, W, 2]
    x, y = torch.einsum("behwc,beic->ibehw", offset, axes)
    room = 1 - x.square()
    upper, lower = bulge[..., None, None].unbind(2)  # [B, 2 eyes, 1, 1]
    inside = torch.minimum(y - upper * room, lower * room - y)  # [B, 2 eyes, H, W], half widths from the nearer lid
    fade = ((1 - x.abs()) / _CORNER).clamp(0, 1)
    weight = torch.stack([fade * (inside / reach).clamp(0, 1) for reach in (_SIDEWAYS, _UPRIGHT)], dim=2)
    sideways_and_upright = torch.einsum("bec,beic->bei", missing, axes)  # [B, 2 eyes, 2 axes]
    correction = torch.einsum("beihw,bei,beic->bchw", weight, sideways_and_upright, axes)
    return displacement + correction
