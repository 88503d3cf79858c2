"""Gaze carried by keypoints: where training tied two of them to the irises, moving those moves the eyes.

A gaze is measured along each eye's own axes, from corner to corner and across, in half widths of the eye; `REACH` says
how far it goes at most. A photo's own pixels are moved by `fomm.render.gaze` instead, which needs no such keypoints.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fomm.geometry.anatomy import Anatomy

REACH = (0.34, 0.13)
"""Shift of the iris at a full gaze, sideways and up, in half widths of the eye."""


def look(value: Tensor, anatomy: Anatomy, gaze: tuple[float, float]) -> Tensor:
    """Return keypoints whose eyes look elsewhere, `[B, K, 2]`.

    Args:
        value: keypoints `[B, K, 2]`, x then y in [-1, 1].
        anatomy: which of them are eyes and irises; without irises nothing moves.
        gaze: to the right and up of the picture, each in [-1, 1].
    """
    moved = value.clone()
    for eye, iris in zip(anatomy.eyes, anatomy.irises, strict=False):
        corners = value[:, [eye.outer, eye.inner]]  # [B, 2, 2]
        right = (corners[:, 1] - corners[:, 0]) / 2
        right = torch.where(right[:, :1] < 0, -right, right)  # along the eye, half its width long
        up = torch.stack((right[:, 1], -right[:, 0]), dim=-1)
        moved[:, iris] += gaze[0] * REACH[0] * right + gaze[1] * REACH[1] * up
    return moved
