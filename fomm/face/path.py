"""A window that goes with somebody who walks through the shot, where one steady window would have to grow too large.

The window follows as little as it can: of all ways that keep the face within a little room around its usual place, it
takes the shortest one, a taut string (Davies and Kovac, "Local extremes, runs, strings and multiresolution", 2001,
section 2). So it stands still while the head only nods or sways, which stays the head's own movement in the window, and
it is never faster than the face. Its size changes in the same way: not at all until the face has grown or shrunk.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from fomm.face.crop import FACE_CENTER_Y, FACE_SHARE, CropWindow
from fomm.face.locate import Face

Floats = NDArray[np.float64]
# In face sizes: what a window of 1.83 face sizes leaves beside a head of 1.25 before that touches its edge.
_ROOM = 0.25
_GROWTH = 0.2  # by how much, as a logarithm, a face grows or shrinks before the window does: boxes differ by .05
# Seconds over which the corners of the string are rounded; at 0.2 the face of somebody who crosses the shot in less
# than a second and stops left the window.
_SOFT = 0.08


def window_path(faces: Mapping[int, Face], count: int, fps: float, zoom: float = 1.0) -> list[CropWindow]:
    """Return the window of every frame.

    Args:
        faces: the face in the frames in which it was seen, at least one, in px; it goes straight between them.
        count: how many frames there are.
        fps: how many a second.
        zoom: above 1 shows the face larger.
    """
    sizes = {index: face.size for index, face in faces.items()}
    known = {index: float(np.log(size)) for index, size in sizes.items()}
    size = np.exp(_line(known, dict.fromkeys(known, _GROWTH), count, fps))
    room = {index: _ROOM * size for index, size in sizes.items()}
    x, y = (_line({i: face.center[axis] for i, face in faces.items()}, room, count, fps) for axis in (0, 1))
    side = np.maximum(size / FACE_SHARE / zoom, 1.0)
    edges = np.stack((x - side / 2, y - side * FACE_CENTER_Y, side), axis=1)
    return [CropWindow(*row) for row in edges.tolist()]


def _line(middle: Mapping[int, float], room: Mapping[int, float], count: int, fps: float) -> Floats:
    """Return a number for every frame, as steady as can be, that is near enough to the known ones."""
    low, high = np.full(count, -np.inf), np.full(count, np.inf)
    for index, value in middle.items():
        low[index], high[index] = value - room[index], value + room[index]
    line: Floats = gaussian_filter1d(taut_string(low, high), _SOFT * fps, mode="nearest")
    return line


def taut_string(low: Floats, high: Floats) -> Floats:
    """Return the shortest line of numbers that keeps between two others, all `[N]`, wherever it begins and ends.

    Args:
        low: the lower bound of each, -inf where there is none.
        high: the upper bound, inf where there is none; at least one number has both, and none has them crossed.
    """
    start, end = _free_end(low, high), _free_end(low[::-1], high[::-1])
    if start is None or end is None:  # one number suits all
        return np.full(len(low), (low.max() + high.min()) / 2)
    low, high = low.copy(), high.copy()
    low[0] = high[0] = start
    low[-1] = high[-1] = end
    line, at = np.empty(len(low)), 0
    line[0] = start
    while at < len(low) - 1:
        corner, value = _corner(low, high, at, float(line[at]))
        line[at : corner + 1] = np.linspace(line[at], value, corner - at + 1)
        at = corner
    return line


def _free_end(low: Floats, high: Floats) -> float | None:
    """Return the number with which the string begins: the one it can keep longest; None if it can throughout."""
    above, below = np.maximum.accumulate(low), np.minimum.accumulate(high)
    crossed = np.flatnonzero(above > below)
    if not len(crossed):
        return None
    first = crossed[0]
    return float(below[first - 1] if low[first] > below[first - 1] else above[first - 1])


def _corner(low: Floats, high: Floats, at: int, value: float) -> tuple[int, float]:
    """Return where a string that is taut from `value` at index `at` touches a bound next, and that bound."""
    steepest, flattest, upper, lower = np.inf, -np.inf, at, at
    for index in range(at + 1, len(low)):
        rise, fall = (high[index] - value) / (index - at), (low[index] - value) / (index - at)
        if fall > steepest:
            return upper, float(high[upper])
        if rise < flattest:
            return lower, float(low[lower])
        if rise <= steepest:
            steepest, upper = rise, index
        if fall >= flattest:
            flattest, lower = fall, index
    return len(low) - 1, float(high[-1])
