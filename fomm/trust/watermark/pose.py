r"""How a picture may lie since it was marked: turned, mirrored, stretched, scaled.

An edit maps a marked picture's points x = (down, across) to A x. With quarter turns and mirroring Q, a turn R, a shear
H and a scaling D, A = D H R Q, and a pattern of frequency k appears at A^-T k, since k . x does not change:

    A^-T = D^-1 H^-T R Q,   D = s diag(1, a),   R = [[cos t, -sin t], [sin t, cos t]],   H = [[1, h], [0, 1]].

Turning after stretching instead is the same up to a small shear, which is why there is one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SCALE, ASPECT, TURN, SHEAR = range(4)  # columns of an array of poses


@dataclass(frozen=True)
class Orientation:
    """One of the eight ways to lay a picture down.

    Attributes:
        quarters: Quarter turns counter-clockwise, 0 to 3, made after mirroring.
        mirrored: True if flipped left to right.
    """

    quarters: int = 0
    mirrored: bool = False

    @property
    def matrix(self) -> NDArray[np.float64]:
        """The map `[2, 2]` of (down, across)."""
        quarter = np.array([[0.0, -1.0], [1.0, 0.0]])
        flip = np.diag([1.0, -1.0 if self.mirrored else 1.0])
        return np.asarray(np.linalg.matrix_power(quarter, self.quarters) @ flip, np.float64)


UPRIGHT = Orientation()
ORIENTATIONS = tuple(Orientation(quarters, mirrored) for mirrored in (False, True) for quarters in range(4))


def poses(
    scales: NDArray[np.float64], aspects: NDArray[np.float64] | float = 1.0, turns: NDArray[np.float64] | float = 0.0
) -> NDArray[np.float64]:
    """Return every combination as rows `[S, 4]`: scale, aspect, turn in radians, shear 0.

    Scale is that of the vertical axis against the short side, aspect the horizontal over the vertical scale.
    """
    axes = np.meshgrid(scales, aspects, turns, indexing="ij")
    rows = [axis.ravel() for axis in axes]
    return np.stack([*rows, np.zeros_like(rows[0])], axis=1)


def frequency_maps(rows: NDArray[np.float64], orientation: Orientation = UPRIGHT) -> NDArray[np.float64]:
    """Return A^-T `[S, 2, 2]` of the poses `[S, 4]`: from the pattern's (ky, kx) to where the picture shows it."""
    scale, aspect, turn, shear = rows.T
    cosine, sine = np.cos(turn), np.sin(turn)
    top = np.stack([cosine, -sine], axis=1) / scale[:, None]
    bottom = np.stack([sine - shear * cosine, cosine + shear * sine], axis=1) / (scale * aspect)[:, None]
    return np.asarray(np.stack([top, bottom], axis=1) @ orientation.matrix, np.float64)
