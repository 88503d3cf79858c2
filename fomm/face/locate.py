"""Where the faces are in a picture, and which of them is meant.

Pixel coordinates are edge based: x grows to the right, y down, and 0 is the outer edge of the first pixel.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fomm.config.face import check_face_name
from fomm.errors import FaceError
from fomm.face.mtcnn import PYRAMID_STEP, Cascade

SMALLEST_PX = 12.0
"""A face narrower than this at working size is beyond what the cascade can see."""


@dataclass(frozen=True)
class Face:
    """One face.

    Attributes:
        box: x0, y0, x1, y1 in px; tight around forehead, chin and cheeks; may leave the picture.
        score: how sure the finder is, in [0, 1].
        points: left eye, right eye, nose, left and right mouth corner as seen in the picture (x, y in px), or None.
    """

    box: tuple[float, float, float, float]
    score: float
    points: tuple[tuple[float, float], ...] | None = None

    @property
    def center(self) -> tuple[float, float]:
        """Middle of the box, x and y in px."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2

    @property
    def size(self) -> float:
        """Side in px of the square with the area of the box: steadier than width or height alone."""
        width, height = self.box[2] - self.box[0], self.box[3] - self.box[1]
        return float(np.sqrt(max(width, 0.0) * max(height, 0.0)))

    def scaled(self, scale: float) -> Face:
        """Return the face as it is in the picture at `scale` times its size."""
        x0, y0, x1, y1 = (place * scale for place in self.box)
        points = self.points and tuple((x * scale, y * scale) for x, y in self.points)
        return Face((x0, y0, x1, y1), self.score, points)

    def overlap(self, other: Face) -> float:
        """Intersection over union of the two boxes, in [0, 1]."""
        width = min(self.box[2], other.box[2]) - max(self.box[0], other.box[0])
        height = min(self.box[3], other.box[3]) - max(self.box[1], other.box[1])
        shared = max(width, 0.0) * max(height, 0.0)
        return shared / max(self.size**2 + other.size**2 - shared, 1e-9)


class FaceFinder:
    """Finds human faces; the networks load on first use and one finder may serve several threads.

    Args:
        min_score: faces the finder is less sure of than this, in [0, 1], are left out.
        threads: CPU threads for each network run.
    """

    def __init__(self, min_score: float = 0.9, threads: int = 1) -> None:
        self.min_score = min_score
        self.threads = threads
        self._cascade: Cascade | None = None
        self._lock = threading.Lock()

    def find(
        self, image: NDArray[np.uint8], *, side: int = 640, smallest: float = 0.04, least: float = 0.0
    ) -> list[Face]:
        """Find faces, surest first.

        Args:
            image: RGB `uint8 [H, W, 3]`.
            side: the picture is searched with its long side scaled down to this many px; cost grows with its square.
            smallest: width of the smallest face to look for, as a share of the long side; cost grows as it shrinks.
            least: likewise, of the smallest face that is of use: smaller ones may be left out, and larger ones are
                found as they would be without it.
        """
        picture = Image.fromarray(image)
        scale = min(1.0, side / max(picture.size))
        if scale < 1.0:
            size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
            picture = picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
        min_face = max(SMALLEST_PX, smallest * max(picture.size))
        while min_face / PYRAMID_STEP < least * max(picture.size):
            min_face /= PYRAMID_STEP  # leaves out one level of the pyramid, and others stay as they are
        boxes, scores, points = self._load().detect(picture, min_face)
        back = image.shape[1] / picture.width, image.shape[0] / picture.height
        boxes, points = boxes * (back * 2), points * back
        return [
            Face((b[0], b[1], b[2], b[3]), score, tuple((x, y) for x, y in p))
            for b, score, p in zip(boxes.tolist(), scores.tolist(), points.tolist(), strict=True)
            if score >= self.min_score
        ]

    def _load(self) -> Cascade:
        with self._lock:
            if self._cascade is None:
                self._cascade = Cascade.load(self.threads)
            return self._cascade


def choose(faces: Sequence[Face], which: str | int, size: tuple[int, int]) -> Face:
    """Pick one face.

    Args:
        faces: what `FaceFinder.find` returned, at least one.
        which: "largest", "center" (nearest the middle of the picture), "left", "right" (as seen in the picture), or
            a number, counting from 1 at the left.
        size: width and height of the picture in px.

    Raises:
        FaceError: there is no face, or fewer than the number asked for.
        SettingsError: `which` is not one of the above.
    """
    check_face_name(str(which), "The face to use")
    if not faces:
        raise FaceError("No face was found in the picture; use one that shows a face from the front.")
    from_left = sorted(faces, key=lambda face: face.center[0])
    if which == "largest":
        return max(faces, key=lambda face: face.size)
    if which == "center":
        return min(faces, key=lambda face: np.hypot(face.center[0] - size[0] / 2, face.center[1] - size[1] / 2))
    if which in ("left", "right"):
        return from_left[0 if which == "left" else -1]
    if int(which) > len(faces):
        raise FaceError(f"Face number {which} does not exist: {len(faces)} found; count from 1 at the left.")
    return from_left[int(which) - 1]
