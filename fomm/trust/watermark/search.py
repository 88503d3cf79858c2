r"""The detector's second half: find the tile's size and place in a residual, and read the soft code bits there.

A crop or a rescale changes the tile's size by an unknown factor and moves its origin. For a candidate period p (in
samples) the carriers are read where they would be, off the grid of the residual's own transform,

    z_k = F(ky / p, kx / p),   F(u, v) = sum_{y, x} R(y, x) exp(-2 pi i (u y + v x)),

with F from one FFT of the residual padded to four times its size, so fine that linear interpolation between its
samples errs by a few per cent at most: no resampling of the picture, whatever the scale. After whitening (each ring
of frequencies to unit power, single outliers clipped), the correlation with the sync pattern over all shifts of the
tile is one inverse FFT; its peak in units of the map's deviation is the sync score. At the true scale and shift the
received carriers are a constant times what was sent, so the sync carriers also measure signal and noise in each ring,
and a code bit's soft value is the sum of its carriers, each weighted by mean over variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from fomm.trust.watermark.carriers import REACH, RINGS, Carriers, bins, rings
from fomm.trust.watermark.code import CODE_BITS

SCALES = np.exp(np.arange(np.log(0.42), np.log(2.4), 0.004))  # 1 = uncropped; 2 = half of the short side is left
COARSE_SCALES = SCALES[::2]
PADDING = 4
LONGEST = 1024  # samples read along one side: a very long picture must not fill the memory
SHIFTS = 128  # shifts tried along each axis of the tile
OUTLIER = 1.4
LEAST_SIGNAL = 0.02


@dataclass(frozen=True)
class Readings:
    """Whitened carriers of one residual at many candidate scales; they depend on no key.

    Attributes:
        carriers: Complex readings `[S, N]`, one row per scale.
        scales: Vertical scale of each row `[S]`.
        aspect: Horizontal over vertical scale.
    """

    carriers: NDArray[np.complex64]
    scales: NDArray[np.float64]
    aspect: float


@dataclass(frozen=True)
class Candidate:
    """A place where the sync pattern seems to be.

    Attributes:
        score: Peak of the correlation in deviations of its map.
        carriers: Whitened complex readings `[N]` at the candidate's scale.
        down: Vertical shift in tiles, 0 to 1.
        across: Horizontal shift in tiles, 0 to 1.
        scale: Vertical scale.
        aspect: Horizontal over vertical scale.
    """

    score: float
    carriers: NDArray[np.complex64]
    down: float
    across: float
    scale: float
    aspect: float


def read(
    values: NDArray[np.float32],
    tile: float,
    scales: NDArray[np.float64] = SCALES,
    aspect: float = 1.0,
) -> Readings:
    """Read and whiten the carriers of a residual `[h, w]` at every scale; `tile` samples are a period at scale 1."""
    spectrum = _spectrum(values)  # [rows, columns / 2 + 1]
    rows, columns = spectrum.shape[0], 2 * (spectrum.shape[1] - 1)
    ky, kx = bins()
    periods = tile * scales[:, None]
    down = ky / periods * rows  # [S, N], may be negative: the spectrum wraps
    across = np.minimum(kx / (periods * aspect) * columns, spectrum.shape[1] - 2)  # [S, N], at most the finest there is
    top, left = np.floor(down).astype(np.int64), across.astype(np.int64)
    low, high = (down - top).astype(np.float32), (across - left).astype(np.float32)
    flat = spectrum.ravel()
    upper = top % rows * spectrum.shape[1] + left
    lower = (top + 1) % rows * spectrum.shape[1] + left
    above = flat[upper] + high * (flat[upper + 1] - flat[upper])
    below = flat[lower] + high * (flat[lower + 1] - flat[lower])
    return Readings(_whiten(above + low * (below - above)), scales, aspect)


def find_sync(carriers: Carriers, readings: Readings, most: int) -> list[Candidate]:
    """Return the best shift of each of the `most` best scales, best first."""
    product = readings.carriers * np.conj(carriers.sync_values())  # [S, N]
    grid = np.zeros((len(product), SHIFTS, REACH + 1), np.complex64)
    grid[:, carriers.ky % SHIFTS, carriers.kx] = product
    # Columns first, on the few that are not zero; the row transform pads with zeros.
    maps = scipy.fft.irfft(scipy.fft.ifft(grid, axis=1), SHIFTS, axis=2)  # [S, 128, 128]
    flat = maps.reshape(len(maps), -1)
    peaks = flat.argmax(axis=1)
    scores = flat[np.arange(len(flat)), peaks] / (flat.std(axis=1) + 1e-20)
    candidates = []
    for index in np.argsort(-scores, kind="stable")[:most]:
        down, across = _refine(maps[index], int(peaks[index]))
        scale = float(readings.scales[index])
        row = readings.carriers[index]
        candidates.append(Candidate(float(scores[index]), row, down, across, scale, readings.aspect))
    return candidates


def soft_bits(carriers: Carriers, candidate: Candidate) -> NDArray[np.float32]:
    """Return the soft values `[416]` of the code bits at a candidate, positive for a 0 bit."""
    phase = 2j * np.pi * (carriers.ky * candidate.down + carriers.kx * candidate.across)
    aligned = candidate.carriers * np.exp(phase)  # [N]
    values = np.concatenate([aligned.real, aligned.imag]) * carriers.sign  # [2N]
    ring = np.tile(rings(), 2)
    sync_ring, sync = ring[carriers.sync], values[carriers.sync]
    number = np.bincount(sync_ring, minlength=RINGS)
    mean = np.bincount(sync_ring, sync, RINGS) / number
    variance = np.bincount(sync_ring, (sync - mean[sync_ring]) ** 2, RINGS) / number + 1e-3
    padded = np.concatenate([mean[:1], mean, mean[-1:]])
    mean = np.maximum((padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4, LEAST_SIGNAL)
    weighted = values * (mean / variance)[ring]
    return np.bincount(carriers.bit, weighted[carriers.data], CODE_BITS).astype(np.float32)


def _spectrum(values: NDArray[np.float32]) -> NDArray[np.complex64]:
    """Return the transform of the padded residual about its centre, so that it is smooth enough to interpolate."""
    top, left = (max(0, length - LONGEST) // 2 for length in values.shape)
    middle = values[top : top + LONGEST, left : left + LONGEST]
    height, width = middle.shape
    rows, columns = (scipy.fft.next_fast_len(PADDING * length // 2) * 2 for length in middle.shape)
    padded = np.zeros((rows, columns), np.float32)
    padded[:height, :width] = middle
    centred = np.roll(padded, (-(height // 2), -(width // 2)), axis=(0, 1))
    return np.asarray(scipy.fft.rfft2(centred), np.complex64)


def _whiten(readings: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """Scale each ring to unit power and clip single strong carriers, row by row `[S, N]`."""
    ring = rings()
    starts = np.searchsorted(ring, np.arange(RINGS))  # bins come in order of their ring
    power = np.add.reduceat(np.abs(readings) ** 2, starts, axis=1) / np.bincount(ring)  # [S, 8]
    white = readings / np.sqrt(power + 1e-20).astype(np.float32)[:, ring]
    white /= np.maximum(np.float32(1.0), np.abs(white) / np.float32(OUTLIER))
    return np.asarray(white, np.complex64)


def _refine(surface: NDArray[np.float32], peak: int) -> tuple[float, float]:
    """Return a peak's place in the correlation map in tiles, to a fraction of a shift by a parabola along each axis."""
    row, column = divmod(peak, SHIFTS)
    down = surface[[row - 1, row, (row + 1) % SHIFTS], column]
    across = surface[row, [column - 1, column, (column + 1) % SHIFTS]]
    return (row + _vertex(down)) / SHIFTS, (column + _vertex(across)) / SHIFTS


def _vertex(samples: NDArray[np.float32]) -> float:
    bend = float(samples[0] - 2 * samples[1] + samples[2])
    return 0.5 * float(samples[0] - samples[2]) / bend if bend < 0 else 0.0
