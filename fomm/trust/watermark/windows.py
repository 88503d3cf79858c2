"""Searching a whole file: a clip window by window, so that a mark on a part of it is not drowned by the rest.

The plain search looks at every window; a deep one then looks at the window whose sync score was best. Every decoded
message counts towards the file's false-accept bound: at most 12 windows of 24 candidates and one deep search of 60,
(12 * 24 + 60) * 32 * 2^-32 = 2.6e-6 a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from fomm.trust.watermark import Detection, Residual, Watermark, accumulate
from fomm.trust.watermark.luma import SMALLEST_SIDE

WINDOW = 250  # frames searched together
WINDOWS = 12


def search_windows(frames: Iterator[NDArray[np.uint8]], watermark: Watermark, *, deep: bool) -> Detection | None:
    """Search uint8 RGB frames `[H, W, 3]` until a window has the mark; None where they are too small to hold one.

    The caller reads no more than `WINDOW * WINDOWS` frames; the bound above is for so many.

    Raises:
        TrustError: the frames are not of one size.
    """
    best: tuple[Detection, Residual] | None = None
    tries = 0
    for first in frames:
        if min(first.shape[:2]) < SMALLEST_SIDE:
            return None
        residual = accumulate(chain([first], frames), WINDOW)
        found = watermark.search(residual)
        tries += found.tries
        if found.found:
            return replace(found, tries=tries)
        if best is None or found.sync > best[0].sync:
            best = found, residual
    if best is None:
        return None
    if not deep:
        return replace(best[0], tries=tries)
    found = watermark.search(best[1], deep=True)
    return replace(found, tries=tries + found.tries)
