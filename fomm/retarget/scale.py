"""How large and how turned the photo's face is beside the driver's."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.spatial import ConvexHull, QhullError
from torch import Tensor

from fomm.geometry.affine import inverse_2x2
from fomm.geometry.anatomy import Anatomy
from fomm.geometry.head import Head

_ALIKE = 0.15  # by how much halves differ from person to person

_NARROWED = (0.3, 1.5)  # how much narrower and wider than the driver's a half of the photo's face counts


def hull_area(value: Tensor) -> float:
    """Return the area of the convex hull of keypoints `[K, 2]`; 0 where they span none."""
    points = value.detach().cpu().double().numpy()
    try:
        return float(ConvexHull(points).volume)  # scipy calls the area of a flat hull its volume
    except (QhullError, ValueError):
        return 0.0


def relative_scale(source: Tensor, start: Tensor, heads: tuple[Head, Head] | None) -> float:
    """Return how much larger the photo's face is than the driver's, from keypoints `[1, K, 2]`."""
    if heads is not None:
        own, theirs = heads
        return float(own.size / theirs.size.clamp_min(1e-4))
    source_area, start_area = hull_area(source[0]), hull_area(start[0])
    if min(source_area, start_area) < np.finfo(np.float32).eps:
        return 1.0  # fewer than three keypoints, or all in a line: nothing to measure
    return math.sqrt(source_area / start_area)


def own_face(source: Tensor, start: Tensor, anatomy: Anatomy) -> Tensor:
    """Return what makes an expression's steps in the driver's face ones in the photo's, `[F, 2, 2]`.

    They are turned by how much more the photo's face is tilted. On the far half of a turned face, lips go less far
    along the face, as the half itself is narrower; faces differ, so small differences of halves do not count.
    """
    halves = (anatomy.halves(value) / anatomy.size(value).clamp_min(1e-4) for value in (source, start))
    shares = (next(halves) / next(halves).clamp_min(1e-4))[0].clamp(*_NARROWED)
    shares = torch.where(shares < 1, (shares + _ALIKE).clamp(max=1), (shares - _ALIKE).clamp(min=1))
    before, tilted = anatomy.tilt(start), anatomy.tilt(source)
    along = torch.cat((before.cos(), before.sin()))
    narrowed = torch.eye(2).repeat(anatomy.face, 1, 1)
    for half, share in zip(anatomy.lip_halves, shares, strict=True):
        narrowed[list(half)] += (share - 1) * torch.outer(along, along)
    return rotation(tilted - before) @ narrowed


def rotation(angle: Tensor) -> Tensor:
    """Return the rotation by an angle `[1]` in radians, `[2, 2]`."""
    cos, sin = torch.cos(angle), torch.sin(angle)
    return torch.stack((torch.cat((cos, -sin)), torch.cat((sin, cos))))


def safe_inverse(jacobian: Tensor) -> Tensor:
    """Invert `[1, K, 2, 2]`; a collapsed frame tells nothing about turning, so it counts as the identity."""
    collapsed = torch.linalg.det(jacobian).abs() < 1e-4  # [1, K]
    usable = torch.where(collapsed[..., None, None], torch.eye(2), jacobian)
    return inverse_2x2(usable)
