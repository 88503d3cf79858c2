"""Which window of the photo and of the driving clip to use.

The photo's window shows the face as the training frames do. The driving clip gets one steady window for all its
frames, from a few detections spread over the clip: a window that follows the face would add its own jitter to the
motion and take the head's movement out of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fomm.config.face import FaceSettings
from fomm.errors import FaceError
from fomm.face.crop import FACE_SHARE, CropWindow
from fomm.face.locate import Face, FaceFinder, choose
from fomm.face.remarks import remark
from fomm.face.whole_head import Person, with_whole_head
from fomm.media.video import sample_frames

Box = tuple[int, int, int, int]
SAMPLES = 16
"""Frames of the driving clip looked at for its window."""
_FARTHEST = 1.5  # of a face's own size, or doublings of it, by which it changes from one of them to the next
MOST_GROWN = 2.0
"""Times its usual size, of a window in which keypoints are still found: they are up to 1.9 px of 256 off there, and 39
to 51 px in one 2.5 times as large."""
_JUMP = 0.2  # overlap with the face's box a sample before, below which it may be another shot's: then all is looked at
_LARGEST = 4  # times the picture, a crop given by hand
_NEAR_SIDE = 640  # px, of a crop given by hand that is searched by itself
_ELSE = "use one that shows a face from the front"  # where no box can be given
EXTENT = 1.25
"""A head with its hair is about this much larger than the face box."""


@dataclass(frozen=True)
class DrivingWindow:
    """The steady window of a driving clip.

    Attributes:
        window: the same for every frame.
        face: the followed face, in px of the driving frames, or None where the window was given by hand and any face
            was wanted (a drawing, an animal) but none could be found: then every frame counts.
        unsteady: whether no steady window serves: it would be larger than keypoints can be found in, or the face jumps
            from place to place as where shots are cut together.
    """

    window: CropWindow
    face: Face | None
    unsteady: bool = False


def portrait_window(
    image: NDArray[np.uint8],
    finder: FaceFinder,
    settings: FaceSettings | None = None,
    person: Person | None = None,
    size: tuple[int, int] | None = None,
) -> CropWindow:
    """Return the window to animate in a photo.

    Args:
        image: uint8 `[H, W, 3]`.
        finder: finds the face.
        settings: which face, and how closely it is cropped.
        person: if given, the window of a face that was found is widened until the whole head is in it.
        size: width and height in px of the photo that `image` is a reduced copy of; a box is given in its pixels.

    Returns:
        The window in px of `image`.

    Raises:
        FaceError: no face was found, the one asked for does not exist, or the given box lies outside the photo, is
            much larger, or shows no face although none is not enough.
    """
    by_hand = "mark it yourself with --source-box x,y,width,height, of a drawing or an animal add --any-face"
    advice, flag = (_ELSE, "") if settings is None else (by_hand, "--source-face")
    settings = settings or FaceSettings()
    height, width = image.shape[:2]
    if settings.source_box is not None:
        across, down = size or (width, height)
        window = _window_of_box(settings.source_box, across, down, "--source-box").scaled(width / across)
        if not settings.any_face and not _faces_inside(image, window, finder):
            raise _no_face_inside("--source-box")
        return window
    faces = finder.find(image) or finder.find(image, side=1600, smallest=0.01)
    if not faces:
        raise FaceError(f"No face was found in the photo; {advice}.")
    face = choose(faces, settings.source_face, (width, height))
    remark(faces, face, "The photo", settings.source_face, flag)
    window = CropWindow.around(face, settings.zoom)
    return window if person is None else with_whole_head(image, window, face, person)


def driving_window(video: Path, finder: FaceFinder, settings: FaceSettings | None = None) -> DrivingWindow:
    """Return the steady window of a driving clip, from a few frames spread over it.

    Raises:
        FaceError: no face in any of them, or the given box lies outside the frames.
        MediaError: the clip cannot be read.
    """
    frames = [frame for _, frame in sample_frames(video, SAMPLES)]
    return steady_window(frames, finder, settings)


def steady_window(
    frames: Sequence[NDArray[np.uint8]], finder: FaceFinder, settings: FaceSettings | None = None
) -> DrivingWindow:
    """Return one window that holds the chosen person's head in frames `uint8 [H, W, 3]` spread over a clip.

    The person is chosen in the first frame that shows a face and recognised by place and size in the others. The
    window has the middle size and place of that person's windows, and grows where the head travels.

    Raises:
        FaceError: no face in any frame or inside the given box, or that lies outside the frames.
    """
    advice, flag = (
        (_ELSE, "") if settings is None else ("mark it with --driving-box x,y,width,height", "--driving-face")
    )
    settings = settings or FaceSettings()
    if not frames:
        raise FaceError("The driving clip has no frames to look for a face in.")
    height, width = frames[0].shape[:2]
    if settings.driving_box is not None:
        window = _window_of_box(settings.driving_box, width, height, "--driving-box")
        inside = _middle_face(_follow(frames, finder, settings, window, flag)[0])
        if inside is None and not settings.any_face:
            raise _no_face_inside("--driving-box")
        return DrivingWindow(window, inside)
    faces, jumped = _follow(frames, finder, settings, None, flag)
    middle = _middle_face(faces)
    if middle is None:
        raise FaceError(f"No face was found in the driving clip; {advice}.")
    window = window_of_travel(faces, middle, settings.zoom)
    return DrivingWindow(window, middle, jumped or too_wide(window, faces))


def too_wide(window: CropWindow, faces: Sequence[Face]) -> bool:
    """Return whether a window shows faces too small for keypoints to be found."""
    smallest = float(np.quantile([face.size for face in faces], 0.1))
    return window.side * FACE_SHARE > MOST_GROWN * smallest


def _follow(
    frames: Sequence[NDArray[np.uint8]],
    finder: FaceFinder,
    settings: FaceSettings,
    window: CropWindow | None,
    flag: str,
) -> tuple[list[Face], bool]:
    """Return the chosen person's face in every frame that shows it, and whether it jumps; `window` limits the search.

    `flag` is the option that chooses the person, empty where there is none.
    """
    followed: list[Face] = []
    jumped = False
    for frame in frames:
        height, width = frame.shape[:2]
        # What is too small to continue the last one need not be looked for.
        least = followed[-1].size * 2**-_FARTHEST / max(height, width) if followed else 0.0
        faces = finder.find(frame, side=480, least=least)
        if window is not None:
            faces = [face for face in faces if _holds(window, face)]
        if followed:
            match = same_person(faces, followed[-1])
            jumped = jumped or (bool(faces) and (match is None or match.overlap(followed[-1]) < _JUMP))
        else:
            match = choose(faces, settings.driving_face, (width, height)) if faces else None
            if match is not None and window is None:
                remark(faces, match, "The driving clip", settings.driving_face, flag)
        if match is not None:
            followed.append(match)
    return followed, jumped


def same_person(faces: Sequence[Face], before: Face) -> Face | None:
    """Return the face that continues `before`: near it and of about its size, or None."""

    def distance(face: Face) -> float:
        step = np.hypot(face.center[0] - before.center[0], face.center[1] - before.center[1]) / before.size
        return float(step + abs(np.log2(face.size / before.size)))

    near = min((face for face in faces if face.size > 0), key=distance, default=None)
    return near if near is not None and distance(near) < _FARTHEST else None


def _middle_face(faces: Sequence[Face]) -> Face | None:
    """Return the median box, so a few wrong detections do not matter."""
    if not faces:
        return None
    x0, y0, x1, y1 = np.median([face.box for face in faces], axis=0).tolist()
    return Face((x0, y0, x1, y1), float(np.median([face.score for face in faces])))


def window_of_travel(faces: Sequence[Face], middle: Face, zoom: float) -> CropWindow:
    """Return the middle face's window, moved and grown until it holds the travelling head (outliers aside)."""
    window = CropWindow.around(middle, zoom)
    boxes = np.array([face.box for face in faces])
    low, high = np.quantile(boxes[:, :2], 0.05, axis=0), np.quantile(boxes[:, 2:], 0.95, axis=0)
    # The window of a head that stays is `around`; travel beyond the room that leaves makes it grow.
    centre, half = (low + high) / 2, (high - low) / 2 * EXTENT
    side = min(max(window.side, 2 * float(half.max())), 2.5 * window.side)
    lift = middle.center[1] - (window.y + window.side / 2)
    return CropWindow(float(centre[0]) - side / 2, float(centre[1]) - lift - side / 2, side)


def _faces_inside(image: NDArray[np.uint8], window: CropWindow, finder: FaceFinder) -> list[Face]:
    """Return the faces in a window of a photo, searched for from near if they are not seen in the whole of it."""
    faces = [face for face in finder.find(image) if _holds(window, face)]
    return faces or finder.find(window.crop(image, round(min(_NEAR_SIDE, max(window.side, 1)))))


def _no_face_inside(flag: str) -> FaceError:
    return FaceError(
        f"No human face was found inside {flag}; move it onto the face, or add --any-face for a drawing or an animal."
    )


def _holds(window: CropWindow, face: Face) -> bool:
    x, y = face.center
    return window.x <= x <= window.x + window.side and window.y <= y <= window.y + window.side


def _window_of_box(box: Box, width: int, height: int, flag: str) -> CropWindow:
    """Return the square around a box given by hand; a longer side decides."""
    x, y, box_width, box_height = box
    if x >= width or y >= height or x + box_width <= 0 or y + box_height <= 0:
        raise FaceError(f"{flag} {x},{y},{box_width},{box_height} lies outside the {width}x{height} picture.")
    side = max(box_width, box_height)
    if side > _LARGEST * max(width, height):  # what is beyond the picture has to be made up, and kept
        raise FaceError(
            f"{flag} {x},{y},{box_width},{box_height} is more than {_LARGEST} times as large as the {width}x{height} "
            "picture; give the part of it that shows the head."
        )
    return CropWindow(x + (box_width - side) / 2, y + (box_height - side) / 2, float(side))
