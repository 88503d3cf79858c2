"""Which faces to use, and how closely to crop them."""

from __future__ import annotations

from dataclasses import dataclass

from fomm.config.settings import Settings, option
from fomm.errors import SettingsError

FACE_NAMES = ("largest", "center", "left", "right")


def check_face_name(which: str, where: str) -> None:
    """Check that `which` is one `choose` understands.

    Raises:
        SettingsError: it is neither a known name nor a whole number from 1; the message names `where`.
    """
    if which not in FACE_NAMES and not (which.isdecimal() and int(which) >= 1):
        raise SettingsError(f"{where} must be {', '.join(FACE_NAMES)} or a number from 1, not {which!r}.")


@dataclass(frozen=True)
class FaceSettings(Settings):
    """Which faces to use and how closely to crop them."""

    source_face: str = option("largest", "Face in the photo: largest, center, left, right or a number from the left.")
    driving_face: str = option("largest", "Face in the driving clip: largest, center, left, right or a number.")
    source_box: tuple[int, int, int, int] | None = option(
        None, "Crop of the photo as x,y,width,height in px, instead of finding the face."
    )
    driving_box: tuple[int, int, int, int] | None = option(None, "Crop of the driving clip as x,y,width,height in px.")
    any_face: bool = option(
        False, "Take a crop given by hand although no human face is found in it: a drawing, an animal."
    )
    zoom: float = option(1.0, "Crop more closely (above 1) or more widely (below 1).", low=0.5, high=1.5)
    interval: int = option(8, "Look for the driving face every this many frames; 0 never looks.", low=0, high=250)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_face_name(self.source_face, "FaceSettings.source_face")
        check_face_name(self.driving_face, "FaceSettings.driving_face")
        for name in ("source_box", "driving_box"):
            box = getattr(self, name)
            if box is not None and min(box[2:]) < 1:
                raise SettingsError(f"FaceSettings.{name} must have a width and a height of at least 1, not {box}.")
