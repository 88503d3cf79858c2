"""Smooth displacements of the picture: a cubic B-spline over a grid of nodes.

The basis is de Boor's; a point is moved by the 4 x 4 nodes around it. Written out with its zeros, it is still faster
than a sparse matrix, because it is a product of one axis and the other: rows of nodes first, then columns.
Stiffness is what Eilers and Marx, "Flexible
smoothing with B-splines and penalties" (1996), put on second differences of the nodes, and a little on the nodes
themselves, so that what nothing is known of stays where it is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline

Floats = NDArray[np.float32]

NODES = 12
"""Along either side of [-1, 1], margins counted in."""

_DEGREE = 3
_SPACING = 2 / (NODES - _DEGREE)
_KNOTS = -1 + _SPACING * np.arange(-_DEGREE, NODES + 1)
_LAST = 1 - 1e-6  # a spline ends before its last knot


def basis(points: Floats) -> Floats:
    """Return what every node counts at points `[N, 2]`, `[N, NODES * NODES]`, rows of nodes first."""
    along, down = (axis_basis(axis) for axis in points.T)
    return crossed(down, along)


def crossed(down: Floats, along: Floats) -> Floats:
    """Return what every node counts, `[N, NODES * NODES]`, from what its row and its column do, `[N, NODES]` each."""
    return np.asarray(down[:, :, None] * along[:, None, :]).reshape(len(down), -1)


def axis_basis(axis: Floats) -> Floats:
    """Return what every node counts along one axis at N places in [-1, 1], `[N, NODES]`."""
    matrix = BSpline.design_matrix(np.clip(axis.astype(np.float64), -1, _LAST), _KNOTS, _DEGREE)
    return np.asarray(matrix.toarray(), np.float32)


def stiffness(hold: float, bend: float) -> Floats:
    """Return the quadratic form that keeps nodes in place and their grid straight, `[NODES * NODES] * 2`.

    Args:
        hold: weight of the mean square of the nodes.
        bend: weight of the sum of squares of their second differences along x and y.
    """
    nodes = np.eye(NODES**2).reshape(NODES**2, NODES, NODES)
    second = np.concatenate([np.diff(nodes, 2, axis=axis).reshape(NODES**2, -1) for axis in (1, 2)], axis=1)
    return np.asarray(hold / NODES**2 * np.eye(NODES**2) + bend * second @ second.T, np.float32)
