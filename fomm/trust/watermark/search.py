r"""The detector's second half: find the tile's size and place in a residual, and read the soft code bits there.

A crop or a rescale changes the tile's size by an unknown factor and moves its origin; turning, mirroring and stretching
change its shape. For a candidate pose (`pose`) and a nominal period p (in samples) the carriers are read where they
would be, off the grid of the residual's own transform,

    z_k = F(A^-T k / p),   F(u) = sum_x R(x) exp(-2 pi i u . x),

with F from one FFT of the residual padded to four times its size, so fine that linear interpolation between its
samples errs by a few per cent at most: no resampling of the picture, whatever the pose. After whitening (each ring
of frequencies to unit power, single outliers clipped), the correlation with the sync pattern over all shifts of the
tile is one inverse FFT; its peak in units of the map's deviation is the sync score. In a negative the pattern is
negative too, so there the lowest point is the peak. At the true pose and shift the
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
from fomm.trust.watermark.pose import UPRIGHT, Orientation, frequency_maps, poses

SCALES = np.exp(np.arange(np.log(0.42), np.log(2.4), 0.004))  # 1 = uncropped; 2 = half of the short side is left
PLAIN_POSES = poses(SCALES)
PADDING = 4
LONGEST = 1024  # samples read along one side: a very long picture must not fill the memory
SHIFTS = 128  # shifts tried along each axis of the tile
OUTLIER = 1.4
LEAST_SIGNAL = 0.02


@dataclass(frozen=True)
class Readings:
    """Whitened carriers of one residual in many candidate poses; they depend on no key.

    Attributes:
        carriers: Complex readings `[S, N]`, one row per pose.
        poses: The poses `[S, 4]`.
        orientation: How the picture lies.
    """

    carriers: NDArray[np.complex64]
    poses: NDArray[np.float64]
    orientation: Orientation = UPRIGHT


@dataclass(frozen=True)
class Candidate:
    """A place where the sync pattern seems to be.

    Attributes:
        score: Peak of the correlation in deviations of its map.
        carriers: Whitened complex readings `[N]` in the candidate's pose, of the positive.
        down: Vertical shift in tiles, 0 to 1.
        across: Horizontal shift in tiles, 0 to 1.
        pose: Scale, aspect, turn and shear `[4]`.
        orientation: How the picture lies.
        negative: True if light and dark are exchanged.
    """

    score: float
    carriers: NDArray[np.complex64]
    down: float
    across: float
    pose: NDArray[np.float64]
    orientation: Orientation
    negative: bool


def read(
    spectrum: NDArray[np.complex64],
    tile: float,
    rows: NDArray[np.float64] = PLAIN_POSES,
    orientation: Orientation = UPRIGHT,
) -> Readings:
    """Read and whiten the carriers in a `spectrum_of` a residual, in every pose `[S, 4]`.

    `tile` samples are a period at scale 1.
    """
    height, half = spectrum.shape
    maps = (
        frequency_maps(rows, orientation) / tile * np.array([[height], [2 * (half - 1)]])
    )  # to samples of the spectrum
    down, across = np.moveaxis(maps @ np.stack(bins()), 1, 0)  # [S, N] each
    # The left half plane is not stored, being the conjugate of the right one.
    flipped = across < 0
    down = np.where(flipped, -down, down)  # may be negative: the spectrum wraps
    across = np.minimum(np.abs(across), half - 2)  # at most the finest there is
    top, left = np.floor(down).astype(np.int64), across.astype(np.int64)
    low, high = (down - top).astype(np.float32), (across - left).astype(np.float32)
    flat = spectrum.ravel()
    upper = top % height * half + left
    lower = (top + 1) % height * half + left
    above = flat[upper] + high * (flat[upper + 1] - flat[upper])
    below = flat[lower] + high * (flat[lower + 1] - flat[lower])
    values = above + low * (below - above)
    np.conjugate(values, out=values, where=flipped)
    return Readings(_whiten(values), rows, orientation)


def find_sync(carriers: Carriers, readings: Readings, most: int, *, negatives: bool = False) -> list[Candidate]:
    """Return the best shift of each of the `most` best poses, best first; of negatives too if asked."""
    product = readings.carriers * np.conj(carriers.sync_values())  # [S, N]
    grid = np.zeros((len(product), SHIFTS, REACH + 1), np.complex64)
    grid[:, carriers.ky % SHIFTS, carriers.kx] = product
    # Columns first, on the few that are not zero; the row transform pads with zeros.
    maps = scipy.fft.irfft(scipy.fft.ifft(grid, axis=1), SHIFTS, axis=2)  # [S, 128, 128]
    flat = maps.reshape(len(maps), -1)
    every, deviation = np.arange(len(flat)), flat.std(axis=1) + 1e-20
    found = []
    for sign in (1, -1) if negatives else (1,):
        peaks = flat.argmax(axis=1) if sign > 0 else flat.argmin(axis=1)
        found += [(sign * flat[every, peaks] / deviation, peaks, sign)]
    ranked = np.argsort(-np.concatenate([scores for scores, _, _ in found]), kind="stable")[:most]
    candidates = []
    for place in ranked:
        which, index = divmod(int(place), len(flat))
        scores, peaks, sign = found[which]
        down, across = _refine(sign * maps[index], int(peaks[index]))
        row = sign * readings.carriers[index]
        candidates.append(
            Candidate(
                float(scores[index]), row, down, across, readings.poses[index], readings.orientation, negative=sign < 0
            )
        )
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


def spectrum_of(values: NDArray[np.float32]) -> NDArray[np.complex64]:
    """Return the transform `[rows, columns / 2 + 1]` of a residual `[h, w]`, padded and about its centre.

    So it is smooth enough to interpolate.
    """
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
