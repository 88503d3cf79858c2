"""The visible label: an "AI" badge with a word on a rounded, translucent plate, burnt into every frame.

Badge and word are ours, in the viewers' language and in the bundled font; a user's own words go on a plate of their own
beneath. The text's ink is at least 5% of the frame's short side high (the least that Chinese labelling rules ask, and
enough to be noticed). Plates are drawn once per frame size and kept as integers; marking a frame then touches only
their rectangle: `out = (frame * (255 - a) + colour * a) / 255`. `Label.legibility` reads it back from a finished file.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from fomm.config.label import BADGE_WORDS, CORNERS, LabelSettings
from fomm.errors import SettingsError
from fomm.trust.marks.label_plate import Plate, draw_badge, draw_words

SHARE = 0.05  # least height of the text's ink, as a share of the short side
LEGIBLE = 0.8
"""Correlation of a label in a finished file with the drawn one, from which its letters can be read."""
_MARGIN = 0.025  # distance to the frame's edge, as a share of the short side

Box = tuple[float, float, float, float]
Place = tuple[int, int, int, int]


class Label:
    """The label drawn for one frame size.

    Args:
        settings: how it looks.
        width: of the frames, pixels.
        height: of the frames, pixels.
        face: (x0, y0, x1, y1) in frame pixels, which an automatic corner keeps free; None when unknown.

    Attributes:
        corner: where it sits.
        box: (x0, y0, x1, y1) of the plates, whole pixels.
        ink_share: height of the text's ink as drawn, as a share of the frame's short side.
        summary: what it says and where, for people.

    Raises:
        SettingsError: the font cannot be read, lacks a letter or draws it without ink, or the label does not fit.
    """

    def __init__(self, settings: LabelSettings, width: int, height: int, face: Box | None = None) -> None:
        ink = SHARE * settings.scale * min(width, height)
        plates = [draw_badge(*BADGE_WORDS[settings.language], ink)]
        if settings.text:
            plates.append(draw_words(settings.text.strip(), settings.font, ink))
        gap = round(ink / 4)
        plate_width = max(plate.alpha.shape[1] for plate in plates)
        plate_height = sum(plate.alpha.shape[0] for plate in plates) + gap * (len(plates) - 1)
        margin = round(_MARGIN * min(width, height))
        if plate_width + 2 * margin > width or plate_height + 2 * margin > height:
            badge_height, badge_width = plates[0].alpha.shape
            room = badge_width + 2 * margin <= width and badge_height + 2 * margin <= height
            raise SettingsError(
                f"The label '{settings.badge}' needs {plate_width + 2 * margin} x {plate_height + 2 * margin} "
                f"pixels and the frame has {width} x {height}; {_smaller(settings, room)}."
            )
        places = {corner: _place(corner, width, height, plate_width, plate_height, margin) for corner in CORNERS}
        self.corner = settings.corner if settings.corner != "auto" else _freest(places, face)
        self.box = places[self.corner]
        colour, alpha = _stacked(plates, gap, right=self.corner.endswith("right"))  # [h, w, 3], [h, w]
        self._colour = colour
        self._keep = (255 - alpha)[:, :, None]
        self._size = (height, width, 3)
        self.ink_share = min(plate.ink_height for plate in plates) / min(width, height)
        self.summary = f"{settings.badge}, {self.corner}"

    def apply(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return a labelled copy of a frame.

        Args:
            frame: uint8 [H, W, 3] RGB of the size the label was drawn for.

        Raises:
            SettingsError: the frame has another size or type.
        """
        if frame.shape != self._size or frame.dtype != np.uint8:
            raise SettingsError(f"The label is drawn for uint8 {self._size} frames, not {frame.dtype} {frame.shape}.")
        marked = frame.copy()
        x0, y0, x1, y1 = self.box
        blend = marked[y0:y1, x0:x1] * self._keep  # [h, w, 3] uint16, at most 255 * 255 after the next line
        blend += self._colour
        blend += 128
        marked[y0:y1, x0:x1] = (blend + (blend >> 8)) >> 8  # exact division by 255 with rounding
        return marked

    def fits(self, frame: NDArray[np.uint8]) -> bool:
        """Say whether a decoded frame has the size the label was drawn for, or is one pixel larger, padded to even."""
        height, width, channels = self._size
        return frame.shape in itertools.product((height, height + 1), (width, width + 1), (channels,))

    def legibility(self, frame: NDArray[np.uint8]) -> float:
        """Return how well the label can be read in a finished file's frame: 1 as drawn, 0 not at all.

        The measure is the correlation of what the frame shows there with the drawn letters, in luma.

        Args:
            frame: uint8 [H, W, 3] RGB of the size the label was drawn for.
        """
        x0, y0, x1, y1 = self.box
        drawn = self._colour.astype(np.float64).mean(axis=2)  # [h, w]
        seen = frame[y0:y1, x0:x1].astype(np.float64).mean(axis=2)
        inside = self._keep[:, :, 0] < 255
        drawn, seen = drawn[inside] - drawn[inside].mean(), seen[inside] - seen[inside].mean()
        norm = np.sqrt((drawn @ drawn) * (seen @ seen))
        return float(max(0.0, drawn @ seen / norm)) if norm > 0 else 0.0


def _smaller(settings: LabelSettings, room: bool) -> str:
    """Return what makes a label fit, as the end of a sentence; `room` says whether the badge alone would."""
    lower = settings.scale > 1  # 1 is the least
    if room:
        return "shorten label.text or lower label.scale" if lower else "shorten label.text"
    return "lower label.scale" if lower else "set label.language to one with a shorter word"


def _stacked(plates: list[Plate], gap: int, *, right: bool) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Return colour `[h, w, 3]` and alpha `[h, w]` of plates one beneath another, flush with the frame's edge."""
    width = max(plate.alpha.shape[1] for plate in plates)
    height = sum(plate.alpha.shape[0] for plate in plates) + gap * (len(plates) - 1)
    colour, alpha = np.zeros((height, width, 3), np.uint16), np.zeros((height, width), np.uint16)
    top = 0
    for plate in plates:
        rows, columns = plate.alpha.shape
        left = width - columns if right else 0
        colour[top : top + rows, left : left + columns] = plate.colour
        alpha[top : top + rows, left : left + columns] = plate.alpha
        top += rows + gap
    return colour, alpha


def _place(corner: str, width: int, height: int, plate_width: int, plate_height: int, margin: int) -> Place:
    x = margin if corner.endswith("left") else width - margin - plate_width
    y = margin if corner.startswith("top") else height - margin - plate_height
    return x, y, x + plate_width, y + plate_height


def _freest(places: dict[str, Place], face: Box | None) -> str:
    """Return the corner whose plate covers least of the face; earlier corners win ties."""
    if face is None:
        return CORNERS[0]

    def covered(box: Place) -> float:
        wide = min(box[2], face[2]) - max(box[0], face[0])
        high = min(box[3], face[3]) - max(box[1], face[1])
        return max(0.0, wide) * max(0.0, high)

    return min(CORNERS, key=lambda corner: covered(places[corner]))
