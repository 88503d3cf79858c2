"""What camera and codec do to a clip: exposure, colour, focus, a smaller sensor, noise, and compression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

_HARDEST = 33


@dataclass(frozen=True)
class Development:
    """How one clip is developed; the same for all its frames.

    Attributes:
        curve: brightness of the 256 grey levels, `[256]` in [0, 255].
        balance: gain of red, green and blue, `[3]`.
        saturation: 1 leaves colours as they are.
        blur: standard deviation in pixels.
        shrink: side of the frame it was taken at, as a share; 1 is full size.
        noise: standard deviation in grey levels.
        quality: H.264 rate factor.
        seed: of the noise.
    """

    curve: NDArray[np.float32]
    balance: NDArray[np.float32]
    saturation: float
    blur: float
    shrink: float
    noise: float
    quality: int
    seed: int

    @classmethod
    def draw(cls, rng: Generator) -> Development:
        """Draw one: half of all clips are clean."""
        levels = np.linspace(0, 1, 256) ** np.exp(rng.normal(0, 0.16))
        contrast = rng.normal(0, 0.12)
        levels = levels + contrast * (levels - 0.5) * (1 - np.abs(2 * levels - 1))
        clean = rng.random() < 0.5
        return cls(
            curve=(255 * np.clip(levels * rng.uniform(0.88, 1.06), 0, 1)).astype(np.float32),
            balance=np.clip(1 + rng.normal(0, 0.035, 3), 0.88, 1.12).astype(np.float32),
            saturation=float(np.clip(rng.normal(1, 0.18), 0.4, 1.4)),
            blur=0.0 if clean or rng.random() < 0.6 else float(rng.uniform(0.3, 1.1)),
            shrink=1.0 if clean or rng.random() < 0.7 else float(rng.uniform(0.45, 0.85)),
            noise=0.0 if clean or rng.random() < 0.5 else float(rng.uniform(0.8, 5)),
            quality=int(rng.integers(15, 20)) if clean else int(rng.integers(18, _HARDEST)),
            seed=int(rng.integers(2**62)),
        )

    def apply(self, frame: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
        """Return the developed frame `[S, S, 3]`; `number` tells the noise of one frame from another's."""
        picture = self.curve[frame] * self.balance
        grey = picture.mean(-1, keepdims=True)
        picture = grey + (picture - grey) * self.saturation
        if self.blur:
            picture = gaussian_filter(picture, (self.blur, self.blur, 0))
        if self.shrink < 1:
            side = picture.shape[0]
            small = max(8, round(side * self.shrink))
            picture = zoom(picture, (small / side, small / side, 1), order=1, mode="nearest", grid_mode=True)
            picture = zoom(picture, (side / small, side / small, 1), order=1, mode="nearest", grid_mode=True)
        if self.noise:
            grain = np.random.default_rng((self.seed, number))
            picture = picture + self.noise * grain.standard_normal((*picture.shape[:2], 1))
            picture = picture + 0.5 * self.noise * grain.standard_normal(picture.shape)
        return np.asarray(np.clip(picture + 0.5, 0, 255), np.uint8)
