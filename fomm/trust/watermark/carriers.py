r"""The carriers of the watermark: keyed frequencies of a square tile that repeats over the picture.

The pattern is periodic; one period, the tile, covers half of the picture's short side in both directions. It is the sum

    P(y, x) = Re sum_k z_k exp(2 pi i (ky y + kx x) / p),   p = tile period in pixels,

over the integer frequencies k = (ky, kx), kx >= 1, whose length lies between 9 and 23.5 cycles per tile (0.07 to 0.18
cycles per 1/256 of the short side): coarse enough to outlive halving and strong compression, fine enough to stay out of
the picture's own shading. Real and imaginary part of each z_k are two independent carriers of value +1 or -1.

The key decides three things, all drawn from SHAKE-256 so that they never change with a library's random generator:
which fifth of the carriers holds a fixed sync pattern (2 of every 10 neighbours in frequency), which code bit each of
the others carries (each round of 416 carriers holds every bit once, so each bit sits at a low, a middle and a high
frequency), and a sign for each carrier.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fomm.trust.watermark.code import CODE_BITS

TILES_PER_SHORT_SIDE = 2
LOWEST, HIGHEST = 9.0, 23.5  # cycles per tile
REACH = int(HIGHEST)  # largest integer frequency along one axis
RINGS = 8
SYNC_SHARE = (2, 10)


@dataclass(frozen=True)
class Carriers:
    """The keyed layout; frequencies are shared by all keys, everything else is secret.

    Attributes:
        ky: Vertical frequency of each bin `[N]`, -23 .. 23 cycles per tile.
        kx: Horizontal frequency of each bin `[N]`, 1 .. 23 cycles per tile.
        sign: Keyed sign of each carrier `[2N]`: the real parts of all bins, then the imaginary parts.
        sync: Indices into the `2N` carriers that hold the sync pattern (their value is their sign).
        data: Indices into the `2N` carriers that hold code bits (their value is their sign times the bit's sign).
        bit: The code bit of each entry of `data`, 0 .. 415.
    """

    ky: NDArray[np.int64]
    kx: NDArray[np.int64]
    sign: NDArray[np.float32]
    sync: NDArray[np.int64]
    data: NDArray[np.int64]
    bit: NDArray[np.int64]

    @classmethod
    def from_key(cls, key: bytes) -> Carriers:
        """Lay out the carriers for a key."""
        ky, kx = bins()
        length = 2 * len(ky)
        sign = 1 - 2 * (_keyed_words(key, b"sign", length) & np.uint64(1)).astype(np.float32)
        # Neighbours in frequency, ties in keyed order, so that sync and data sample every band evenly.
        order = np.lexsort((_keyed_words(key, b"order", length), np.tile(ky**2 + kx**2, 2)))
        taken, group = SYNC_SHARE
        draw = _keyed_words(key, b"sync", length)
        is_sync = np.zeros(length, bool)
        for start in range(0, length - group + 1, group):
            is_sync[start + np.argsort(draw[start : start + group], kind="stable")[:taken]] = True
        data = order[~is_sync]
        rounds = -(-len(data) // CODE_BITS)
        words = _keyed_words(key, b"bit", rounds * CODE_BITS).reshape(rounds, CODE_BITS)
        bit = np.argsort(words, axis=1, kind="stable").ravel()[: len(data)]
        carriers = cls(ky, kx, sign, np.sort(order[is_sync]), data, bit)
        for array in vars(carriers).values():
            array.setflags(write=False)  # shared by threads: nobody may write
        return carriers

    def bin_values(self, code: NDArray[np.int8]) -> NDArray[np.complex64]:
        """Return z `[N]` for the code signs `[416]`, scaled so that the pattern has unit variance."""
        values = self.sign.copy()
        values[self.data] *= code[self.bit]
        count = len(self.ky)
        return np.asarray((values[:count] + 1j * values[count:]) / np.sqrt(count), np.complex64)

    def sync_values(self) -> NDArray[np.complex64]:
        """Return z `[N]` with the sync carriers alone, unscaled."""
        values = np.zeros_like(self.sign)
        values[self.sync] = self.sign[self.sync]
        count = len(self.ky)
        return np.asarray(values[:count] + 1j * values[count:], np.complex64)


def bins() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the frequencies `ky [N]`, `kx [N]` of the band's half plane, lowest first."""
    ky, kx = (axis.ravel() for axis in np.mgrid[-REACH : REACH + 1, 1 : REACH + 1])
    squared = ky**2 + kx**2
    order = np.argsort(squared, kind="stable")
    band = order[(squared[order] >= LOWEST**2) & (squared[order] <= HIGHEST**2)]
    return ky[band], kx[band]


def rings() -> NDArray[np.int64]:
    """Return the ring `[N]` of each bin, 0 .. 7: bands of equal width within which signal and noise are alike."""
    ky, kx = bins()
    position = (np.hypot(ky, kx) - LOWEST) / (HIGHEST - LOWEST)
    return np.minimum((position * RINGS).astype(np.int64), RINGS - 1)


def pattern(carriers: Carriers, code: NDArray[np.int8], height: int, width: int) -> NDArray[np.float32]:
    """Evaluate the pattern `[height, width]` at the pixel centres, zero mean and unit variance per tile.

    The sum over frequencies is separable, exp(i (a + b)) = exp(i a) exp(i b), so it is two small matrix products and
    exact at any size: no resampling of a stored tile.
    """
    grid = np.zeros((2 * REACH + 1, REACH), np.complex64)
    grid[carriers.ky + REACH, carriers.kx - 1] = carriers.bin_values(code)
    step = 2j * np.pi * TILES_PER_SHORT_SIDE / min(height, width)
    down = np.exp(step * np.outer(np.arange(height) + 0.5, np.arange(-REACH, REACH + 1))).astype(np.complex64)
    across = np.exp(step * np.outer(np.arange(1, REACH + 1), np.arange(width) + 0.5)).astype(np.complex64)
    half = down @ grid  # [height, 23]
    return np.asarray(half.real @ across.real - half.imag @ across.imag, np.float32)  # [height, width]


def _keyed_words(key: bytes, purpose: bytes, count: int) -> NDArray[np.uint64]:
    """Return `count` keyed 64-bit words, independent for each purpose and the same on every machine."""
    seed = hmac.new(key, b"fomm watermark 1 " + purpose, hashlib.sha256).digest()
    return np.frombuffer(hashlib.shake_256(seed).digest(8 * count), "<u8").astype(np.uint64)
