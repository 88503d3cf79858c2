"""Distances of pictures: absolute difference, PSNR, SSIM, and flicker.

All take uint8 `[H, W, 3]` RGB. SSIM is that of Wang et al., 2004 (Gaussian window of sigma 1.5), by scikit-image.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

Picture = NDArray[np.uint8]

BEST_PSNR = 100.0
"""What equal pictures get, in decibels, so that means stay finite."""


def l1(made: Picture, true: Picture) -> float:
    """Return the mean absolute difference, in [0, 1]."""
    return float(np.abs(made.astype(np.int16) - true).mean()) / 255


def squared_error(made: Picture, true: Picture) -> float:
    """Return the mean squared difference, in squared grey levels."""
    return float(np.square(made.astype(np.int32) - true).mean())


def psnr(error: float) -> float:
    """Return the peak signal-to-noise ratio of a mean squared error, in decibels, at most `BEST_PSNR`.

    A clip's ratio is that of its mean error: a mean of ratios would be decided by the frames in which nothing moves.
    """
    return BEST_PSNR if error == 0 else min(BEST_PSNR, 10 * math.log10(255**2 / error))


def ssim(made: Picture, true: Picture) -> float:
    """Return the structural similarity, at most 1."""
    similarity: Any = structural_similarity  # scikit-image carries no types
    value = similarity(
        made, true, channel_axis=2, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    return float(value)


class Flicker:
    """Mean absolute second difference in time of what a clip's frames get wrong, in grey levels.

    `|e[t - 1] - 2 e[t] + e[t + 1]|` with `e = made - true`. Movement that is right cancels, and so does an error that
    stays or grows steadily; what comes and goes from frame to frame remains. Nothing is warped for it, so it does not
    depend on an estimate of motion.
    """

    def __init__(self) -> None:
        self._errors: deque[NDArray[np.int16]] = deque(maxlen=3)
        self._total, self._count = 0.0, 0

    def add(self, made: Picture, true: Picture) -> None:
        """Add the next frame."""
        self._errors.append(made.astype(np.int16) - true)
        if len(self._errors) == 3:
            before, now, after = self._errors
            self._total += float(np.abs(before - 2 * now + after).mean())
            self._count += 1

    @property
    def value(self) -> float | None:
        """The mean so far, None before the third frame."""
        return self._total / self._count if self._count else None
