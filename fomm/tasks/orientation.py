"""How a clip lies: in which quarter turn its faces stand upright."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fomm.config.face import FaceSettings
from fomm.face.crop import CropWindow
from fomm.face.locate import Face, FaceFinder, choose
from fomm.media.probe import VideoInfo
from fomm.render.animator import Animator

Frame = NDArray[np.uint8]
_LOOKS = 3  # frames whose face tells which way up the clip is

_APART = 4.0 / 128  # how far two looks disagree, at the middle one of those, about a face that is not upright


def quarter_turns(samples: Sequence[Frame], animator: Animator, finder: FaceFinder, face: FaceSettings) -> int:
    """Return the quarter turns to the left, 0 to 3, that make a clip's face upright.

    Finders see faces that stand on their head, too, and are nearly as sure of them; keypoints are not found there. A
    clip whose face is upright as it is costs a look at a few squares. Where the model looks only once, or a crop is
    given by hand, nothing is turned.

    Args:
        samples: frames spread over the clip.
        animator: the model.
        finder: finds the faces.
        face: which one; its crop given by hand is one of the clip as it is.
    """
    if face.driving_box is not None:
        return 0
    doubts: dict[int, float] = {}
    for turn in (0, 2, 1, 3):
        squares = _faces([upright(frame, turn) for frame in samples], animator.image_size, finder, face)
        if not squares:
            continue
        apart = animator.look(squares)[1]
        if apart is None:
            return 0
        doubts[turn] = float(apart.median())
        if doubts[turn] < _APART:
            return turn
    return 0


def upright(frame: Frame, turn: int) -> Frame:
    """Return a frame turned to the left by quarter turns."""
    return np.ascontiguousarray(np.rot90(frame, turn)) if turn else frame


def lying(window: CropWindow, turn: int, info: VideoInfo) -> CropWindow:
    """Return a window of the upright clip as it lies in the clip itself."""
    x, y, side = window.x, window.y, window.side
    places = (
        (x, y),
        (info.width - y - side, x),
        (info.width - x - side, info.height - y - side),
        (y, info.height - x - side),
    )
    return CropWindow(*places[turn], side)


def _faces(frames: Sequence[Frame], size: int, finder: FaceFinder, face: FaceSettings) -> list[Frame]:
    """Return squares around the chosen face in the first few frames that show one, from the clip's middle on."""
    squares: list[Frame] = []
    for _, frame in sorted(enumerate(frames[::2]), key=lambda pair: abs(pair[0] - len(frames) // 4)):
        height, width = frame.shape[:2]
        found = finder.find(frame, side=320, smallest=0.08)
        if found:
            chosen = choose(found, _whom(face, found), (width, height))
            squares.append(CropWindow.around(chosen).crop(frame, size))
        if len(squares) == _LOOKS:
            break
    return squares


def _whom(face: FaceSettings, found: Sequence[Face]) -> str:
    """Return the setting that chooses a face, as far as there are as many."""
    which = face.driving_face
    return "largest" if which.isdecimal() and int(which) > len(found) else which
