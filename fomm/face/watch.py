"""Which frames of a driving clip show the followed face, at a small cost per frame.

Every few frames the face is looked for in the cropped frame; only where the answer changes are the frames between
looked at too. Frames without the face are bridged later, when the motion track is built.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from fomm.face.crop import CropWindow
from fomm.face.locate import Face, FaceFinder
from fomm.face.windows import DrivingWindow, same_person

Frame = NDArray[np.uint8]
SEARCH_SIDE = 160
"""The cropped frames are searched at this size: the face fills half of them."""


class FaceWatcher:
    """Marks the frames that show the followed face.

    Args:
        finder: finds the faces.
        driving: the clip's steady window and the face to follow; without a face every frame counts.
        interval: look every this many frames; 0 never looks and trusts every frame.
    """

    def __init__(self, finder: FaceFinder, driving: DrivingWindow, interval: int = 8) -> None:
        self._finder = finder
        self._window = driving.window
        self._last = driving.face if interval else None
        self._interval = max(1, interval)

    def watch(self, frames: Iterable[Frame]) -> Iterator[tuple[Frame, bool]]:
        """Pass frames through with a flag; holds back at most `interval` of them.

        Args:
            frames: crops of the driving window, `uint8 [S, S, 3]`, in order.

        Yields:
            Each frame, and whether it shows the followed face.
        """
        before = False
        held: list[Frame] = []
        for index, frame in enumerate(frames):
            if index % self._interval:
                held.append(frame)
                continue
            now = self.sees(frame)
            yield from self._settle(held, before, now)
            yield frame, now
            held, before = [], now
        if held:
            now = self.sees(held[-1])
            yield from self._settle(held[:-1], before, now)
            yield held[-1], now

    def sees(self, frame: Frame) -> bool:
        """Look for the followed face in one crop `uint8 [S, S, 3]`, and follow it there."""
        if self._last is None:
            return True
        faces = self._finder.find(frame, side=SEARCH_SIDE, smallest=0.2)
        match = same_person([_uncropped(face, self._window, frame.shape[0]) for face in faces], self._last)
        if match is not None:
            self._last = match
        return match is not None

    def _settle(self, held: list[Frame], before: bool, after: bool) -> Iterator[tuple[Frame, bool]]:
        """Flag the frames between two looks."""
        for frame in held:
            yield frame, before if before == after else self.sees(frame)


def _uncropped(face: Face, window: CropWindow, size: int) -> Face:
    """Move a face from px of a crop `size` px wide to px of the whole frame."""
    scale = window.side / size
    x0, y0, x1, y1 = face.box
    return Face(
        (window.x + x0 * scale, window.y + y0 * scale, window.x + x1 * scale, window.y + y1 * scale), face.score
    )
