r"""The embedder: the keyed pattern, hidden where the picture is busy, added to the luma of every frame.

A frame I becomes I + round(a g P) in each of R, G and B, so only luma changes: colour is halved and coarsely quantised
by every codec. P is the unit-variance pattern, the same in all frames, so that a detector can average it out of the
moving picture. g is the amplitude in grey levels. It follows what the eye can hide: with m the local mean absolute
deviation of luma in grey levels, measured on cells of 1/128 of the short side, and b the busy share of the frame,

    g = a h / rms(h),   h = (m + 1)^masking,   a = A min(1, max(0.6, (b / 0.9)^(3/4))),   b = mean(m^2 / (m^2 + 1)),
    A^2 = 255^2 / 10^(psnr / 10) - 1/12   (the last term is what rounding adds).

So `psnr` is the lowest any frame gets. A frame full of detail is marked at that strength; one that is mostly plain wall
or sky up to 4.4 dB fainter, for there the mark shows first, and there it is read most easily. Clipping at black and
white only lowers the change.

Strength rule: the pattern scales with the picture, so one PSNR looks the same and reads the same at any size from
512 pixels on the short side. Smaller frames can be marked, but a codec then spends too few bits on the pattern's
frequencies to survive cropping, halving and strong compression together: `Embedder.small` says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from fomm.config.settings import Settings, option
from fomm.errors import TrustError
from fomm.trust.watermark.luma import block_luma, check_size

RECOMMENDED_SHORT_SIDE = 512
CELLS_PER_SHORT_SIDE = 128
ROUNDING_VARIANCE = 1 / 12
BUSY = 0.9  # busy share of a frame that gets the full strength
BAND = 64  # rows marked at once, so that what is computed on the way stays in the processor's cache
LEAST_SHARE = 0.6  # of the full strength, for a frame without detail


@dataclass(frozen=True)
class WatermarkSettings(Settings):
    """How strongly the invisible watermark is written."""

    psnr: float = option(42.15, "Lowest PSNR of a marked frame in dB; higher is fainter.", low=36.0, high=48.0)
    masking: float = option(0.05, "How much of the mark moves from smooth areas to texture.", low=0.0, high=1.0)


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
        activity = uniform_filter(np.abs(luma - uniform_filter(luma, 5)), 7)
        gain = (activity + np.float32(1.0)) ** np.float32(self._masking)
        squared = activity * activity
        busy = float(np.mean(squared / (squared + np.float32(1.0))))
        share = min(1.0, max(LEAST_SHARE, (busy / BUSY) ** 0.75))
        gain *= self._amplitude * share / np.sqrt(np.mean(gain * gain))
        return np.asarray(gain, np.float32)


def _neighbours(length: int, cell: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Return for each pixel of a side the cells `[length]` before and after it and the weight of the second."""
    last = length // cell - 1
    place = np.clip((np.arange(length) + 0.5) / cell - 0.5, 0, last)
    before = place.astype(np.int64)
    return before, np.minimum(before + 1, last), (place - before).astype(np.float32)
