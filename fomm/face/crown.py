"""The top of a head that the photo's upper edge cuts off, as an outline.

Where the outline of head and hair meets the edge, it goes on as an arc whose ends lean as the outline does there: a
head that has begun to round is closed soon, one that is cut where its sides are upright gets half a circle.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

_ROWS = 8  # of the matte, from which the outline's lean at the edge is told
_LEAST = 2.0  # cells; less of the person at the edge is no head
_LEAN = (0.0, math.radians(70))  # inward; beyond these it is no head's outline
_POINTS = 33

Points = NDArray[np.float64]


def crown(matte: NDArray[np.float32], top: float, face: tuple[float, float]) -> Points | None:
    """Return the outline of what the photo cuts off of a head.

    Args:
        matte: 1 on the person, `[n, n]` in [0, 1]; rows above the photo are not looked at.
        top: where the photo begins, in cells from the matte's upper edge.
        face: column and row of a cell of the head.

    Returns:
        Points `[N, 2]` (x, y) in cells from the matte's upper left corner, from the left end of an arc to its right
        one; both lie on the photo's edge. None if the head ends below the edge.
    """
    first = max(0, math.ceil(top))
    seen = matte[first:] > 1 / 2
    parts, _ = label(seen)
    row = int(np.clip(face[1] - first, 0, len(parts) - 1)) if len(parts) else 0
    if not len(parts) or not (own := parts[row, int(np.clip(face[0], 0, matte.shape[1] - 1))]):
        return None
    ends = _ends(np.where(parts == own, matte[first:], 0.0))
    if not ends or ends[0][1] - ends[0][0] < _LEAST:
        return None
    (left, right), rows = ends[0], np.arange(len(ends))
    lean = [0.0, 0.0]
    if len(ends) > 1:
        bent = min(2, len(ends) - 1)  # outlines are: a straight line would tell how they lean some rows further down
        slopes = (np.polyfit(rows, [end[side] for end in ends], bent)[-2] for side in (0, 1))
        lean = [math.atan(slope * sign) for slope, sign in zip(slopes, (-1, 1), strict=True)]
    inward = np.clip(lean, *_LEAN)
    return _arc(left, right, float(top), inward)


def _ends(person: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Return where the person begins and ends in the first rows, in cells; from row to row it is the same outline."""
    ends: list[tuple[float, float]] = []
    for row in person[:_ROWS]:
        runs, count = label(row > 1 / 2)
        found = [np.flatnonzero(runs == each + 1) for each in range(count)]
        if ends:
            found = [run for run in found if run[0] < ends[-1][1] and run[-1] + 1 > ends[-1][0]]
        if not found:
            break
        run = max(found, key=len)
        ends.append((_crossing(row, run[0], -1), _crossing(row, run[-1], 1)))
    return ends


def _crossing(row: NDArray[np.float64], cell: int, step: int) -> float:
    """Return where the person ends between a cell of it and the next one that is not."""
    if not 0 <= cell + step < len(row):
        return cell + 0.5 + step / 2
    return float(cell + 0.5 + step * (row[cell] - 0.5) / max(row[cell] - row[cell + step], 1e-6))


def _arc(left: float, right: float, top: float, inward: NDArray[np.float64]) -> Points:
    """Return a cubic curve, for equal leans nearly an arc of a circle."""
    lean = float(inward.mean())
    reach = 4 / 3 * math.tan((math.pi - 2 * lean) / 4) * (right - left) / (2 * math.cos(lean))
    ends = np.array([[left, top], [right, top]])
    ways = np.stack((np.sin(inward) * (1, -1), -np.cos(inward)), axis=-1)  # [2, 2], upward along the outline
    corners = np.stack((ends[0], ends[0] + reach * ways[0], ends[1] + reach * ways[1], ends[1]))
    t = np.linspace(0, 1, _POINTS)[:, None]
    weights = np.hstack(((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3))
    return np.asarray(weights @ corners)
