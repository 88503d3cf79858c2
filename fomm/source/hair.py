"""Which of a photo's cells show hair, or whatever a head is covered with: what its top is to be continued with.

Between hair and forehead colours decide: cells well within the oval of the face are skin, those well outside of it are
hair, and every other one is what it is nearer to in colour. Where too little of a head is outside of the oval to tell,
whatever is above the brows has to do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from fomm.geometry.landmarks import REGIONS, TIED_LANDMARKS

_SIDES, _ENDS = (
    tuple(TIED_LANDMARKS.index(landmark) for landmark in pair) for pair in ((234, 454), (10, 152))
)  # of a face's outline: beside the ears, forehead and chin
_WITHIN, _OUTSIDE = 0.9, 1.25  # of the oval's half axes
_FEWEST = 8  # cells of hair that are sure, or nothing is known of it

_Floats = NDArray[np.float32]
_Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class FaceOval:
    """Where skin is expected: an upright ellipse, in [-1, 1] of a window.

    Attributes:
        centre: x, y.
        half: its half width and half height.
        brows: y of the higher brow.
    """

    centre: tuple[float, float]
    half: tuple[float, float]
    brows: float

    @classmethod
    def of(cls, keypoints: Tensor, tied: int) -> FaceOval | None:
        """Return that of a face with keypoints `[K, 2]`, of which the first `tied` follow `TIED_LANDMARKS`.

        None if these are too few.
        """
        if tied <= max(*_SIDES, *_ENDS, *REGIONS["brows"]):
            return None
        sides, ends = keypoints[list(_SIDES)], keypoints[list(_ENDS)]
        x, y = ends.mean(0).tolist()
        wide, high = (max(float((b - a).norm()) / 2, 1e-3) for a, b in (sides, ends))
        return cls((x, y), (wide, high), float(keypoints[list(REGIONS["brows"]), 1].min()))

    def way(self, count: int) -> _Floats:
        """Return how far from the centre each of `count` x `count` cells of the window is, `[n, n]`; 1 on the oval."""
        line = (np.arange(count, dtype=np.float32) + 0.5) / count * 2 - 1
        (x, y), (wide, high) = self.centre, self.half
        return np.hypot((line - x) / wide, ((line - y) / high)[:, None])


def hair_cells(colours: _Floats, person: _Flags, face: FaceOval) -> _Flags:
    """Return which of a window's cells show hair, `[n, n]`.

    Args:
        colours: of its cells, `[n, n, 3]` in [0, 1].
        person: which of them the photo's person fills, `[n, n]`.
        face: where the face is.
    """
    count = len(person)
    head = person & (np.arange(count) + 0.5 < (face.brows + 1) / 2 * count)[:, None]
    way = face.way(count)
    skin, hair = head & (way < _WITHIN), head & (way > _OUTSIDE)
    if not skin.any() or hair.sum() < _FEWEST:
        return head
    unlike_hair, unlike_skin = (
        np.square(colours - np.median(colours[seeds], axis=0)).sum(-1) for seeds in (hair, skin)
    )
    return np.asarray(head & (way > _WITHIN) & (unlike_hair < unlike_skin), np.bool_)
