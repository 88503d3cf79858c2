from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from trust_fonts import make_font
from trust_samples import picture

from fomm.config.label import CORNERS, LabelSettings
from fomm.errors import SettingsError
from fomm.trust.marks.label import LEGIBLE, SHARE, Label


def text_rows(label: Label, width: int, height: int) -> int:
    """Return how many rows the text's ink (nearly white, right of the badge) covers on black."""
    x0, y0, x1, y1 = label.box
    plate = label.apply(np.zeros((height, width, 3), np.uint8))[y0:y1, x0:x1]
    words = plate[:, int((x1 - x0) * 0.28) :]
    return int((words.max(axis=(1, 2)) > 100).sum())


@pytest.mark.parametrize(("width", "height"), [(256, 256), (512, 512), (640, 360), (1080, 1920)])
@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_the_text_is_at_least_a_twentieth_of_the_short_side(width: int, height: int, scale: float) -> None:
    label = Label(LabelSettings(scale=scale), width, height)
    assert SHARE * scale * min(width, height) <= text_rows(label, width, height) <= 0.08 * scale * min(width, height)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_the_text_stands_out_on_any_grey(level: int) -> None:
    label = Label(LabelSettings(), 512, 512)
    x0, y0, x1, y1 = label.box
    plate = label.apply(np.full((512, 512, 3), level, np.uint8))[y0:y1, x0:x1]
    words = plate[:, int((x1 - x0) * 0.28) : -8] / 255.0
    linear = (words**2.2) @ [0.2126, 0.7152, 0.0722]
    background = float(np.median(linear))
    assert (linear.max() + 0.05) / (background + 0.05) > 4.5  # the contrast that WCAG 2 asks of text


def test_only_the_plate_changes_and_the_frame_given_stays() -> None:
    frame = picture(3, 200, 300)
    before = frame.copy()
    label = Label(LabelSettings(), 300, 200)
    marked = label.apply(frame)
    assert np.array_equal(frame, before)
    x0, y0, x1, y1 = label.box
    outside = np.ones(frame.shape, bool)
    outside[y0:y1, x0:x1] = False
    assert np.array_equal(marked[outside], frame[outside])
    assert (marked[y0:y1, x0:x1] != frame[y0:y1, x0:x1]).any()


def test_corner_keeps_away_from_the_face_or_is_the_one_asked_for() -> None:
    assert Label(LabelSettings(), 256, 256).corner == "bottom-right"
    assert Label(LabelSettings(), 256, 256, (120, 100, 250, 250)).corner == "bottom-left"
    assert Label(LabelSettings(), 256, 256, (0, 100, 256, 256)).corner == "top-right"
    for corner in CORNERS:
        x0, y0, _, _ = Label(LabelSettings(corner=corner), 256, 256).box
        assert (y0 < 128) == corner.startswith("top")
        assert (x0 < 10) == corner.endswith("left")


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"no letter '生'; set label.font"):
        Label(LabelSettings(text="生成"), 256, 256)
    with pytest.raises(SettingsError, match=r"shorten label.text"):
        Label(LabelSettings(text="made by a machine learning model", scale=2.0), 256, 256)
    with pytest.raises(SettingsError, match=r"label font .*gone.ttf cannot be read"):
        Label(LabelSettings(text="Ada", font="gone.ttf"), 256, 256)
    for text in ("  ", "two\nlines", "x" * 41):
        with pytest.raises(SettingsError, match="printable"):
            LabelSettings(text=text)
    with pytest.raises(SettingsError, match="at least 1"):
        LabelSettings(scale=0.5)
    with pytest.raises(SettingsError, match="drawn for"):
        Label(LabelSettings(), 256, 256).apply(np.zeros((128, 128, 3), np.uint8))


def badge(settings: LabelSettings, side: int = 512) -> np.ndarray:
    """Return the badge's plate as drawn over black."""
    return Label(settings, side, side).apply(np.zeros((side, side, 3), np.uint8))


@pytest.mark.parametrize("glyph", ["empty", "hairline", "block"])
def test_a_font_that_hides_the_words_is_refused_and_never_touches_the_badge(tmp_path: Path, glyph: str) -> None:
    font = str(make_font(tmp_path / f"{glyph}.ttf", glyph))
    with pytest.raises(SettingsError, match=rf"{glyph}\.ttf draws '.' (without ink|as a block); choose another font"):
        Label(LabelSettings(text="x", font=font), 512, 512)
    assert np.array_equal(badge(LabelSettings(font=font)), badge(LabelSettings()))  # nothing is drawn in it


def test_own_words_stand_on_a_plate_of_their_own_beneath_a_badge_that_stays() -> None:
    plain, worded = Label(LabelSettings(), 512, 512), Label(LabelSettings(text="-free real footage"), 512, 512)
    assert plain.summary == worded.summary == "AI generated, bottom-right"
    black = np.zeros((512, 512, 3), np.uint8)
    x0, y0, x1, y1 = plain.box
    alone = plain.apply(black)[y0:y1, x0:x1]
    left, top, right, bottom = worded.box
    assert bottom - top > 1.8 * (y1 - y0)
    shown = worded.apply(black)[top : top + y1 - y0, right - (x1 - x0) : right]
    assert np.array_equal(shown, alone)
    beneath = worded.apply(black)[top + y1 - y0 : bottom, left:right]
    assert (beneath > 200).any()
    gap = worded.apply(black)[top + y1 - y0 : top + y1 - y0 + 3, left:right]
    assert (gap == 0).all()


@pytest.mark.parametrize("language", ["de", "fr", "es", "pl", "sv"])
def test_the_badge_speaks_the_viewers_language_in_the_bundled_font(language: str) -> None:
    label = Label(LabelSettings(language=language), 512, 512)
    assert label.summary != Label(LabelSettings(), 512, 512).summary
    assert label.ink_share >= SHARE


def test_a_label_is_read_back_and_one_that_was_wiped_out_is_not() -> None:
    frame = picture(3, 512, 512)
    label = Label(LabelSettings(), 512, 512)
    marked = label.apply(frame)
    assert label.legibility(marked) > 0.95
    assert label.legibility(frame) < LEGIBLE
    x0, y0, x1, y1 = label.box
    blurred = marked.copy()
    blurred[y0:y1, x0:x1] = marked[y0:y1, x0:x1].mean(axis=(0, 1))
    assert label.legibility(blurred) < LEGIBLE
    blocks = marked.copy()
    for y in range(y0, y1, 16):
        for x in range(x0, x1, 16):
            blocks[y : min(y + 16, y1), x : min(x + 16, x1)] = marked[y : y + 16, x : x + 16].mean(axis=(0, 1))
    assert label.legibility(blocks) < LEGIBLE
