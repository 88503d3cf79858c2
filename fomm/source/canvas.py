"""A photo with what its window shows beyond it, made up once per portrait.

Close photos cut off hair above and shoulders beside. A head that nods brings into view what the photo does not hold;
where the photo's edge was merely repeated, stripes came down with it. Frames show the photo's part only; what is made
up, see `fomm.source.outpainting`, is there for motion to fetch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from torch import Tensor

from fomm.face.crop import CropWindow
from fomm.face.whole_head import Person
from fomm.source.hair import FaceOval
from fomm.source.outpainting import Continued

Image = NDArray[np.uint8]
Oval = Callable[[Image], FaceOval | None]
"""Finds the oval of the face in a picture uint8 `[S, S, 3]`, or None if it cannot tell."""


@dataclass(frozen=True)
class Canvas:
    """A photo with what its window shows beyond it.

    Attributes:
        picture: uint8 `[H, W, 3]`, the photo and what is made up around it.
        window: the photo's window in it.
        left: columns of it before the photo.
        top: rows of it above the photo.
    """

    picture: Image
    window: CropWindow
    left: int = 0
    top: int = 0


@dataclass(frozen=True)
class InnerView:
    """The largest part of a window, moved as little as needed, that shows the photo alone.

    A matte learns what repeated edges look like, see `fomm.training.data.portrait_views`; keypoints do not, and stray
    there.

    Attributes:
        view: a square inside the photo, as large as the window if it can be.
        window: the photo's window.
    """

    view: CropWindow
    window: CropWindow

    @classmethod
    def of(cls, window: CropWindow, photo: Image) -> InnerView:
        """Return the view of a window of a photo `[H, W, 3]`."""
        height, width = photo.shape[:2]
        side = min(window.side, height, width)
        x, y = (min(max(start, 0.0), size - side) for start, size in ((window.x, width), (window.y, height)))
        return cls(CropWindow(x, y, side), window)

    def oval(self, face: FaceOval) -> FaceOval:
        """Return where an oval of the view is in the window."""
        view, window = self.view, self.window
        scale = view.side / window.side
        right = (2 * (view.x - window.x) + view.side - window.side) / window.side
        down = (2 * (view.y - window.y) + view.side - window.side) / window.side
        (x, y), (wide, high) = face.centre, face.half
        return FaceOval((x * scale + right, y * scale + down), (wide * scale, high * scale), face.brows * scale + down)


def leaves(window: CropWindow, photo: Image) -> bool:
    """Return whether a window shows anything beyond the edges of a photo `[H, W, 3]`."""
    return any(_margins(window, photo))


def continued(photo: Image, window: CropWindow, side: int, person: Person, oval: Oval) -> Canvas:
    """Return a photo with what its window shows beyond it.

    Args:
        photo: uint8 `[H, W, 3]`.
        window: the square that the networks see.
        side: of the squares that they see, in px.
        person: finds the person in such a square.
        oval: finds the oval of the face in it, or says that it cannot.

    Returns:
        The photo itself where the window does not leave it, or where the person is cannot be told.
    """
    if not leaves(window, photo):
        return Canvas(photo, window)
    matte = person(window.crop(photo, side))
    if matte is None:
        return Canvas(photo, window)
    inner = InnerView.of(window, photo)
    face = oval(inner.view.crop(photo, side))
    return canvas(photo, window, matte[0, 0], None if face is None else inner.oval(face))


def canvas(photo: Image, window: CropWindow, matte: Tensor, face: FaceOval | None = None) -> Canvas:
    """Return the photo, continued as far as the window reaches.

    Args:
        photo: uint8 `[H, W, 3]`.
        window: the square that the networks see.
        matte: where the person is in it, `[n, n]` in [0, 1] on the CPU; beyond the photo it is not looked at.
        face: where the face is in it, if that is known.
    """
    made = Continued(photo, window, matte.numpy(), face).picture()
    left, top, right, bottom = _margins(window, photo)
    height, width = photo.shape[:2]
    picture = np.pad(photo, ((top, bottom), (left, right), (0, 0)), mode="edge")
    moved = CropWindow(window.x + left, window.y + top, window.side)
    x0, y0, x1, y1 = moved.bounds(*picture.shape[:2])
    scale = len(made) / moved.side
    box = [(edge - start) * scale for edge, start in zip((x0, y0, x1, y1), (moved.x, moved.y) * 2, strict=True)]
    fitted = np.clip(box, 0, len(made)).tolist()
    laid = PIL.Image.fromarray(made).resize((x1 - x0, y1 - y0), PIL.Image.Resampling.BICUBIC, fitted)
    picture[y0:y1, x0:x1] = np.asarray(laid)
    picture[top : top + height, left : left + width] = photo
    return Canvas(picture, moved, left, top)


def _margins(window: CropWindow, photo: Image) -> tuple[int, int, int, int]:
    """Return how many pixels the window reaches over the photo's left, upper, right and lower edge."""
    height, width = photo.shape[:2]
    left, top = (max(0, -math.floor(edge)) for edge in (window.x, window.y))
    right = max(0, math.ceil(window.x + window.side) - width)
    bottom = max(0, math.ceil(window.y + window.side) - height)
    return left, top, right, bottom
