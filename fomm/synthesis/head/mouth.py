"""What an open mouth shows: a dark cavity, teeth and tongue, placed behind a portrait's lips.

The upper teeth go with the head, the lower ones and the tongue with the jaw, as the archive's units say. They darken
toward the throat and the corners, and while the lips are nearly shut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fomm.synthesis.head.rig import Rig
from fomm.synthesis.head.topology import INNER_LIPS, MOUTH_CORNERS, UPPER_LIP_INNER
from fomm.synthesis.head.units import MouthPart

Array = NDArray[np.float64]
_SHOWN = 0.024  # how far the upper teeth reach below the resting upper lip, in face widths
_BEHIND = 0.045  # how far the teeth are behind the lips
_SIZE = np.array([0.84, 0.95, 0.95])
_TEETH, _TONGUE = np.array([1.75, 1.66, 1.52]), np.array([0.95, 0.72, 0.72])  # the archive's textures are dull
_DARK = np.array([0.11, 0.04, 0.035])


@dataclass(frozen=True)
class Inside:
    """Teeth or tongue in the portrait's space, at rest.

    Attributes:
        part: from the archive.
        vertices: `[V, 3]`.
        delta: displacement by each unit, `[U, V * 3]`.
        front: how much of the light from the front a vertex takes, `[V]`.
    """

    part: MouthPart
    vertices: Array
    delta: NDArray[np.float32]
    front: Array


def build_inside(rig: Rig, parts: tuple[MouthPart, MouthPart]) -> tuple[Inside, Inside]:
    """Place teeth and tongue behind the lips of a portrait."""
    teeth = parts[0]
    width = rig.mesh.face_width
    scaled = [_scaled(part) for part in parts]
    placed = [rig.place.points(vertices) for vertices in scaled]
    lips = rig.rest[list(INNER_LIPS)]
    still = np.abs(teeth.delta).max((0, 2)) < 0.02  # the upper jaw
    upper = placed[0][still]
    incisors = upper[upper[:, 2] > np.quantile(upper[:, 2], 0.75)]
    corners = rig.rest[list(MOUTH_CORNERS)].mean(0)
    shift = np.array(
        [
            corners[0] - placed[0][:, 0].mean(),
            rig.rest[13, 1] + _SHOWN * width - np.quantile(incisors[:, 1], 0.98),
            lips[:, 2].min() * 0.3 + lips[:, 2].max() * 0.7 - _BEHIND * width - incisors[:, 2].max(),
        ]
    )
    return tuple(  # type: ignore[return-value]
        Inside(
            part,
            vertices + shift,
            rig.place.vectors(part.delta).astype(np.float32).reshape(len(part.delta), -1),
            _facing(vertices, part.triangles),
        )
        for part, vertices in zip(parts, placed, strict=True)
    )


def _scaled(part: MouthPart) -> Array:
    middle = part.vertices.mean(0)
    return np.asarray(middle + (part.vertices - middle) * _SIZE)


def _facing(vertices: Array, triangles: NDArray[np.int64]) -> Array:
    corners = vertices[triangles]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(total, triangles[:, corner], normal)
    unit = total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-9)
    # The archive winds its triangles for y up: with y down the cross product points inward.
    return np.asarray(np.clip(0.2 - 0.85 * unit[:, 2] + 0.15 * unit[:, 1], 0.12, 1))


def pose_inside(inside: Inside, expression: NDArray[np.float32]) -> Array:
    """Return its vertices under an expression, `[V, 3]`, the head still."""
    active = np.flatnonzero(expression > 1e-3)
    moved = expression[active] @ inside.delta[active]
    return np.asarray(inside.vertices + moved.reshape(-1, 3))


def shade(inside: Inside, vertices: Array, lips: Array, width: float, tint: Array) -> Array:
    """Return the light on its vertices, `[V, 3]`.

    Args:
        inside: teeth or tongue.
        vertices: as posed, `[V, 3]`.
        lips: the inner lips as posed, `[20, 3]` in the order of `INNER_LIPS`.
        width: of the face.
        tint: colour of the light, `[3]`.
    """
    upper, lower = lips[: len(UPPER_LIP_INNER)], lips[len(UPPER_LIP_INNER) - 1 :]
    gap = max(float(lower[:, 1].max() - upper[len(upper) // 2, 1]), 0.0) / width
    deep = np.clip((lips[:, 2].max() - 0.04 * width - vertices[:, 2]) / (0.38 * width), 0, 1)
    aside = np.abs(vertices[:, 0] - lips[:, 0].mean()) / (0.5 * np.ptp(lips[:, 0]) + 1e-6)
    under_lip = np.clip((vertices[:, 1] - upper[len(upper) // 2, 1]) / (0.03 * width), 0, 1)
    open_light = np.clip(0.6 + gap / 0.1, 0, 1)
    level = inside.front * (1 - deep) ** 1.6 * (1 - 0.8 * np.clip(aside, 0, 1) ** 2) * (0.55 + 0.45 * under_lip)
    return np.asarray((0.05 + 0.95 * level * open_light)[:, None] * tint)


def tints(teeth_brightness: float) -> tuple[Array, Array]:
    """Return the colour of teeth and tongue."""
    return _TEETH * teeth_brightness, _TONGUE * teeth_brightness


def cavity_light() -> Array:
    """Return the colour of the dark behind everything, `[3]`."""
    return _DARK
