"""Smooth deformations of a person, the same in source and driving frame: another shape that makes the same movements.

A bend moves a point by a smooth displacement. Pictures are sampled through it, so landmarks and flow move by its
inverse.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_KNOTS = 4  # free displacements along either side
_SIDE = 32  # of the field that runs smoothly through them
_ITERATIONS = 6


def random_bend(count: int, limit: float, generator: torch.Generator, self_driven: int) -> Tensor:
    """Return smooth displacements in [-1, 1] units, up to about `limit`, `[B, 4, 2, 32, 32]`: one for all four moments.

    Rows from `self_driven` on have none: two people who move alike would no longer do so.
    """
    knots = (torch.rand(count, 2, _KNOTS, _KNOTS, generator=generator) * 2 - 1) * limit
    knots[self_driven:] = 0
    field = F.interpolate(knots, size=(_SIDE, _SIDE), mode="bicubic", align_corners=True)
    return field[:, None].repeat(1, 4, 1, 1, 1)


def bent(points: Tensor, bend: Tensor | None) -> Tensor:
    """Return points `[..., P, 2]` in [-1, 1] moved by displacements `[..., 2, S, S]`, if any."""
    if bend is None:
        return points
    read = F.grid_sample(
        bend.flatten(0, -4), points.flatten(0, -3)[:, :, None], padding_mode="border", align_corners=False
    )
    return points + read[..., 0].transpose(1, 2).view_as(points)


def straighten(points: Tensor, bend: Tensor | None) -> Tensor:
    """Return the points that `bent` moves to `points`, by fixed-point iteration: bends are gentle."""
    if bend is None:
        return points
    found = points
    for _ in range(_ITERATIONS):
        found = found + points - bent(found, bend)
    return found
