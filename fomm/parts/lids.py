"""Lids that shut, and lower lids that rise: a part of the flow that follows from keypoints alone.

A lid that comes down is a fold of a few pixels that a network smooths: eyes that should be shut stay half open, and the
skin above them tears. As an eye closes, the motion of the upper lid's edge is made to agree with its keypoint along the
whole of the lid (see `fomm.geometry.eye_shape`). Between there and the brow the skin stretches, half as the network has
it and half evenly, so that no brow is drawn down; below the edge, where the eye is, the correction ends at once. Small
changes of opening are left to the network, which tells them from the keypoints' noise.

Lower lids hardly move but in a squint or a smile, when cheeks push them up. The network leaves them where they are, so
the flow along them is made to agree with their keypoints, too, as far as these went further than their noise.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.geometry.eye_shape import EyeShapes
from fomm.geometry.grids import coordinate_grid
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import TIED_LANDMARKS
from fomm.parts.stage import Frame, Stage

_BROWS = [TIED_LANDMARKS.index(landmark) for landmark in (105, 334)]
_BEGIN, _END = 0.8, 0.4  # opening, relative to the source's, where the correction begins and where it is complete
_THICK = 0.35  # half widths of the eye from a brow's keypoint, on its upper edge, to the skin below it
_UNFOLDED = 1.15  # times the way the lid came down, at least: less skin would fold
_LOW, _HIGH = 0.3, 1.0  # half widths of skin above the lid, at least and at most
_EVENLY = 0.6  # share of even stretching; all of it would make lids of clips worse, which move as a piece
_EYE = 0.12  # half widths below the lid's edge over which the correction fades
_CORNER = 0.25  # of half the eye's width, over which it fades at the corners
_ABOVE = 0.06  # half widths above its edge that the lid's motion is read at, where it is the lid's alone
_NOISE = 0.025  # half widths, about a third of a pixel of 256, that a lower lid's keypoint strays by
_CHEEK = 0.8  # half widths of skin below the lower lid that goes with it, less and less
_LEAST = 0.05  # half widths that the source's eye is open at least, to compare with


def shut_lids(displacement: Tensor, driving: Keypoints, source: Keypoints) -> Tensor:
    """Return a displacement whose upper lids come down as far as their keypoints do.

    Args:
        displacement: backward, `[B, 2, S, S]` in [-1, 1] units.
        driving: keypoints of the frame to make, `B` of them.
        source: keypoints of the source, `B` of them.
    """
    now, before = EyeShapes.of(driving.value), EyeShapes.of(source.value)
    left = now.opening / before.opening.clamp_min(_LEAST)  # [B, 2 eyes]
    closing = ((_BEGIN - left) / (_BEGIN - _END)).clamp(0, 1)
    if not bool(closing.any()):
        return displacement
    rows, columns, grid = _around(displacement, now)
    part = displacement[:, :, rows, columns]
    x, y = now.places(grid)  # [B, 2 eyes, h, w] each
    room = (1 - x.square()).clamp_min(0)
    above = now.bulge[..., :1, None] * room - y
    weight = closing[..., None, None] * ((1 - x.abs()) / _CORNER).clamp(0, 1)
    missing = _missing(displacement, now, before, lid=0)[..., None, None] * room[:, :, None]  # [B, 2 eyes, 2, h, w]
    for eye in range(above.shape[1]):
        skin = _skin(now, before, driving, source, eye)[:, None, None]  # [B, 1, 1]
        down = (now.half[:, eye] * now.axes[:, eye, 1])[:, None, None]  # [B, 1, 1, 2], half a width
        height = above[:, eye]
        edge = _read(displacement, grid + (height - _ABOVE)[..., None] * down) + missing[:, eye]
        brow = _read(displacement, grid + (height - skin)[..., None] * down)
        up = ((height - _ABOVE) / (skin - _ABOVE)).clamp(0, 1)[:, None]
        stretched = torch.lerp(part + missing[:, eye] * (1 - up), torch.lerp(edge, brow, up), _EVENLY)
        ahead = part + missing[:, eye] * (1 + height / _EYE).clamp(0, 1)[:, None]
        wanted = torch.where(height[:, None] > 0, stretched, ahead)
        within = (weight[:, eye] * (height < skin))[:, None]
        part = torch.lerp(part, wanted, within)
    moved = displacement.clone()
    moved[:, :, rows, columns] = part
    return moved


def follow_lower_lids(displacement: Tensor, driving: Keypoints, source: Keypoints) -> Tensor:
    """Return a displacement whose lower lids go as far up or down as their keypoints do.

    Args:
        displacement: backward, `[B, 2, S, S]` in [-1, 1] units.
        driving: keypoints of the frame to make, `B` of them.
        source: keypoints of the source, `B` of them.
    """
    now, before = EyeShapes.of(driving.value), EyeShapes.of(source.value)
    down = now.axes[:, :, 1]  # [B, 2 eyes, 2]
    way = (_missing(displacement, now, before, lid=1) * down).sum(-1, keepdim=True) / now.half  # [B, 2 eyes, 1]
    way = way * way.square() / (way.square() + _NOISE**2)
    rows, columns, grid = _around(displacement, now)
    x, y = now.places(grid)  # [B, 2 eyes, h, w] each
    room = (1 - x.square()).clamp_min(0)
    below = y - now.bulge[..., 1:, None] * room
    # A lid that rises covers the eye; one that sinks stretches it.
    eye = torch.where(way[..., 0] > 0, _EYE, now.opening.clamp_min(_EYE))[..., None, None]
    fading = torch.where(below > 0, 1 - below / _CHEEK, 1 + below / eye).clamp(0, 1)
    weight = fading * room * ((1 - x.abs()) / _CORNER).clamp(0, 1)
    moved = displacement.clone()
    moved[:, :, rows, columns] += ((way * now.half * down)[..., None, None] * weight[:, :, None]).sum(1)
    return moved


def _around(displacement: Tensor, now: EyeShapes) -> tuple[slice, slice, Tensor]:
    """Return the rows and columns of a displacement that hold the eyes, and where these are, `[h, w, 2]`."""
    side = displacement.shape[-1]
    rows, columns = now.box(side)
    return rows, columns, coordinate_grid(side, side, displacement, corners=False)[rows, columns]


def _missing(displacement: Tensor, now: EyeShapes, before: EyeShapes, lid: int) -> Tensor:
    """Return what the motion of upper lids, 0, or lower ones, 1, lacks at their keypoints, `[B, 2 eyes, 2]`."""
    edge = now.lids[:, :, lid]  # [B, 2 eyes, 2]
    read = edge + (_ABOVE if lid else -_ABOVE) * now.half * now.axes[:, :, 1]
    there = F.grid_sample(displacement, read[:, :, None], padding_mode="border", align_corners=False)
    return before.lids[:, :, lid] - edge - there[..., 0].transpose(1, 2)


def _skin(now: EyeShapes, before: EyeShapes, driving: Keypoints, source: Keypoints, eye: int) -> Tensor:
    """Return how high the skin between lid and brow is, `[B]`, in half widths of the eye."""
    way, was = (
        ((each.lids[:, eye, 0] - value[:, _BROWS[eye]]) * each.axes[:, eye, 1]).sum(-1) / each.half[:, eye, 0]
        for each, value in ((now, driving.value), (before, source.value))
    )
    return torch.maximum(way - _THICK, _UNFOLDED * (way - was)).clamp(_LOW, _HIGH)


def _read(displacement: Tensor, places: Tensor) -> Tensor:
    """Return a displacement `[B, 2, S, S]` at places `[B, h, w, 2]`, `[B, 2, h, w]`."""
    return F.grid_sample(displacement, places, padding_mode="border", align_corners=False)


class LidStage(Stage):
    """Lids shut as far as their keypoints do, and lower lids rise."""

    name = "lids"

    def apply(self, frame: Frame) -> Frame:
        """Move the lids."""
        driving, source = frame.moment.driving, frame.moment.source
        return frame.moved(follow_lower_lids(shut_lids(frame.displacement, driving, source), driving, source))
