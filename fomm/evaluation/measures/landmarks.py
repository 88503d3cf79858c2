"""Landmark detectors that no model of ours was trained with: who judges where the face moved.

The face mesh of MediaPipe (478 points) is the better judge and an optional extra; the face finder's cascade (5 points:
eyes, nose, corners of the mouth) is always there, but sees neither lips nor lids.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fomm.evaluation.measures.pictures import Picture
from fomm.face.locate import FaceFinder, choose

Points = NDArray[np.float64]


class Landmarker(Protocol):
    """Finds landmarks of the main face in a picture.

    Attributes:
        name: what it is, for the tables.
        mesh: whether its points are those of the face mesh, so that lips and lids can be read off.
    """

    name: str
    mesh: bool

    def find(self, picture: Picture) -> Points | None:
        """Return landmarks `[N, 2]` in px of uint8 `[H, W, 3]`, None where no face is found."""

    def five(self, points: Points) -> Points:
        """Return eyes, nose and corners of the mouth `[5, 2]`, left to right as seen, out of `find`'s points."""


class FivePoints:
    """The five points of the face finder's cascade (MTCNN, 2016)."""

    name = "MTCNN, 5 points"
    mesh = False

    def __init__(self) -> None:
        self._finder = FaceFinder(min_score=0.7)

    def find(self, picture: Picture) -> Points | None:
        """Return five points in px, None where no face is found."""
        faces = self._finder.find(picture, smallest=0.2)
        if not faces:
            return None
        points = choose(faces, "largest", (picture.shape[1], picture.shape[0])).points
        return None if points is None else np.array(points)

    def five(self, points: Points) -> Points:
        """Return the points as they are."""
        return points


class FaceMesh:
    """The 478 points of MediaPipe's face mesh, found anew in every frame: tracking would hide flicker."""

    name = "MediaPipe face mesh, 478 points"
    mesh = True
    _EYES = ((33, 133), (362, 263))
    _OTHERS = (1, 61, 291)  # tip of the nose, corners of the mouth

    def __init__(self, package: Any) -> None:
        with _quiet_start():
            self._mesh = package.solutions.face_mesh.FaceMesh(
                static_image_mode=True, max_num_faces=1, refine_landmarks=True, min_detection_confidence=0.5
            )
            self.find(np.zeros((64, 64, 3), np.uint8))  # its networks load with the first picture

    def find(self, picture: Picture) -> Points | None:
        """Return 478 points in px, None where no face is found."""
        found = self._mesh.process(np.ascontiguousarray(picture)).multi_face_landmarks
        if not found:
            return None
        scale = np.array((picture.shape[1], picture.shape[0]), dtype=np.float64)
        return np.array([(point.x, point.y) for point in found[0].landmark]) * scale

    def five(self, points: Points) -> Points:
        """Return the middles of both eyes, the tip of the nose and the corners of the mouth."""
        eyes = [points[list(corners)].mean(axis=0) for corners in self._EYES]
        return np.stack([*eyes, *points[list(self._OTHERS)]])


def best_landmarker() -> Landmarker:
    """Return the face mesh where it is installed, else the five points."""
    if find_spec("mediapipe") is None:
        return FivePoints()
    try:
        return FaceMesh(import_module("mediapipe"))
    except (ImportError, AttributeError, RuntimeError):
        return FivePoints()  # a release without its models, or a broken installation


@contextlib.contextmanager
def _quiet_start() -> Iterator[None]:
    """Keep what a C++ library says while it loads off the terminal; its errors still come as exceptions."""
    saved, silent = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(silent, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(silent)
