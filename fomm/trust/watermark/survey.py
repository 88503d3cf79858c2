r"""The wide look: poses in which a residual has more energy on a tile's frequencies than beside them, whatever the key.

A pattern that repeats has its energy on a lattice of frequencies. With L the residual's power over its local mean (a
window of a few lattice cells, outliers clipped), a pose is scored by

    E = sum_k min(L(A^-T k / p), 4),   k over the carriers' frequencies.

That takes a few microseconds a pose, needs no key and no shift, and is blind to quarter turns, mirrors and negatives,
which leave the lattice where it is. So a hundred thousand poses can be scored, and only the best are worth reading.
It needs two tiles side by side: of a picture cut to one tile, energy alone cannot tell the lattice.
"""

from __future__ import annotations

import heapq
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from fomm.trust.watermark.carriers import Carriers, bins
from fomm.trust.watermark.pose import ASPECT, ORIENTATIONS, SCALE, frequency_maps, poses
from fomm.trust.watermark.search import SCALES, Candidate, find_sync, read, spectrum_of

TURN_STEP = np.radians(0.5)
ASPECT_STEP = 0.012
COARSE_SCALES = SCALES[::2]
ASPECTS = np.exp(ASPECT_STEP * np.arange(-20, 21))
SMALL_TURNS = TURN_STEP * np.arange(-7, 8)  # to 3.5 degrees, in every aspect
ALL_TURNS = TURN_STEP * np.arange(-90, 90)  # quarter turns come on top
POSES = np.concatenate(
    [poses(COARSE_SCALES, ASPECTS, SMALL_TURNS), poses(COARSE_SCALES, turns=ALL_TURNS[np.abs(ALL_TURNS) > 0.062])]
)
LONGEST = 512  # samples along one side: a longer lattice is too fine for these steps
LOCAL = 25  # samples of the spectrum, about three lattice cells at scale 1
CLIP = 4.0
KEPT = 192  # poses in which the sync pattern is looked for
REFINED = 24  # candidates whose pose is improved
CHUNK = 256
ROUNDS = 5
FIRST_STEPS = (0.004, ASPECT_STEP / 2, TURN_STEP / 2, ASPECT_STEP / 2)  # scale and aspect as shares, turn, shear


def survey(carriers: Carriers, values: NDArray[np.float32], tile: float, most: int) -> list[Candidate]:
    """Return the `most` likeliest places of a key's mark in a residual `[h, w]`, best first, in any pose listed above.

    `tile` samples are a period at scale 1.
    """
    top, left = (max(0, length - LONGEST) // 2 for length in values.shape)
    spectrum = spectrum_of(values[top : top + LONGEST, left : left + LONGEST])
    scores = lattice_energy(spectrum, tile)
    rows = POSES[np.argpartition(-scores, KEPT)[:KEPT]]
    found: list[Candidate] = []
    for orientation in ORIENTATIONS:
        found += find_sync(carriers, read(spectrum, tile, rows, orientation), REFINED, negatives=True)
    best = heapq.nlargest(REFINED, found, key=attrgetter("score"))
    return heapq.nlargest(
        most, [_improve(carriers, spectrum, tile, candidate) for candidate in best], key=attrgetter("score")
    )


def lattice_energy(spectrum: NDArray[np.complex64], tile: float) -> NDArray[np.float32]:
    """Return the score `[S]` of every pose in `POSES`."""
    height, half = spectrum.shape
    power = np.abs(spectrum) ** 2
    power /= uniform_filter(power, LOCAL, mode=("wrap", "nearest")) + np.float32(1e-20)
    flat = np.minimum(power, np.float32(CLIP)).ravel()
    frequencies = np.stack(bins()).astype(np.float32)  # [2, N]
    maps = frequency_maps(POSES) / tile * np.array([[height], [2 * (half - 1)]])
    scores = np.empty(len(maps), np.float32)
    for start in range(0, len(maps), CHUNK):
        chunk = maps[start : start + CHUNK].astype(np.float32)
        down, across = (np.rint(chunk[:, axis] @ frequencies).astype(np.int32) for axis in (0, 1))  # [CHUNK, N]
        np.negative(down, out=down, where=across < 0)
        np.minimum(np.abs(across), half - 1, out=across)
        down %= height
        down *= half
        down += across
        scores[start : start + CHUNK] = flat[down].sum(axis=1)
    return scores


def _improve(carriers: Carriers, spectrum: NDArray[np.complex64], tile: float, best: Candidate) -> Candidate:
    """Climb to the pose with the best sync score nearby, in ever smaller steps."""
    step = 1.0
    for _ in range(ROUNDS):
        ways = step * np.concatenate([np.diag(FIRST_STEPS), -np.diag(FIRST_STEPS)])  # [8, 4]
        rows = best.pose + ways * [best.pose[SCALE], best.pose[ASPECT], 1, 1]
        near = find_sync(carriers, read(spectrum, tile, rows, best.orientation), 1, negatives=best.negative)[0]
        if near.score > best.score:
            best = near
        else:
            step /= 2
    return best
