"""Lids that shut: a part of the flow that follows from keypoints alone.

A lid that comes down is a fold of a few pixels that a network smooths: eyes that should be shut stay half open. As an
eye closes, the network's motion is made to agree with the keypoint of the upper lid along the whole of the lid (see
`fomm.nn.eyes`). Above it the correction fades into the skin, which stretches, at twice the height of an open eye or so;
below it at once, because what is there is the eye. Small changes of opening are left to the network, which tells them
from the keypoints' noise.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.nn.eyes import Almonds
from fomm.nn.geometry import Keypoints, coordinate_grid

_BEGIN, _END = 0.8, 0.4  # opening, relative to the source's, where the correction begins and where it is complete
_SKIN, _EYE = 0.8, 0.12  # half widths of the eye over which it fades above the lid, and below
_ABOVE = 0.06  # half widths above its edge that the lid's motion is read at, where it is the lid's alone
_LEAST = 0.05  # half widths that the source's eye is open at least, to compare with


def shut_lids(displacement: Tensor, driving: Keypoints, source: Keypoints) -> Tensor:
    """Return a displacement whose upper lids come down as far as their keypoints do.

    Args:
        displacement: backward, `[B, 2, S, S]` in [-1, 1] units.
        driving: keypoints of the frame to make, `B` of them.
        source: keypoints of the source, `B` of them.
    """
    now, before = Almonds.of(driving.value), Almonds.of(source.value)
    left = now.opening / before.opening.clamp_min(_LEAST)  # [B, 2 eyes]
    closing = ((_BEGIN - left) / (_BEGIN - _END)).clamp(0, 1)
    if not bool(closing.any()):
        return displacement
    edge = now.lids[:, :, 0]  # [B, 2 eyes, 2]
    read = edge - _ABOVE * now.half * now.axes[:, :, 1]
    there = F.grid_sample(displacement, read[:, :, None], padding_mode="border", align_corners=False)
    missing = before.lids[:, :, 0] - edge - there[..., 0].transpose(1, 2)  # [B, 2 eyes, 2]
    side = displacement.shape[-1]
    rows, columns = now.box(side)
    x, y = now.places(coordinate_grid(side, side, displacement, corners=False)[rows, columns])  # [B, 2 eyes, h, w]
    room = (1 - x.square()).clamp_min(0)
    above = now.bulge[..., :1, None] * room - y
    weight = room * torch.where(above > 0, 1 - (above - _ABOVE) / _SKIN, 1 + above / _EYE).clamp(0, 1)
    moved = displacement.clone()
    moved[:, :, rows, columns] += torch.einsum("behw,be,bec->bchw", weight, closing, missing)
    return moved
