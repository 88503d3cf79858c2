"""Smooth displacements of the picture: a cubic B-spline over a grid of nodes, sparse at any number of points.

The basis is de Boor's; a point is moved by the 4 x 4 nodes around it. Stiffness is what Eilers and Marx, "Flexible
smoothing with B-splines and penalties" (1996), put on second differences of the nodes, and a little on the nodes
themselves, so that what nothing is known of stays where it is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline
from scipy.sparse import csr_matrix

Floats = NDArray[np.float32]

NODES = 12
"""Along either side of [-1, 1], margins counted in."""

_DEGREE = 3
_SPACING = 2 / (NODES - _DEGREE)
_KNOTS = -1 + _SPACING * np.arange(-_DEGREE, NODES + 1)
_LAST = 1 - 1e-6  # a spline ends before its last knot


def basis(points: Floats) -> csr_matrix:
    """Return what every node counts at points `[N, 2]`, sparse `[N, NODES * NODES]`, rows of nodes first."""
    along, down = (_sparse(axis) for axis in points.T)
    reach = _DEGREE + 1
    weights = down.data.reshape(-1, reach, 1) * along.data.reshape(-1, 1, reach)
    nodes = NODES * down.indices.reshape(-1, reach, 1) + along.indices.reshape(-1, 1, reach)
    ends = reach**2 * np.arange(len(points) + 1)
    shape = (len(points), NODES**2)
    return csr_matrix((weights.ravel().astype(np.float32), nodes.ravel(), ends), shape=shape)


def stiffness(hold: float, bend: float) -> Floats:
    """Return the quadratic form that keeps nodes in place and their grid straight, `[NODES * NODES] * 2`.

    Args:
        hold: weight of the mean square of the nodes.
        bend: weight of the sum of squares of their second differences along x and y.
    """
    nodes = np.eye(NODES**2).reshape(NODES**2, NODES, NODES)
    second = np.concatenate([np.diff(nodes, 2, axis=axis).reshape(NODES**2, -1) for axis in (1, 2)], axis=1)
    return np.asarray(hold / NODES**2 * np.eye(NODES**2) + bend * second @ second.T, np.float32)


def _sparse(axis: Floats) -> csr_matrix:
    matrix: csr_matrix = BSpline.design_matrix(np.clip(axis.astype(np.float64), -1, _LAST), _KNOTS, _DEGREE)
    return matrix
