"""Drawing the label's plates: the "AI" badge with its word, always in the bundled font, and a user's words beneath.

Plates are drawn four times larger and averaged down for smooth edges. What was drawn is measured on the plate itself,
letter by letter, so that a font whose letters are empty or solid is refused whatever it says of itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from fomm.errors import SettingsError

OVERSAMPLE = 4
_PLATE = (17, 19, 26, 172)  # dark enough that white text keeps a contrast above 4.5:1 even over a white picture
_INK = (255, 255, 255, 255)
_BADGE_INK = (17, 19, 26, 255)
_MISSING = "\U0010fffe"  # a code point no font draws: its glyph is the "missing" box
_PROBE = 80  # px, font size at which letters are looked at
_LEAST_INK, _LEAST_DOT = 0.015, 0.003  # ink of a letter and of a sign in squares of the font size; "l" has .06
_BLOCK, _SOLID = 0.4, 0.9  # sides in font sizes, and share inked, of what is a block and no letter

Font = ImageFont.FreeTypeFont
Canvas = NDArray[np.float64]


@dataclass(frozen=True)
class Plate:
    """A drawn plate.

    Attributes:
        colour: its colour times alpha, uint16 `[h, w, 3]` in [0, 255 * 255].
        alpha: uint16 `[h, w]` in [0, 255].
        ink_height: rows that the text's ink covers, in px.
    """

    colour: NDArray[np.uint16]
    alpha: NDArray[np.uint16]
    ink_height: int


def draw_badge(badge: str, word: str, ink: float) -> Plate:
    """Return the plate with the badge and its word, in the bundled font.

    Args:
        badge: the letters on white, such as "AI".
        word: the word after it.
        ink: least height of the word's ink in px.
    """
    fine = OVERSAMPLE
    font = load_font("", _font_size("", word, ink * fine))
    size = font.size
    stroke = max(1, round(size * 0.028))  # a little bolder badge without a second font file
    letters = font.getbbox(badge, anchor="ls", stroke_width=stroke)  # (left, top, right, bottom) from the baseline
    words = font.getbbox(word, anchor="ls")
    inner, pad, gap = round(size * 0.2), round(size * 0.2), round(size * 0.28)
    badge_height = math.ceil(letters[3] - letters[1] + 2 * inner)
    badge_width = math.ceil(letters[2] - letters[0] + 2.6 * inner)
    middle = (letters[1] + letters[3]) / 2  # the badge's optical middle, above the baseline (negative)
    half = max(badge_height / 2, middle - words[1] + inner / 2, words[3] - middle + inner / 2) + pad
    height = _multiple(2 * half, fine)
    width = _multiple(pad + badge_width + gap + (words[2] - words[0]) + pad + gap * 0.7, fine)
    baseline = height / 2 - middle
    canvas, draw = _empty_plate(width, height)
    top = (height - badge_height) / 2
    draw.rounded_rectangle((pad, top, pad + badge_width, top + badge_height), radius=badge_height * 0.22, fill=_INK)
    x = pad + (badge_width - (letters[2] - letters[0])) / 2 - letters[0]
    draw.text((x, baseline), badge, _BADGE_INK, font, anchor="ls", stroke_width=stroke, stroke_fill=_BADGE_INK)
    draw.text((pad + badge_width + gap - words[0], baseline), word, _INK, font, anchor="ls")
    return _averaged(canvas, pad + badge_width + gap // 2)


def draw_words(words: str, font_path: str, ink: float) -> Plate:
    """Return the plate with a user's own words.

    Args:
        words: what it says.
        font_path: a TrueType or OpenType file, or empty for the bundled font.
        ink: least height of the words' ink in px.

    Raises:
        SettingsError: the font cannot be read, lacks a letter, or draws one without ink or as a block.
    """
    _check_letters(words, font_path)
    font = load_font(font_path, _font_size(font_path, words, ink * OVERSAMPLE))
    box = font.getbbox(words, anchor="ls")
    pad = round(font.size * 0.28)
    width, height = (_multiple(side + 2 * pad, OVERSAMPLE) for side in (box[2] - box[0], box[3] - box[1]))
    canvas, draw = _empty_plate(width, height)
    draw.text((pad - box[0], pad - box[1]), words, _INK, font, anchor="ls")
    plate = _averaged(canvas, 0)
    if plate.ink_height < ink:
        raise SettingsError(f"{_name(font_path)} draws the label's words without ink; choose another font.")
    return plate


def load_font(path: str, size: int) -> Font:
    """Open the named font, or the one inside Pillow (Aileron, CC0).

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        font = ImageFont.truetype(path, size) if path else ImageFont.load_default(size)
    except OSError as error:
        raise SettingsError(f"The label font {path} cannot be read; give a TrueType or OpenType file.") from error
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise SettingsError("This Pillow has no FreeType; install the pillow wheel from PyPI to draw the label.")
    return font


def _empty_plate(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    canvas = Image.new("RGBA", (width, height), (*_PLATE[:3], 0))
    draw = ImageDraw.Draw(canvas)
    draw.rounded_rectangle((0, 0, width - 1, height - 1), radius=min(height * 0.3, width * 0.3), fill=_PLATE)
    return canvas, draw


def _averaged(canvas: Image.Image, text_from: int) -> Plate:
    """Average a canvas down; the text's ink is what is nearly white right of column `text_from` of the canvas."""
    fine_pixels: Canvas = np.asarray(canvas, dtype=np.float64)  # [h * 4, w * 4, 4]
    height, width = fine_pixels.shape[0] // OVERSAMPLE, fine_pixels.shape[1] // OVERSAMPLE
    alpha = fine_pixels[:, :, 3]
    weighted = np.concatenate([fine_pixels[:, :, :3] * alpha[:, :, None], alpha[:, :, None]], axis=2)
    mean = weighted.reshape(height, OVERSAMPLE, width, OVERSAMPLE, 4).mean(axis=(1, 3))  # [h, w, 4]
    alpha = np.ceil(mean[:, :, 3])  # rounded up, so that colour * alpha never exceeds 255 * alpha
    bright = mean[:, text_from // OVERSAMPLE :, :3].min(axis=2) / 255  # [h, w - n]
    ink_height = int((bright.max(axis=1, initial=0) > 100).sum())
    return Plate(np.floor(mean[:, :, :3]).astype(np.uint16), alpha.astype(np.uint16), ink_height)


def _font_size(font_path: str, text: str, ink: float) -> int:
    """Return the smallest font size whose text ink is `ink` high, one fine pixel to spare for the averaging."""
    probe = 200
    box = load_font(font_path, probe).getbbox(text, anchor="ls")
    if box[3] <= box[1]:
        raise SettingsError(f"LabelSettings.text {text!r} has no visible letters; give words.")
    return math.ceil((ink + OVERSAMPLE) * probe / (box[3] - box[1]))


def _check_letters(words: str, font_path: str) -> None:
    """Refuse words with a letter that the font lacks, or draws without ink or as a block."""
    font = load_font(font_path, _PROBE)
    missing = bytes(font.getmask(_MISSING))
    for letter in words:
        if letter.isspace():
            continue
        mask = font.getmask(letter)
        if bytes(mask) == missing:
            raise SettingsError(
                f"{_name(font_path)} has no letter '{letter}'; set label.font to a font file that has it."
            )
        covered = np.asarray(mask, np.float64).reshape(mask.size[::-1]) / 255  # [h, w]
        inked = float(covered.sum()) / _PROBE**2
        block = min(mask.size) > _BLOCK * _PROBE and float(covered.mean()) > _SOLID
        if block or inked < (_LEAST_INK if letter.isalnum() else _LEAST_DOT):
            raise SettingsError(
                f"{_name(font_path)} draws '{letter}' {'as a block' if block else 'without ink'}; choose another font."
            )


def _name(font_path: str) -> str:
    return Path(font_path).name if font_path else "The built-in font"


def _multiple(length: float, step: int) -> int:
    return math.ceil(length / step) * step
