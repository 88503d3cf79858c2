"""How a person holds head, eyes, body and face in one frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Pose:
    """One moment of a performance, relative to how the person stands in the portrait.

    Attributes:
        expression: strength of every expression unit in [0, 1], `[U]`.
        turn: yaw (to the right of the picture), pitch (upward) and roll (anticlockwise) of the head in radians, `[3]`.
        gaze: where the eyes look from within the head, right and up, in [-1, 1], `[2]`.
        body: shift right and down in face widths, and roll in radians, `[3]`.
        breath: how far the shoulders rise, in face widths.
    """

    expression: NDArray[np.float32]
    turn: NDArray[np.float32]
    gaze: NDArray[np.float32]
    body: NDArray[np.float32]
    breath: float


def rotation(yaw: float, pitch: float, roll: float) -> NDArray[np.float64]:
    """Return the matrix `[3, 3]` of a turn where x points right, y down and z to the viewer: roll, pitch, then yaw."""
    cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    sideways = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    nod = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])  # positive: what is in front goes up
    tilt = np.array([[cr, sr, 0], [-sr, cr, 0], [0, 0, 1]])
    return np.asarray(sideways @ nod @ tilt)
