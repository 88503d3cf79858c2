"""Fonts drawn by the tests: every letter is empty, a hairline or a block."""

from __future__ import annotations

from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib.tables._g_l_y_f import Glyph

_EM = 1000
_BOXES = {"empty": None, "hairline": (100, 0, 104, 700), "block": (0, 0, 700, 700)}


def make_font(path: Path, glyph: str) -> Path:
    """Write a TrueType font with one glyph for all printable ASCII, and return its path."""
    letters = dict.fromkeys(range(33, 127), "letter")
    font = FontBuilder(_EM, isTTF=True)
    font.setupGlyphOrder([".notdef", "space", "letter"])
    font.setupCharacterMap({0x20: "space", **letters})
    font.setupGlyf({".notdef": _box((50, 0, 450, 500)), "space": _box(None), "letter": _box(_BOXES[glyph])})
    font.setupHorizontalMetrics({".notdef": (500, 50), "space": (300, 0), "letter": (750, 0)})
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": glyph, "styleName": "Regular"})
    font.setupOS2(sTypoAscender=800, usWinAscent=800, usWinDescent=200)
    font.setupPost()
    font.save(path)
    return path


def _box(corners: tuple[int, int, int, int] | None) -> Glyph:
    pen = TTGlyphPen(None)
    if corners is not None:
        x0, y0, x1, y1 = corners
        pen.moveTo((x0, y0))
        for point in ((x0, y1), (x1, y1), (x1, y0)):
            pen.lineTo(point)
        pen.closePath()
    return pen.glyph()
