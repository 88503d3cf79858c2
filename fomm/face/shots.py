"""The followed face in a whole clip, read once at a small size, and where the clip cuts to another framing.

Only clips whose face does not keep to one steady window are read this way. The face is looked for around its last place
every few frames, and in the whole picture where it is not there. A cut changes the picture and the face's place at
once: a walk changes the place alone, a flash or a fade the picture alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fomm.config.face import FaceSettings
from fomm.face.crop import CropWindow
from fomm.face.locate import Face, FaceFinder, choose
from fomm.face.watch import SEARCH_SIDE
from fomm.face.windows import same_person

Frame = NDArray[np.uint8]
_AROUND = 3.0  # face sizes, of the square that is searched first
_BINS = 32  # of the histogram of grey levels
# Share of the pixels whose level changed: at most .013 from frame to frame of the demo's clips, .083 as a head that
# fills the picture leaves it within a second; .47 at a cut to a third of the size.
_CHANGED = 0.15
_SAME_PLACE = 0.3  # overlap of the face boxes from which a changed picture still shows the same framing


@dataclass
class Seen:
    """What was seen in a clip.

    Attributes:
        faces: by the number of the frame, in px of the frames that were looked at.
        shown: for every frame, whether the looks before and after it saw the face.
        cuts: frames that begin a new shot, the first one left out.
    """

    faces: dict[int, Face] = field(default_factory=dict)
    shown: list[bool] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)


def watch_whole(frames: Iterable[Frame], finder: FaceFinder, settings: FaceSettings, first: Face, step: int) -> Seen:
    """Look for one person's face in all of a clip.

    Args:
        frames: the clip's, `uint8 [H, W, 3]`, small.
        finder: finds the faces.
        settings: whom to choose after a cut.
        first: the person's face where it was seen first.
        step: look every this many frames.
    """
    seen = Seen()
    last: Face | None = None
    before: NDArray[np.float64] | None = None
    cut: int | None = None
    looked, was = -1, False
    for index, frame in enumerate(frames):
        levels = _levels(frame)
        if before is not None and np.abs(levels - before).sum() / 2 > _CHANGED:
            cut = index
        before = levels
        seen.shown.append(False)
        if index % step and cut != index:
            continue
        face = _find(frame, finder, settings, last, first, anew=cut is not None)
        if face is not None:
            if cut is not None and last is not None and face.overlap(last) < _SAME_PLACE:
                seen.cuts.append(cut)
            seen.faces[index] = last = face
            cut = None
        now = face is not None
        seen.shown[looked + 1 :] = [(was and now) or (now and looked < 0)] * (index - looked - 1) + [now]
        looked, was = index, now
    seen.shown[looked + 1 :] = [was] * (len(seen.shown) - looked - 1)
    return seen


def _find(
    frame: Frame, finder: FaceFinder, settings: FaceSettings, last: Face | None, first: Face, *, anew: bool
) -> Face | None:
    """Return the followed face in a frame; `anew` where the picture has changed, and so may the framing."""
    height, width = frame.shape[:2]
    if last is not None and not anew:
        side = min(_AROUND * last.size, 2.0 * max(height, width))
        window = CropWindow(last.center[0] - side / 2, last.center[1] - side / 2, side)
        if window.x < width and window.y < height and window.x + side > 0 and window.y + side > 0:
            near = finder.find(window.crop(frame, SEARCH_SIDE), smallest=0.15)
            match = same_person([_placed(face, window) for face in near], last)
            if match is not None:
                return match
    faces = finder.find(frame, side=max(height, width))
    match = same_person(faces, last or first)
    if match is not None or not faces:
        return match
    # Somebody who was away comes back elsewhere; whoever is not alone there may be another person.
    return choose(faces, settings.driving_face, (width, height)) if anew or len(faces) == 1 else None


def _placed(face: Face, window: CropWindow) -> Face:
    """Return a face of a window cut at `SEARCH_SIDE` px as it lies in the frame."""
    scaled = face.scaled(window.side / SEARCH_SIDE)
    x0, y0, x1, y1 = scaled.box
    return Face((window.x + x0, window.y + y0, window.x + x1, window.y + y1), face.score)


def _levels(frame: Frame) -> NDArray[np.float64]:
    """Return the shares of a frame's pixels in each range of grey levels."""
    grey = frame[::2, ::2].mean(axis=2)
    return np.asarray(np.histogram(grey, _BINS, (0, 256))[0] / grey.size)
