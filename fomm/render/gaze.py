"""Gaze moved in the photo itself: the picture inside the eyelids slides, lids and face stay.

An iris is a few pixels wide in the square that the networks see, so it is moved at the photo's own resolution before
they see it. Each eye is an eye shape between two parabolas through its corners and lids. With `x` along the eye in [-1,
1] from corner to corner, a point shows what was at `x - g (1 - x^2)`: the middle moves by `g`, the corners stay. Up and
down it slides below the lids, which hide it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from fomm.face.crop import CropWindow
from fomm.geometry.anatomy import Eye
from fomm.render.animator import Image
from fomm.retarget.gaze import REACH

_LASHES, _LID, _FEATHER = 0.12, 0.04, 0.1  # left out at the upper and the lower lid, and blended over, likewise
_NARROW = 0.1  # an eye less open than this is shut

Points = NDArray[np.float64]


def move_gaze(
    photo: Image, window: CropWindow, keypoints: Points, eyes: Sequence[Eye], gaze: tuple[float, float]
) -> Image:
    """Return the photo with its eyes looking elsewhere.

    Args:
        photo: uint8 `[H, W, 3]`.
        window: the square that keypoints refer to.
        keypoints: `[K, 2]`, x then y in [-1, 1] of the window.
        eyes: which keypoints describe the eyes; those that are shut stay as they are.
        gaze: to the right and up of the picture, each in [-1, 1].
    """
    points = (keypoints + 1) / 2 * window.side + np.array([window.x, window.y])  # [K, 2] in px, edges at whole numbers
    moved = photo.copy()
    for eye in eyes:
        _move(photo, moved, points[[eye.outer, eye.inner]], points[eye.upper], points[eye.lower], gaze)
    return moved


def _move(photo: Image, moved: Image, corners: Points, upper: Points, lower: Points, gaze: tuple[float, float]) -> None:
    """Slide what is between the lids of one eye, in place in `moved`."""
    left, right = corners[np.argsort(corners[:, 0])]
    centre, half = (left + right) / 2, np.linalg.norm(right - left) / 2
    if half < 2:
        return
    along = (right - left) / (2 * half)
    down = np.array([-along[1], along[0]])
    low = np.maximum(np.floor(centre - half), 0).astype(int)
    high = np.minimum(np.ceil(centre + half), photo.shape[1::-1]).astype(int)
    if (high <= low).any():
        return
    grid = np.stack(np.meshgrid(*(np.arange(a, b) + 0.5 for a, b in zip(low, high, strict=True))), -1) - centre
    x, y = grid @ along / half, grid @ down / half  # [h, w]
    above, below = (_bulge((lid - centre) @ along / half, (lid - centre) @ down / half) for lid in (upper, lower))
    if below - above < _NARROW:
        return
    inside = np.minimum(y - above * (1 - x**2) - _LASHES, below * (1 - x**2) - y - _LID)
    weight = np.clip(inside / _FEATHER, 0, 1)[..., None] * (np.abs(x) < 1)[..., None]
    from_x = x - gaze[0] * REACH[0] * (1 - x**2)
    room = 1 - from_x**2
    top = above * room + _LASHES
    from_y = np.clip(y + gaze[1] * REACH[1], top, np.maximum(below * room - _LID, top))
    place = centre + half * (from_x[..., None] * along + from_y[..., None] * down) - 0.5  # [h, w, 2] in pixel centres
    crop = photo[low[1] : high[1], low[0] : high[0]].astype(np.float64)
    slid = [
        map_coordinates(photo[..., channel].astype(np.float64), (place[..., 1], place[..., 0]), order=1, mode="nearest")
        for channel in range(3)
    ]
    mixed = crop + weight * (np.stack(slid, -1) - crop)
    moved[low[1] : high[1], low[0] : high[0]] = np.round(mixed).astype(np.uint8)


def _bulge(x: float, y: float) -> float:
    """Return how far the parabola through both corners and a lid's point bulges in the middle."""
    return y / max(1 - x * x, 0.5)
