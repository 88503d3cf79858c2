"""What a model must beat: copying the source, one similarity for the whole picture, a thin-plate warp of landmarks.

Each gives a backward displacement, driving pixel to source coordinate, as the model's dense motion does, so that all
are warped and judged alike. Points and displacements are in [-1, 1], x then y, on the edge grid of
`fomm.geometry.grids`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator
from torch import Tensor

from fomm.errors import MotionError
from fomm.geometry.warping import warp

Floats = NDArray[np.float64]

COPY, SIMILARITY, THIN_PLATE = "copy", "similarity", "thin-plate"
BASELINES = (COPY, SIMILARITY, THIN_PLATE)
ORACLE = "thin-plate, true landmarks"
"""No baseline, since nobody has a clip's true landmarks: how far a thin-plate warp gets that is told all of them."""
FIELD_SIDE = 64
_EDGE_POINTS = 5  # fixed points along each edge of the picture, so that a thin-plate warp leaves the frame where it is


def displacement(name: str, source: Floats, driving: Floats, side: int = FIELD_SIDE) -> Floats:
    """Return a baseline's backward displacement `[side, side, 2]`.

    Args:
        name: one of `BASELINES`.
        source: landmarks of the source, `[K, 2]`.
        driving: where they shall be in the frame to make, `[K, 2]`.
        side: cells of the field.

    Raises:
        MotionError: the landmarks span no area.
    """
    grid = cell_centres(side)  # [side * side, 2]
    if name == COPY:
        moved = grid
    elif name == SIMILARITY:
        moved = similarity(driving, source)(grid)
    else:
        moved = thin_plate(driving, source)(grid)
    return (moved - grid).reshape(side, side, 2)


def similarity(start: Floats, end: Floats) -> Callable[[Floats], Floats]:
    """Return the turn, scaling and shift that bring points `[K, 2]` nearest to others, in the least-squares sense.

    In the complex plane such a map is `w = a z + b`, and `a` is an ordinary regression coefficient.

    Raises:
        MotionError: the points span no area.
    """
    z, w = _complex(start), _complex(end)
    if np.ptp(start, axis=0).max() < 1e-6:
        raise MotionError("The landmarks of a face lie in one point, so no similarity warp fits them.")
    factor = np.vdot(z - z.mean(), w - w.mean()) / np.vdot(z - z.mean(), z - z.mean())

    def apply(points: Floats) -> Floats:
        moved = factor * (_complex(points) - z.mean()) + w.mean()
        return np.stack((moved.real, moved.imag), axis=-1)

    return apply


def thin_plate(start: Floats, end: Floats) -> RBFInterpolator:
    """Return the smoothest map (Bookstein, 1989) that takes points `[K, 2]` to others and the picture's edge to itself.

    Landmarks on the edge or beyond it, and those that coincide, do not count.

    Raises:
        MotionError: too few landmarks are left.
    """
    inside = (np.abs(start) < 1).all(axis=1)
    _, first = np.unique(np.round(start, 6), axis=0, return_index=True)
    usable = np.intersect1d(np.flatnonzero(inside), first)
    if len(usable) < 3:
        raise MotionError("Fewer than three landmarks of a face lie inside the picture, so no thin-plate warp fits.")
    edge = _edge()
    points, values = np.concatenate((start[usable], edge)), np.concatenate((end[usable], edge))
    return RBFInterpolator(points, values, kernel="thin_plate_spline", degree=1)


def cell_centres(side: int) -> Floats:
    """Return the centres of a field's cells row by row, `[side * side, 2]`."""
    axis = (2 * np.arange(side) + 1) / side - 1
    return np.stack(np.meshgrid(axis, axis, indexing="xy"), axis=-1).reshape(-1, 2)


def warped(source: NDArray[np.uint8], field: Floats) -> NDArray[np.uint8]:
    """Return the source picture uint8 `[H, W, 3]` warped by a displacement `[h, w, 2]`; its edge repeats outwards."""
    return to_picture(moved(source, field).permute(2, 0, 1) / 255)


def moved(source: NDArray[np.uint8], field: Floats) -> Tensor:
    """Return the same in grey levels that are not rounded, float32 `[H, W, 3]`."""
    picture = torch.from_numpy(source.copy()).permute(2, 0, 1)[None].float()  # [1, 3, H, W]
    planes = torch.from_numpy(field).permute(2, 0, 1)[None].float()  # [1, 2, h, w]
    return warp(picture, planes)[0].permute(1, 2, 0)


def to_picture(image: Tensor) -> NDArray[np.uint8]:
    """Return `[3, H, W]` in [0, 1] as uint8 `[H, W, 3]`."""
    levels = image.detach().float().cpu().clamp(0, 1).mul(255).round().to(torch.uint8)
    return levels.permute(1, 2, 0).contiguous().numpy()


def _complex(points: Floats) -> NDArray[np.complex128]:
    return points[:, 0] + 1j * points[:, 1]


def _edge() -> Floats:
    along = np.linspace(-1, 1, _EDGE_POINTS)
    ring = [(x, y) for x in along for y in along if max(abs(x), abs(y)) == 1]
    return np.array(ring, dtype=np.float64)
