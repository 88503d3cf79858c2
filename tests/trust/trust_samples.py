"""Pictures and a clock for the trust tests."""

from __future__ import annotations

import functools
import io
from datetime import UTC, datetime, timedelta

import numpy as np
from PIL import Image

from fomm.weights.locations import demo_folder

START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


def picture(seed: int, height: int = 96, width: int = 80) -> np.ndarray:
    """Return a random picture with the 1/f spectrum of photos, uint8 [H, W, 3]."""
    noise = np.random.default_rng(seed).normal(size=(height, width, 3))
    y, x = np.fft.fftfreq(height)[:, None] * height, np.fft.fftfreq(width)[None, :] * width
    spectrum = np.fft.fft2(noise, axes=(0, 1)) / np.maximum(np.hypot(y, x), 1.0)[:, :, None]
    waves = np.fft.ifft2(spectrum, axes=(0, 1)).real
    return np.clip(128 + 45 * waves / waves.std(), 0, 255).astype(np.uint8)


@functools.cache
def _demo() -> Image.Image:
    return Image.open(demo_folder() / "portrait.jpg").convert("RGB")


def portrait(seed: int, height: int = 96, width: int = 128) -> np.ndarray:
    """Return the bundled portrait, moved a little by the seed, uint8 [H, W, 3]: what a generated frame looks like."""
    size = round(1.15 * max(height, width))
    whole = _demo().resize((size, size))
    left, top = (7 * seed) % (size - width + 1), (3 * seed) % (size - height + 1)
    return np.asarray(whole.crop((left, top, left + width, top + height)))


def encode(pixels: np.ndarray, form: str = "PNG", **options: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, **options)
    return buffer.getvalue()
