"""Caps and hats, drawn on heads: whatever sits on a head belongs to the person.

Few portraits wear any, so a matte that learnt from them alone takes a dark cap for wall. Only where a hat is and how
light falls on it is told here; it gets the colours of a wall. Coordinates are those of the face's window, from -1 to 1
with x to the right and y down; in them brows are at about -0.4 and crowns, hair included, at -1.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fomm.training.augment.rng import TorchRng

_SEAM, _BEND = (-0.6, -0.3), (-0.15, 0.35)  # where a hat begins amid the forehead, and how that bends to the sides
_ASKEW = 0.12  # its largest slope
_HALF_WIDTH, _HEIGHT = (0.45, 0.8), (0.4, 0.9)  # of what is above its seam
_ROUND = (1.8, 4.0)  # power of its outline: 2 is an ellipse, more is squarer
_BRIM, _BRIM_WIDER, _BRIM_HALF, _BRIM_ASIDE = 0.6, (0.9, 1.7), (0.03, 0.12), 0.25
_EDGE = 0.02  # over which it begins
_SHADE = 0.5  # by which it is darker at most at its sides and on its brim


@dataclass(frozen=True)
class Hats:
    """Hats of B heads: where they are, and how much light they have there, `[B, 1, S, S]` in [0, 1] each."""

    worn: Tensor
    light: Tensor


def hats(faces: Tensor, person: Tensor, rng: TorchRng) -> Hats:
    """Draw a hat on every head.

    Args:
        faces: where pixels are in the windows of the faces, `[B, S, S, 2]`.
        person: how much of the person they show, `[B, 1, S, S]`; hair above the seam is under the hat.
        rng: choose the shapes.
    """
    count = len(faces)

    def one(limits: tuple[float, float]) -> Tensor:
        return rng.between(*limits, count, 1, 1)

    x, y = faces.unbind(-1)  # [B, S, S]
    x = x - rng.around(count, 1, 1) * _ASKEW / 2
    above = one(_SEAM) + one(_BEND) * x.square() + rng.around(count, 1, 1) * _ASKEW * x - y  # of the seam
    half, power = one(_HALF_WIDTH), one(_ROUND)
    across = (x / half).abs()
    outline = 1 - across.pow(power) - (above / one(_HEIGHT)).abs().pow(power)
    body = torch.maximum(_soft(outline * half), person[:, 0]) * _soft(above)
    aside = (x - rng.around(count, 1, 1) * _BRIM_ASIDE) / (half * one(_BRIM_WIDER))
    thick = one(_BRIM_HALF)
    brim = _soft((1 - aside.square() - (above / thick).square()) * thick) * rng.chance(_BRIM, count, 1, 1)
    shade = rng.some(count, 1, 1) * across.clamp(max=1).square()
    shade = torch.lerp(shade, rng.some(count, 1, 1).expand_as(shade), brim)
    return Hats(torch.maximum(body, brim)[:, None], 1 - _SHADE * shade[:, None])


def _soft(inside: Tensor) -> Tensor:
    """Return 1 where a signed distance is inside, 0 where it is outside, and a short way between."""
    return torch.sigmoid(inside / _EDGE * 4)
