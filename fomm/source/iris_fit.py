"""Where a photo's irises are, and how large, read from its pixels.

A keypoint finds an iris to a tenth of half the eye's width, and knows nothing of its size: what is cut out there as an
iris has a rim of white on one side and leaves some of it behind on the other. But along its rim an iris is darker
inside than outside: of circles near the keypoint, the one that this is most so for is the rim (Daugman, "High
confidence visual recognition of persons by a test of statistical independence", PAMI 1993, equation 1), without what
lids may cover.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fomm.geometry.eye_shape import EyeShapes

RADIUS = 0.4
"""Of an iris, in half widths of the eye: 11.7 mm across in an eye 29 mm wide."""

_ASIDE, _UPRIGHT = (0.24, 9), (0.18, 7)  # how far from the keypoint middles are looked for, and how many on a line
_RADII = (0.22, 0.62, 21)
_STEP = 3  # radii, from within the rim to outside of it
_RAYS = tuple(angle for low in range(-25, 55, 10) for angle in (low, 180 - low))  # degrees from level, down: few lids
_LID = 0.06  # half widths inside of a lid over which what is read counts more and more
_LIGHT = 0.15  # in the dark, differences say less
_ENOUGH = 0.5  # of the rays: where lids leave fewer, the rest says less
_NEAR, _USUAL = 1.0, 2.0  # what a circle has to be better by for each squared half width from where it is expected
_SHARP = 0.02  # difference by which a circle is clearly better than another
_TRUST = (0.05, 0.15)  # differences from where on, and where altogether, a rim is believed


def fit_irises(eyes: EyeShapes, iris: Tensor, picture: Tensor) -> tuple[Tensor, Tensor]:
    """Find the irises of photos.

    Args:
        eyes: those of `B` photos.
        iris: where keypoints say that irises are, in half widths of each eye, `[B, 2 eyes, 2]`.
        picture: the photos, `[B, 3, h, w]` in [0, 1].

    Returns:
        Their middles `[B, 2 eyes, 2]` and radii `[B, 2 eyes]`, likewise; where no rim is seen, the keypoints and
        `RADIUS`. Without gradient.
    """
    aside, upright = (torch.linspace(-most, most, count, device=iris.device) for most, count in (_ASIDE, _UPRIGHT))
    offset = torch.cartesian_prod(aside, upright)  # [C, 2]
    radii = torch.linspace(*_RADII, device=iris.device)
    angle = torch.tensor(_RAYS, device=iris.device) * (math.pi / 180)
    rays = radii[:, None, None] * torch.stack((angle.cos(), angle.sin()), dim=-1)  # [R, A, 2]
    middle = iris.detach()[:, :, None] + offset  # [B, 2 eyes, C, 2]
    x, y = (middle[..., None, None, :] + rays).flatten(3, 4).unbind(-1)  # [B, 2 eyes, C, R A] each

    light = eyes.seen(picture.detach(), x, y).mean(1).view(*x.shape[:3], len(radii), len(_RAYS))  # [B, 2 eyes, C, R, A]
    weight = (eyes.inside(x, y) / _LID).clamp(1e-3, 1).view_as(light)
    total = weight.sum(-1)  # [B, 2 eyes, C, R]
    ring = (light * weight).sum(-1) / total
    within, outside = slice(None, -2 * _STEP), slice(2 * _STEP, None)
    darker = (ring[..., outside] - ring[..., within]) / (ring[..., outside] + _LIGHT)
    seen = torch.minimum(total[..., outside], total[..., within]) / (_ENOUGH * len(_RAYS))
    darker = darker * seen.clamp_max(1)  # [B, 2 eyes, C, R - 6]
    radii = radii[_STEP:-_STEP]

    expected = _NEAR * offset.square().sum(-1)[:, None] + _USUAL * (radii - RADIUS).square()
    share = torch.softmax(((darker - expected) / _SHARP).flatten(2), dim=-1).view_as(darker)
    trust = ((share * darker).sum((2, 3)) - _TRUST[0]) / (_TRUST[1] - _TRUST[0])
    trust = trust.clamp(0, 1)  # [B, 2 eyes]
    moved = torch.einsum("bec,ci->bei", share.sum(-1), offset)
    larger = (share.sum(2) * radii).sum(-1) - RADIUS
    return iris.detach() + trust[..., None] * moved, RADIUS + trust * larger
