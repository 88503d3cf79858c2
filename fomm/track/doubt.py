"""Whether a frame of a driving clip shows the face well enough to be followed, and if not, why.

Four things speak against a frame: the finder saw no face around it; the face is too dark; it reaches out of the
picture; or two looks at it, at the picture and at its mirror image, disagree about where its keypoints are. They are
mistaken in different ways, so that they agree where the face is seen well and nowhere else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

SEEN, DARK, OUTSIDE, NO_FACE, UNSURE = range(5)
REASONS = {DARK: "dark", OUTSIDE: "outside", NO_FACE: "no face", UNSURE: "unsure"}
"""What speaks against a frame, in words."""

# In half sides of the window, where a pixel of 256 is 1/128. Two looks are 1.34 px apart at most in 208 frames of
# training clips, whose heads turn by up to 25 degrees, and .75 px in the demo's. Of 40 frames with faces half outside,
# in the dark or gone, those more than 2 px apart are 8 px off the truth or more; those between 1 and 2 px are right up
# to a few keypoints that lie beyond the picture, which are 24 px off.
_APART, _APART_AT_EDGE = 2.0 / 128, 1.0 / 128
_EDGE = 2.0 / 128  # beside the picture's edge, where keypoints are found that lie beyond it
_DARK = 20.0  # mean grey level of a face; at 19 keypoints are up to 4 px off, at 39 they are not
BESIDE = 2
"""Frames beside a gap that are not trusted either: they show half of what made it."""


def judge(
    square: NDArray[np.uint8],
    face: NDArray[np.float32] | None,
    apart: float | None,
    seen: bool,
    inside: tuple[float, float, float, float],
) -> int:
    """Return what speaks against a frame, `SEEN` if nothing does.

    Args:
        square: what the window shows, `uint8 [S, S, 3]`.
        face: keypoints on the face, `[F, 2]` in [-1, 1] of the window, or None where none are tied to it.
        apart: how far two looks disagree, see `AnimationModel.look`; None if there was only one.
        seen: whether the finder saw the face.
        inside: left, upper, right and lower edge of the picture in [-1, 1] of the window.
    """
    if brightness(square, face) < _DARK:
        return DARK
    if not seen:
        return NO_FACE
    if apart is None or face is None:
        return SEEN
    beyond = min(*(face.min(0) - inside[:2]), *(inside[2:] - face.max(0))) < _EDGE
    if apart > (_APART_AT_EDGE if beyond else _APART):
        return OUTSIDE if beyond else UNSURE
    return SEEN


def brightness(square: NDArray[np.uint8], face: NDArray[np.float32] | None) -> float:
    """Return the mean grey level, in [0, 255], of the face in a square, or of its middle where none is known."""
    low, high = (np.array((-0.5, -0.5)), np.array((0.5, 0.5))) if face is None else (face.min(0), face.max(0))
    x0, y0, x1, y1 = np.clip((np.concatenate((low, high)) + 1) / 2 * len(square), 0, len(square)).astype(int).tolist()
    part = square[min(y0, len(square) - 1) : y1 + 1 : 4, min(x0, len(square) - 1) : x1 + 1 : 4]
    return float(part.mean())


def settled(why: Sequence[int], starts: Sequence[int] = ()) -> list[int]:
    """Return what speaks against each frame of a clip when its neighbours are known.

    Frames beside a gap count as part of it, unless a cut lies between. A gap has one reason, the most frequent; a face
    that reaches out of the picture and then is not there at all is outside.

    Args:
        why: of each frame by itself.
        starts: frames that begin a new shot.
    """
    shot = np.searchsorted(np.asarray(starts, int), np.arange(len(why)), side="right")
    bad = np.asarray(why) != SEEN
    wider = bad.copy()
    for step in range(1, BESIDE + 1):
        wider[step:] |= bad[:-step] & (shot[step:] == shot[:-step])
        wider[:-step] |= bad[step:] & (shot[step:] == shot[:-step])
    found: list[int] = []
    for (gap, _), frames in groupby(range(len(why)), lambda index: (bool(wider[index]), int(shot[index]))):
        run = list(frames)
        found += [_reason([why[index] for index in run]) if gap else SEEN] * len(run)
    return found


def _reason(why: Sequence[int]) -> int:
    counts = Counter(reason for reason in why if reason != SEEN)
    if counts[OUTSIDE]:
        counts[OUTSIDE] += counts.pop(NO_FACE, 0)
    return max(counts, key=lambda reason: (counts[reason], -reason))


def in_words(why: Sequence[int]) -> tuple[tuple[str, int], ...]:
    """Return how many frames are bridged for which reason, most frequent first."""
    return tuple((REASONS[reason], count) for reason, count in Counter(why).most_common() if reason != SEEN)
