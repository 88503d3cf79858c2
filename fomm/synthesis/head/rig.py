"""Moves a portrait's mesh: expression, lids, head about the neck, shoulders, breath; seen in weak perspective."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fomm.synthesis.head.mesh import HeadMesh
from fomm.synthesis.head.pose import Pose, rotation
from fomm.synthesis.head.topology import (
    CHIN,
    EYES,
    FACE_OUTLINE,
    LANDMARKS,
    LEFT_EDGE,
    LOWER_LIP_INNER,
    NOSE_TIP,
    RIGHT_EDGE,
    UPPER_LIP_INNER,
    Eye,
)
from fomm.synthesis.head.units import Similarity, Units

Array = NDArray[np.float64]
_TRUNK_FOLLOWS = 0.22  # share of the head's yaw that the shoulders take
_OPEN = 0.015  # a gap between the lips above this share of the face width is shut at rest


@dataclass(frozen=True)
class Rig:
    """A portrait that can be posed.

    Attributes:
        mesh: the portrait's.
        rest: vertices at rest, lips shut and with the shape of face it was given, `[V, 3]`.
        delta: displacement of the landmarks by each unit, `[U, 468, 3]`.
        lids: where the blink, wide and squint units of each eye are, right eye first.
        place: where the neutral head is in the portrait.
        pivot: what the head turns about, `[3]`.
        focus: distance of the camera from the plane of `pivot`, in pixels.
        centre: where the camera's axis meets the picture, `[2]`.
    """

    mesh: HeadMesh
    rest: Array
    delta: Array
    lids: tuple[tuple[int, int, int], ...]
    place: Similarity
    pivot: Array
    focus: float
    centre: Array

    def shape(self, pose: Pose) -> Array:
        """Return the vertices with this expression, the head still as in the portrait, `[V, 3]`."""
        moved = np.tensordot(pose.expression.astype(np.float64), self.delta, 1)  # [468, 3]
        vertices = self.rest.copy()
        vertices[LANDMARKS:] += 0.9 * self.mesh.carry @ moved[list(FACE_OUTLINE)]
        vertices[:LANDMARKS] += moved
        for eye, places in zip(EYES, self.lids, strict=True):
            blink, wide, squint = (float(pose.expression[place]) for place in places)
            _open_lids(vertices, eye, wide, squint)
            _close_lids(vertices, eye, blink, self.mesh.face_width)
        return vertices

    def turn(self, points: Array, share: NDArray[np.floating] | float, pose: Pose) -> Array:
        """Return points `[N, 3]` with head, shoulders and breath as in `pose`.

        Args:
            points: in the portrait's space.
            share: how far they go with the head, `[N]` or one number.
            pose: head and body.
        """
        width = self.mesh.face_width
        share = np.broadcast_to(np.asarray(share, np.float64), len(points))[:, None]
        space = self._unproject(points)
        trunk_turn = rotation(_TRUNK_FOLLOWS * float(pose.turn[0]), 0, 0)
        about = self.pivot + np.array([0, 0.2 * width, -0.2 * width])
        trunk = (space - about) @ trunk_turn.T + about
        trunk[:, 1] -= pose.breath * width
        base = (self.pivot - about) @ trunk_turn.T + about - [0, 0.5 * pose.breath * width, 0]
        head = (space - self.pivot) @ rotation(*map(float, pose.turn)).T + base
        space = share * head + (1 - share) * trunk
        waist = self.pivot + np.array([0, 2.0 * width, 0])
        space = (space - waist) @ rotation(0, 0, float(pose.body[2])).T + waist
        space[:, :2] += pose.body[:2] * width
        return self._project(space)

    def _unproject(self, points: Array) -> Array:
        space = points.copy()
        space[:, :2] = self.centre + (points[:, :2] - self.centre) * (1 - (points[:, 2:] - self.pivot[2]) / self.focus)
        return space

    def _project(self, space: Array) -> Array:
        points = space.copy()
        points[:, :2] = self.centre + (space[:, :2] - self.centre) / (1 - (space[:, 2:] - self.pivot[2]) / self.focus)
        return points


def build_rig(mesh: HeadMesh, units: Units, place: Similarity, focus: float, reshape: Array | None = None) -> Rig:
    """Fit units to a mesh.

    Args:
        mesh: the portrait's.
        units: what a face can do.
        place: where the neutral head is in the portrait.
        focus: distance of the camera in face widths.
        reshape: another shape of face, as displacement of the landmarks, `[468, 3]`.
    """
    rest = mesh.vertices.copy()
    face = mesh.vertices[:LANDMARKS]
    shift = shut_lips(face, mesh.face_width)
    rest[LANDMARKS:] += mesh.carry @ shift[list(FACE_OUTLINE)]
    rest[:LANDMARKS] += shift
    if reshape is not None:
        rest[LANDMARKS:] += mesh.carry_shape @ reshape[list(FACE_OUTLINE)]
        rest[:LANDMARKS] += reshape
    edges = (face[LEFT_EDGE] + face[RIGHT_EDGE]) / 2
    pivot = np.array([edges[0], face[CHIN, 1] + 0.02 * mesh.face_width, edges[2] - 0.28 * mesh.face_width])
    return Rig(
        mesh=mesh,
        rest=rest,
        delta=place.vectors(units.delta),
        lids=tuple(
            (units.names.index(eye.blink), units.names.index(eye.wide), units.names.index(eye.squint)) for eye in EYES
        ),
        place=place,
        pivot=pivot,
        focus=focus * mesh.face_width,
        centre=face[NOSE_TIP, :2].copy(),
    )


def shut_lips(face: Array, width: float) -> Array:
    """Return what brings parted lips together at rest, `[468, 3]`: chin and lower lip rise, the upper lip sinks."""
    upper, lower = face[list(UPPER_LIP_INNER[1:-1])], face[list(LOWER_LIP_INNER[1:-1])]
    gap = np.maximum(lower[:, 1] - upper[:, 1], 0)  # [9]
    shift = np.zeros_like(face)
    if gap.max() < _OPEN * width:
        return shift
    for rows, direction, reach in ((upper, 0.42, 0.10), (lower, -0.58, 0.17)):
        away = np.linalg.norm(face[:, None, :2] - rows[None, :, :2], axis=2) / width  # [468, 9]
        pull = np.exp(-((away / 0.05) ** 2)) + 1e-6
        local = pull @ gap / pull.sum(1)
        line = (upper[:, 1].mean() + lower[:, 1].mean()) / 2
        own_side = face[:, 1] <= line if direction > 0 else face[:, 1] > line
        shift[:, 1] += np.where(own_side, direction * local * np.exp(-((away.min(1) / reach) ** 2)), 0)
    shift[list(UPPER_LIP_INNER[1:-1]), 1] = 0.42 * gap
    shift[list(LOWER_LIP_INNER[1:-1]), 1] = -0.58 * gap
    return shift


def _open_lids(vertices: Array, eye: Eye, wide: float, squint: float) -> None:
    """Raise the upper lid, or narrow the eye from below, by parts of how far it is open."""
    opening = vertices[list(eye.lower)] - vertices[list(eye.upper)]
    tall = (opening + opening.mean(0)) / 2
    rise = tall * (0.16 * squint - 0.3 * wide)
    vertices[list(eye.upper)] += rise
    vertices[list(eye.fold)] += 0.7 * rise
    vertices[list(eye.socket)] += 0.3 * rise
    lift = tall * (0.1 * wide - 0.32 * squint)
    vertices[list(eye.lower)] += lift
    vertices[list(eye.bag)] += 0.7 * lift


def _close_lids(vertices: Array, eye: Eye, strength: float, width: float) -> None:
    """Bring the margins together: the upper lid comes most of the way and takes the skin above it along."""
    upper, lower = vertices[list(eye.upper)], vertices[list(eye.lower)]
    meet = lower + 0.15 * (upper - lower)
    down, up = (meet - upper) * strength, (meet - lower) * strength
    vertices[list(eye.upper)] += 1.05 * down + [0, 0, 0.012 * width * strength]
    vertices[list(eye.fold)] += 0.55 * down
    vertices[list(eye.socket)] += 0.12 * down
    vertices[list(eye.lower)] += 0.9 * up
    vertices[list(eye.bag)] += 0.4 * up
