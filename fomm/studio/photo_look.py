"""What a photo shows, as the page tells it."""

from __future__ import annotations

from dataclasses import dataclass

from fomm.face.crop import CropWindow
from fomm.face.locate import Face


@dataclass(frozen=True)
class PhotoLook:
    """What a photo shows.

    Attributes:
        size: width and height of the upright photo in pixels.
        faces: all faces, from the left.
        chosen: the face that is used, None when there is none or the crop is given by hand.
        window: what will move, None when nothing can be cropped.
        problem: why there is no window, empty when there is one.
    """

    size: tuple[int, int]
    faces: list[Face]
    chosen: Face | None
    window: CropWindow | None
    problem: str = ""
