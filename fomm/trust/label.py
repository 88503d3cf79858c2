"""The visible label: an "AI" badge with a short text on a rounded, translucent plate, burnt into every frame.

The text's ink is at least 5% of the frame's short side high (the least that Chinese labelling rules ask, and enough to
be noticed). The plate is drawn once per frame size, four times larger and averaged down for smooth edges, and kept as
integers; marking a frame then touches only the plate's rectangle: `out = (frame * (255 - a) + colour * a) / 255`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from fomm.errors import SettingsError
from fomm.settings import Settings, option

SHARE = 0.05  # least height of the text's ink, as a share of the short side
BADGE = "AI"
CORNERS = ("bottom-right", "bottom-left", "top-right", "top-left")  # in order of preference
_OVERSAMPLE = 4
_MARGIN = 0.025  # distance to the frame's edge, as a share of the short side
_PLATE = (17, 19, 26, 172)  # dark enough that white text keeps a contrast above 4.5:1 even over a white picture
_INK = (255, 255, 255, 255)
_BADGE_INK = (17, 19, 26, 255)
_MISSING = "\U0010fffe"  # a code point no font draws: its glyph is the "missing" box

Box = tuple[float, float, float, float]
Plate = tuple[int, int, int, int]
Font = ImageFont.FreeTypeFont


@dataclass(frozen=True)
class LabelSettings(Settings):
    """How the visible label looks; it can be moved, enlarged and translated, not removed or shrunk."""

    text: str = option("generated", "Words after the AI badge, in the viewers' language.")
    corner: str = option("auto", "Where the label sits; auto keeps away from the face.", choices=("auto", *CORNERS))
    scale: float = option(1.0, "Size of the label, relative to the least readable one.", low=1.0, high=3.0)
    font: str = option("", "Path of a TrueType or OpenType font; needed for text in a script the built-in font lacks.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.text.strip() or not self.text.isprintable() or len(self.text) > 40:
            raise SettingsError(f"LabelSettings.text must be 1 to 40 printable characters, not {self.text!r}.")


class Label:
    """The label drawn for one frame size.

    Args:
        settings: how it looks.
        width: of the frames, pixels.
        height: of the frames, pixels.
        face: (x0, y0, x1, y1) in frame pixels, which an automatic corner keeps free; None when unknown.

    Attributes:
        corner: where it sits.
        box: (x0, y0, x1, y1) of the plate, whole pixels.

    Raises:
        SettingsError: the font cannot be read or lacks a letter, or the label does not fit the frame.
    """

    def __init__(self, settings: LabelSettings, width: int, height: int, face: Box | None = None) -> None:
        _check_letters(settings)
        colour, alpha = _draw_plate(settings, SHARE * settings.scale * min(width, height))  # [h, w, 3], [h, w]
        plate_height, plate_width = alpha.shape
        margin = round(_MARGIN * min(width, height))
        if plate_width + 2 * margin > width or plate_height + 2 * margin > height:
            raise SettingsError(
                f"The label '{BADGE} {settings.text}' needs {plate_width + 2 * margin} x {plate_height + 2 * margin} "
                f"pixels and the frame has {width} x {height}; shorten label.text or lower label.scale."
            )
        places = {corner: _place(corner, width, height, plate_width, plate_height, margin) for corner in CORNERS}
        self.corner = settings.corner if settings.corner != "auto" else _freest(places, face)
        self.box = places[self.corner]
        self._colour = colour
        self._keep = (255 - alpha)[:, :, None]
        self._size = (height, width, 3)

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


def _draw_plate(settings: LabelSettings, ink: float) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Return the plate's colour times alpha, uint16 [h, w, 3] in [0, 255 * 255], and its alpha, uint16 [h, w].

    Args:
        settings: text and font.
        ink: least height of the text's ink in pixels.
    """
    text, fine = settings.text.strip(), _OVERSAMPLE
    size = _font_size(settings, text, ink * fine)
    font = _load_font(settings.font, size)
    stroke = max(1, round(size * 0.028))  # a little bolder badge without a second font file
    badge = font.getbbox(BADGE, anchor="ls", stroke_width=stroke)  # (left, top, right, bottom) from the baseline
    words = font.getbbox(text, anchor="ls")
    inner, pad, gap = round(size * 0.2), round(size * 0.2), round(size * 0.28)
    badge_height = math.ceil(badge[3] - badge[1] + 2 * inner)
    badge_width = math.ceil(badge[2] - badge[0] + 2.6 * inner)
    middle = (badge[1] + badge[3]) / 2  # the badge's optical middle, above the baseline (negative)
    half = max(badge_height / 2, middle - words[1] + inner / 2, words[3] - middle + inner / 2) + pad
    height = _multiple(2 * half, fine)
    width = _multiple(pad + badge_width + gap + (words[2] - words[0]) + pad + gap * 0.7, fine)
    baseline = height / 2 - middle

    canvas = Image.new("RGBA", (width, height), (*_PLATE[:3], 0))
    draw = ImageDraw.Draw(canvas)
    draw.rounded_rectangle((0, 0, width - 1, height - 1), radius=height * 0.3, fill=_PLATE)
    top = (height - badge_height) / 2
    draw.rounded_rectangle((pad, top, pad + badge_width, top + badge_height), radius=badge_height * 0.22, fill=_INK)
    x = pad + (badge_width - (badge[2] - badge[0])) / 2 - badge[0]
    draw.text((x, baseline), BADGE, _BADGE_INK, font, anchor="ls", stroke_width=stroke, stroke_fill=_BADGE_INK)
    draw.text((pad + badge_width + gap - words[0], baseline), text, _INK, font, anchor="ls")

    fine_pixels = np.asarray(canvas, dtype=np.float64)  # [h * 4, w * 4, 4]
    alpha = fine_pixels[:, :, 3]
    weighted = np.concatenate([fine_pixels[:, :, :3] * alpha[:, :, None], alpha[:, :, None]], axis=2)
    mean = weighted.reshape(height // fine, fine, width // fine, fine, 4).mean(axis=(1, 3))  # [h, w, 4]
    alpha = np.ceil(mean[:, :, 3])  # rounded up, so that colour * alpha never exceeds 255 * alpha
    return np.floor(mean[:, :, :3]).astype(np.uint16), alpha.astype(np.uint16)


def _font_size(settings: LabelSettings, text: str, ink: float) -> int:
    """Return the smallest font size whose text ink is `ink` high, one fine pixel to spare for the averaging."""
    probe = 200
    box = _load_font(settings.font, probe).getbbox(text, anchor="ls")
    if box[3] <= box[1]:
        raise SettingsError(f"LabelSettings.text {text!r} has no visible letters; give words.")
    return math.ceil((ink + _OVERSAMPLE) * probe / (box[3] - box[1]))


def _load_font(path: str, size: int) -> Font:
    """Open the named font, or the one inside Pillow (Aileron, CC0)."""
    try:
        font = ImageFont.truetype(path, size) if path else ImageFont.load_default(size)
    except OSError as error:
        raise SettingsError(f"The label font {path} cannot be read; give a TrueType or OpenType file.") from error
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise SettingsError("This Pillow has no FreeType; install the pillow wheel from PyPI to draw the label.")
    return font


def _check_letters(settings: LabelSettings) -> None:
    """Refuse a text with a letter that the font would draw as its "missing" box."""
    font = _load_font(settings.font, 40)
    box = bytes(font.getmask(_MISSING))
    for letter in settings.text:
        if not letter.isspace() and bytes(font.getmask(letter)) == box:
            raise SettingsError(
                f"{Path(settings.font).name or 'The built-in font'} has no letter '{letter}'; set label.font to a font "
                "file that has it."
            )


def _place(corner: str, width: int, height: int, plate_width: int, plate_height: int, margin: int) -> Plate:
    x = margin if corner.endswith("left") else width - margin - plate_width
    y = margin if corner.startswith("top") else height - margin - plate_height
    return x, y, x + plate_width, y + plate_height


def _freest(places: dict[str, Plate], face: Box | None) -> str:
    """Return the corner whose plate covers least of the face; earlier corners win ties."""
    if face is None:
        return CORNERS[0]

    def covered(box: Plate) -> float:
        wide = min(box[2], face[2]) - max(box[0], face[0])
        high = min(box[3], face[3]) - max(box[1], face[1])
        return max(0.0, wide) * max(0.0, high)

    return min(CORNERS, key=lambda corner: covered(places[corner]))


def _multiple(length: float, step: int) -> int:
    return math.ceil(length / step) * step
