"""How a driving clip is to be cut before its keypoints are looked for: which way up, and through which windows.

Most clips keep one steady window, found from a few of their frames, and ffmpeg cuts it. A clip whose face goes further,
or that is cut together from several shots, is looked through once more at a small size, and gets a window for every
frame, cut from whole frames as they stream by.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fomm.config.face import FaceSettings
from fomm.face.crop import CropWindow
from fomm.face.locate import Face, FaceFinder
from fomm.face.path import window_path
from fomm.face.shots import Seen, watch_whole
from fomm.face.watch import FaceWatcher
from fomm.face.windows import DrivingWindow, steady_window, too_wide, window_of_travel
from fomm.media.probe import VideoInfo
from fomm.media.video import CHROMA_STEP, read_video
from fomm.render.animator import Animator
from fomm.tasks.orientation import lying, quarter_turns, upright

Frame = NDArray[np.uint8]
_SMALL_SIDE = 480  # px, long side of the frames in which a face that roams is looked for
_LOOK_EVERY = 0.08  # seconds between two looks for it
_FINE = 2  # px of the frames that windows are cut from for each px of a window, at most


@dataclass(frozen=True)
class ClipFrame:
    """One frame of a clip, cut.

    Attributes:
        square: uint8 `[S, S, 3]`, upright.
        window: where it was cut, in px of the upright clip.
        seen: whether the finder saw the face there.
        begins: whether it is the first of another shot.
    """

    square: Frame
    window: CropWindow
    seen: bool
    begins: bool = False


@dataclass(frozen=True)
class ClipPlan:
    """How to cut a clip.

    Attributes:
        info: the clip.
        turn: quarter turns to the left that make it upright.
        driving: its steady window and the face, in px of the upright clip.
        windows: the window of every frame where that one does not serve.
        seen: what was seen where, if `windows` is given.
    """

    info: VideoInfo
    turn: int
    driving: DrivingWindow
    windows: tuple[CropWindow, ...] = ()
    seen: Seen | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the upright clip in px."""
        return _turned_size(self.info, self.turn)

    def frames(self, finder: FaceFinder, interval: int, size: int, stop: int | None) -> Generator[ClipFrame]:
        """Stream the clip's frames, cut to squares of `size` px.

        Args:
            finder: looks for the face in the steady window.
            interval: how often it does; 0 never.
            size: side of the squares.
            stop: index after the last frame, None for the end.
        """
        if self.seen is None:
            with contextlib.closing(self._steady(size, stop)) as squares:
                for square, shown in FaceWatcher(finder, self.driving, interval).watch(squares):
                    yield ClipFrame(square, self.driving.window, shown)
            return
        scale = min(1.0, _FINE * size / min(window.side for window in self.windows))
        whole = _even_size(self.info, scale)
        scale = whole[0] / self.info.width
        with contextlib.closing(read_video(self.info.path, size=whole, stop=stop)) as frames:
            for index, (frame, window) in enumerate(zip(frames, self.windows, strict=False)):
                square = _cut(upright(frame, self.turn), window.scaled(scale), size)
                yield ClipFrame(square, window, self.seen.shown[index], index in self.seen.cuts)

    def _steady(self, size: int, stop: int | None) -> Generator[Frame]:
        """Stream the steady window as upright squares; ffmpeg crops and scales."""
        window = lying(self.driving.window, self.turn, self.info)
        side = max(CHROMA_STEP, _even(window.side))
        crop = (_even(window.x), _even(window.y), side, side)
        with contextlib.closing(read_video(self.info.path, crop=crop, size=(size, size), stop=stop)) as squares:
            for square in squares:
                yield upright(square, self.turn)


def plan_clip(
    info: VideoInfo,
    samples: Sequence[Frame],
    animator: Animator,
    finder: FaceFinder,
    face: FaceSettings,
    stop: int | None = None,
) -> ClipPlan:
    """Return how to cut a clip.

    Args:
        info: the clip.
        samples: frames spread over it, `uint8 [H, W, 3]`.
        animator: tells by the keypoints whether a face is upright.
        finder: finds the faces.
        face: which face, and how closely it is cropped.
        stop: index after the last frame that is wanted, None for the end.

    Raises:
        FaceError: no sample shows the face.
    """
    turn = quarter_turns(samples, animator, finder, face)
    driving = steady_window([upright(frame, turn) for frame in samples], finder, face)
    plan = ClipPlan(info, turn, driving)
    if not driving.unsteady or driving.face is None:
        return plan
    scale = min(1.0, _SMALL_SIDE / max(info.width, info.height))
    size = _even_size(info, scale)
    scale = size[0] / info.width
    step = max(1, round(_LOOK_EVERY * float(info.fps)))
    with contextlib.closing(read_video(info.path, size=size, stop=stop)) as frames:
        turned = (upright(frame, turn) for frame in frames)
        seen = watch_whole(turned, finder, face, driving.face.scaled(scale), step)
    seen = Seen({index: found.scaled(1 / scale) for index, found in seen.faces.items()}, seen.shown, seen.cuts)
    starts = [0, *seen.cuts, len(seen.shown)]
    windows = [_windows_of(seen, start, end, info, face.zoom) for start, end in pairwise(starts)]
    if len(windows) == 1 and isinstance(windows[0], CropWindow):
        served = not too_wide(driving.window, list(seen.faces.values()))
        window = driving.window if served else windows[0]
        return replace(plan, driving=DrivingWindow(window, driving.face))
    known = next(shot for shot in windows if shot is not None)
    every: list[CropWindow] = []
    for shot, (start, end) in zip(windows, pairwise(starts), strict=True):
        last = every[-1] if every else known if isinstance(known, CropWindow) else known[0]
        own = last if shot is None else shot  # a shot without the face is a gap
        every += [own] * (end - start) if isinstance(own, CropWindow) else own
    return replace(plan, windows=tuple(every), seen=seen)


def _windows_of(seen: Seen, start: int, end: int, info: VideoInfo, zoom: float) -> CropWindow | list[CropWindow] | None:
    """Return a shot's steady window, or one for each of its frames where that is too wide, or None without a face."""
    faces = {index - start: face for index, face in seen.faces.items() if start <= index < end}
    if not faces:
        return None
    every = list(faces.values())
    middle = Face(*_median(every))
    window = window_of_travel(every, middle, zoom)
    return window_path(faces, end - start, float(info.fps), zoom) if too_wide(window, every) else window


def _median(faces: Sequence[Face]) -> tuple[tuple[float, float, float, float], float]:
    x0, y0, x1, y1 = np.median([face.box for face in faces], axis=0).tolist()
    return (x0, y0, x1, y1), float(np.median([face.score for face in faces]))


def _cut(frame: Frame, window: CropWindow, size: int) -> Frame:
    """Cut a window, moved into the picture where it lies beyond: a face that is away may be anywhere."""
    height, width = frame.shape[:2]
    x = min(max(window.x, 1 - window.side), width - 1)
    y = min(max(window.y, 1 - window.side), height - 1)
    return CropWindow(x, y, window.side).crop(frame, size)


def _turned_size(info: VideoInfo, turn: int) -> tuple[int, int]:
    return (info.height, info.width) if turn % 2 else (info.width, info.height)


def _even_size(info: VideoInfo, scale: float) -> tuple[int, int]:
    return max(2, 2 * round(info.width * scale / 2)), max(2, 2 * round(info.height * scale / 2))


def _even(length: float) -> int:
    """Return pixels rounded to what ffmpeg cuts at once."""
    return CHROMA_STEP * round(length / CHROMA_STEP)
