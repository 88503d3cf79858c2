r"""The embedder: the keyed pattern, hidden where the picture is busy, added to the luma of every frame.

A frame I becomes I + round(a g P) in each of R, G and B, so only luma changes: colour is halved and coarsely quantised
by every codec. P is the unit-variance pattern, the same in all frames, so that a detector can average it out of the
moving picture. g is the amplitude in grey levels. It follows what the eye can hide: with t the texture of a cell of
1/128 of the short side (the mean absolute deviation of luma over 3 by 3 cells, the least of its neighbourhood, so that
skin beside an edge counts as skin), and b the busy share of the frame,

    g = min(c a, L(t)) with c so that rms(g) = a, as far as L lets it,
    L(t) = A (1 - masking + (masking + 0.6) clip((t - 0.7) / 2.3, 0, 1)),
    a = A min(1, max(0.6, (b / 0.9)^(3/4))),   b = mean(t^2 / (t^2 + 0.15)),
    A^2 = 255^2 / 10^(psnr / 10) - 1/12   (the last term is what rounding adds).

So `psnr` is the lowest any frame gets, and on plain walls and smooth skin the mark, which would show there first as a
mottling, has a standard deviation of 1.2 grey levels at most; what it loses there goes to texture. A frame that is
mostly plain is marked up to 4.4 dB fainter as a whole, for there the mark is read most easily. Clipping at black and
white only lowers the change. None of this concerns a detector, so files marked before read as ever.

Strength rule: the pattern scales with the picture, so one PSNR looks the same and reads the same at any size from
512 pixels on the short side. Smaller frames can be marked, but a codec then spends too few bits on the pattern's
frequencies to survive cropping, halving and strong compression together: `Embedder.small` says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from fomm.errors import TrustError
from fomm.settings import Settings, option
from fomm.trust.watermark.luma import block_luma, check_size

RECOMMENDED_SHORT_SIDE = 512
CELLS_PER_SHORT_SIDE = 128
ROUNDING_VARIANCE = 1 / 12
BUSY = 0.9  # busy share of a frame that gets the full strength
PLAIN, TEXTURED = 0.7, 3.0  # grey levels of texture up to which an area is plain, and from which on it hides most
STRONGEST = 1.6  # limit in texture, of the full strength
ROUNDS = 3
BAND = 64  # rows marked at once, so that what is computed on the way stays in the processor's cache
LEAST_SHARE = 0.6  # of the full strength, for a frame without detail


@dataclass(frozen=True)
class WatermarkSettings(Settings):
    """How strongly the invisible watermark is written."""

    psnr: float = option(42.15, "Lowest PSNR of a marked frame in dB; higher is fainter.", low=36.0, high=48.0)
    masking: float = option(0.42, "Share by which the mark is fainter on plain areas.", low=0.0, high=0.9)


class Embedder:
    """Marks the frames of one output; holds no state between frames, so threads may share it.

    Attributes:
        small: True if the short side is below 512 pixels, where the mark survives fewer attacks.
    """

    def __init__(self, pattern: NDArray[np.float32], settings: WatermarkSettings) -> None:
        """Take the unit-variance pattern `[H, W]` at the frames' size."""
        self._pattern = pattern
        self._masking = settings.masking
        self._amplitude = float(np.sqrt(255.0**2 / 10 ** (settings.psnr / 10) - ROUNDING_VARIANCE))
        short_side = min(pattern.shape)
        check_size(*pattern.shape)
        self.small = short_side < RECOMMENDED_SHORT_SIDE
        self._cell = max(1, round(short_side / CELLS_PER_SHORT_SIDE))
        self._rows, self._columns = (_neighbours(length, self._cell) for length in pattern.shape)

    def __call__(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the marked copy of a uint8 RGB frame `[H, W, 3]`.

        Raises:
            TrustError: the frame is not uint8 RGB of the size the embedder was made for.
        """
        height, width = self._pattern.shape
        if frame.dtype != np.uint8 or frame.shape != (height, width, 3):
            raise TrustError(
                f"This embedder marks uint8 [{height}, {width}, 3], not {frame.dtype} {list(frame.shape)}."
            )
        frame = np.ascontiguousarray(frame)  # a frame that came from a [3, H, W] tensor is not
        cells = self._gain(block_luma(frame, self._cell))  # [rows, columns]
        first, second, part = self._columns
        wide = cells[:, first] * (1 - part) + cells[:, second] * part  # [rows, W]
        marked = np.empty((height, width * 3), np.uint8)
        for start in range(0, height, BAND):
            band = slice(start, start + BAND)
            change = self._stretch(wide, band)  # [BAND, W]
            change *= self._pattern[band]
            grey = np.rint(change, out=change).astype(np.int16)
            colour = np.repeat(grey, 3, axis=1)  # [BAND, W * 3]
            colour += frame[band].reshape(-1, width * 3)
            marked[band] = np.clip(colour, 0, 255, out=colour)
        return marked.reshape(height, width, 3)

    def _stretch(self, wide: NDArray[np.float32], band: slice) -> NDArray[np.float32]:
        """Interpolate rows of cells `[rows, W]` to a band of rows of pixels, linearly between the cells' centres."""
        first, second, part = (array[band] for array in self._rows)
        above, below = wide[first], wide[second]  # [BAND, W]
        below -= above
        below *= part[:, None]
        below += above
        return below

    def _gain(self, luma: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the amplitude of the mark in grey levels for each cell `[rows, columns]`."""
        texture = _texture(luma)
        squared = texture * texture
        busy = float(np.mean(squared / (squared + np.float32(0.15))))
        wanted = self._amplitude * min(1.0, max(LEAST_SHARE, (busy / BUSY) ** 0.75))
        hides = np.clip((texture - np.float32(PLAIN)) / np.float32(TEXTURED - PLAIN), 0, 1)
        limit = np.float32(self._amplitude) * ((1 - self._masking) + (self._masking + STRONGEST - 1) * hides)
        gain = np.minimum(np.float32(wanted), limit)
        for _ in range(ROUNDS):  # what plain areas may not take, the others get
            gain = np.minimum(gain * np.float32(wanted / np.sqrt(np.mean(gain * gain))), limit)
        return np.asarray(gain, np.float32)


def _texture(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how much cells `[rows, columns]` differ from their neighbours, in grey levels, low beside an edge."""
    spread = np.pad(uniform_filter(np.abs(luma - uniform_filter(luma, 3)), 3), 1, mode="edge")
    least = np.minimum(np.minimum(spread[:-2], spread[1:-1]), spread[2:])
    least = np.minimum(np.minimum(least[:, :-2], least[:, 1:-1]), least[:, 2:])
    return np.asarray(uniform_filter(least, 3), np.float32)


def _neighbours(length: int, cell: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Return for each pixel of a side the cells `[length]` before and after it and the weight of the second."""
    last = length // cell - 1
    place = np.clip((np.arange(length) + 0.5) / cell - 0.5, 0, last)
    before = place.astype(np.int64)
    return before, np.minimum(before + 1, last), (place - before).astype(np.float32)
