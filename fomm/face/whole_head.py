"""Widen a photo's window until the whole head is inside, hair included.

Beyond the window the photo stays as it is. A head that reaches over its edge would turn below and rest above, so that
hair tears; the face box says nothing about hair, but a matte does.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label
from torch import Tensor

from fomm.face.crop import FACE_CENTER_Y, CropWindow
from fomm.face.crown import crown
from fomm.face.locate import Face

_WIDEST = 1.45  # times the window: beyond, the face would be much smaller than in any picture that training shows
_LOOK = 1.6  # times the window: how much of the photo is looked at
_LOOK_PX = 256
_ROOM = 0.1  # of the window's side, left free beside and above the head
_LOWEST = 0.54  # of the window's side: how far down the face's centre may be
_ASIDE = 0.1  # of the window's side: how far it may be from the middle
_TRIES = 15
_MOUTH = 0.25  # of the face's height: below this, counted from its centre, the person may be shoulders, not head

Person = Callable[[NDArray[np.uint8]], Tensor | None]
"""Finds the person in a picture uint8 `[S, S, 3]`: `[1, 1, s, s]` in [0, 1] on the CPU, or None if it cannot tell."""


def with_whole_head(photo: NDArray[np.uint8], window: CropWindow, face: Face, person: Person) -> CropWindow:
    """Return the smallest window around `window`'s face that leaves room beside and above the head.

    Args:
        photo: uint8 `[H, W, 3]`.
        window: the face's own window; the result is at most 1.45 times as wide.
        face: the face in it.
        person: finds the person in a picture.

    Returns:
        `window` itself if nothing is cut off, or where the person is cannot be told.
    """
    head = _head(photo, window, face, person)
    if head is None:
        return window
    left, top, right = head
    (x, y), width = face.center, photo.shape[1]
    for side in np.linspace(window.side, window.side * _WIDEST, _TRIES).tolist():
        room = side * _ROOM  # as far as the photo goes: what its own edge cuts off needs none
        begin = min(max(x - side / 2, min(right + room, width) - side), max(left - room, 0.0))
        above, highest = min(y - side * FACE_CENTER_Y, max(top - room, 0.0)), y - side * _LOWEST
        fits = begin + side >= min(right + room, width) and abs(begin + side / 2 - x) <= side * _ASIDE
        if fits and above >= highest:
            if top < 0:  # what the photo cuts off is made up, so some of that is shown, but no smaller for it
                above = max(min(above, -room), highest)
            return CropWindow(begin, above, side)
    return CropWindow(x - side / 2, y - side * _LOWEST, side)


def _head(
    photo: NDArray[np.uint8], window: CropWindow, face: Face, person: Person
) -> tuple[float, float, float] | None:
    """Return where the head with its hair begins on the left, on top, and ends on the right, in px of the photo.

    Of a head that the photo cuts off, the top is where it would be, above the photo.
    """
    (x, y), side = face.center, window.side * _LOOK
    look = CropWindow(x - side / 2, y - side / 2, side)
    matte = person(look.crop(photo, _LOOK_PX))
    if matte is None:
        return None
    found = matte[0, 0].numpy() > 1 / 2
    count = len(found)
    cell = side / count
    outline = crown(matte[0, 0].numpy(), -look.y / cell, (count / 2, count / 2))
    found[int((y + _MOUTH * (face.box[3] - face.box[1]) - look.y) / cell) :] = False
    parts, _ = label(found)
    own = parts[count // 2, count // 2]  # the face is amid the look
    if not own:
        return None
    rows, columns = find_objects(parts)[own - 1]
    top = rows.start if outline is None else float(outline[:, 1].min())
    return look.x + columns.start * cell, look.y + top * cell, look.x + columns.stop * cell
