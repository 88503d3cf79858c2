"""Expression as curves over time: how far the mouth and the eyes are open, and whether two curves agree.

Both openings are ratios of distances on the face, so they depend on neither its size nor its place: the gap between
the inner lips (landmarks 13 and 14 of the face mesh) over the distance of the outer eye corners (33 and 263), and the
gap between the lids over the width of the eye, mean of both eyes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.floating]

INNER_LIPS = (13, 14)
OUTER_CORNERS = (33, 263)
EYE_POINTS = ((33, 133, 159, 145), (263, 362, 386, 374))
"""Outer corner, inner corner, upper lid and lower lid of both eyes."""

STILL = {"mouth": 0.02, "eyes": 0.04}
"""A curve whose standard deviation is below this does not move: it has nothing to correlate with."""

_FLAT = 1e-9


def openings(points: dict[int, Points]) -> dict[str, NDArray[np.float64]]:
    """Return the curves "mouth" and "eyes", each `[T]`.

    Args:
        points: for each landmark named above its places `[T, 2]`, in any one unit.
    """
    width = _gap(points, *OUTER_CORNERS)
    eyes = [_gap(points, upper, lower) / _gap(points, outer, inner) for outer, inner, upper, lower in EYE_POINTS]
    return {"mouth": _gap(points, *INNER_LIPS) / width, "eyes": np.mean(eyes, axis=0)}


def needed_landmarks() -> tuple[int, ...]:
    """Return the landmarks that `openings` reads."""
    return tuple(sorted({*INNER_LIPS, *OUTER_CORNERS, *(point for eye in EYE_POINTS for point in eye)}))


def agreement(made: NDArray[np.floating], wanted: NDArray[np.floating], still: float) -> float | None:
    """Return Pearson's correlation of two curves `[T]`; NaN marks frames in which nothing was found.

    None where the wanted curve does not move, or too little of the made one was found; 0 where the made one stands
    still although it should move.
    """
    known = _known(made, wanted, still)
    if known is None:
        return None
    if np.std(made[known]) < _FLAT:
        return 0.0
    return float(np.corrcoef(made[known], wanted[known])[0, 1])


def depth(made: NDArray[np.floating], wanted: NDArray[np.floating], still: float) -> float | None:
    """Return how far the made curve goes when the wanted one goes by 1: the slope of the line through both.

    A correlation is the same for lids that shut and lids that come half way; this is not. None and 0 as for
    `agreement`.
    """
    known = _known(made, wanted, still)
    if known is None:
        return None
    if np.std(made[known]) < _FLAT:
        return 0.0
    return float(np.polyfit(wanted[known], made[known], 1)[0])


def _known(made: NDArray[np.floating], wanted: NDArray[np.floating], still: float) -> NDArray[np.bool_] | None:
    """Return the frames that can be compared, `[T]`, None where there is nothing to compare."""
    known = np.isfinite(made) & np.isfinite(wanted)
    if known.sum() < max(3, len(wanted) // 2) or np.std(wanted[known]) < still:
        return None
    return np.asarray(known)


def _gap(points: dict[int, Points], first: int, second: int) -> NDArray[np.float64]:
    gap: NDArray[np.float64] = np.linalg.norm(points[first] - points[second], axis=-1)
    return gap
