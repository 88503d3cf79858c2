"""What a user should know about the face that was taken: that it was one of several, or that it is very small."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from fomm.errors import FommWarning
from fomm.face.locate import Face

_RIVAL = 0.3  # share of the taken face's size from which another one may have been meant
SMALL_FACE = 48
"""Side in px of a face below which the result is soft: a fifth of what the networks see of one."""


class FaceWarning(FommWarning):
    """A face was taken that may not be the one that was meant, or may not be good enough."""


def remark(faces: Sequence[Face], taken: Face, where: str, which: str, flag: str) -> None:
    """Warn if the face taken was one of several although nobody chose, and if it is very small.

    Args:
        faces: all that were found.
        taken: the one of them that is used.
        where: what they were found in, such as "The photo".
        which: the setting by which it was chosen.
        flag: the option that sets it; empty if the caller takes none.
    """
    rivals = [face for face in faces if face.size >= _RIVAL * taken.size]
    if which == "largest" and len(rivals) > 1:
        number = 1 + sorted(faces, key=lambda face: face.center[0]).index(taken)
        others = f" Another one is chosen by {flag} left, right, center or its number." if flag else ""
        warnings.warn(
            f"{where} shows {len(faces)} faces; the largest was taken, number {number} from the left.{others}",
            FaceWarning,
            stacklevel=3,
        )
    if taken.size < SMALL_FACE:
        warnings.warn(
            f"The face in {where[0].lower()}{where[1:]} is only {taken.size:.0f} px large, so the result will be soft; "
            f"from {SMALL_FACE} px on it is fair.",
            FaceWarning,
            stacklevel=3,
        )
