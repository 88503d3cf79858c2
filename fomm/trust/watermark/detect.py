r"""Reading the mark back: candidates in order of sync score, decoded until one carries a valid tag.

Nothing is accepted on a score. A payload counts as found only if the 32-bit keyed tag decoded with it is right, so for
a file that was not marked with the key, n checked messages give

    P(false accept) <= n 2^-32.

A plain search decodes at most 12 candidates in the whole clip and 12 in its opening and checks 32 messages of each:
768 * 2^-32 = 1.8e-7. A deep search decodes 12 more of each, turned by quarters, mirrored or in the negative, and 12 in
poses that `survey` picked: 60 in all, 1920 * 2^-32 = 4.5e-7. However many poses are scored, only what is decoded
counts.
This holds by arithmetic and not by tuning.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from fomm.trust.watermark.carriers import Carriers
from fomm.trust.watermark.code import LISTED, TAG_BYTES, decode_message, encode_message
from fomm.trust.watermark.pose import ASPECT, ORIENTATIONS, SCALE, TURN
from fomm.trust.watermark.residual import OPENING, Residual
from fomm.trust.watermark.search import Candidate, find_sync, read, soft_bits, spectrum_of
from fomm.trust.watermark.survey import survey

CANDIDATES = 12
LEAST_SYNC = 4.8  # below, the place found is chance and decoding it is of no use


@dataclass(frozen=True)
class Detection:
    """What a search found.

    Attributes:
        found: True if a payload with a valid tag was read.
        payload: The 8 bytes, or None.
        confidence: Share of the 416 code bits that arrived unflipped, 0.5 (chance) to 1; 0 if nothing was found.
        scale: Size of the pattern against the frame's short side: 1 as embedded, 1 / r after a crop to the share r.
        aspect: Horizontal over vertical scale; not 1 only for a stretched picture (deep search).
        turned: Degrees counter-clockwise that the picture was turned by, after any mirroring (deep search).
        mirrored: True if the picture is flipped left to right (deep search).
        negative: True if light and dark are exchanged (deep search).
        sync: Best sync score; above about 7 a mark of this key is likely present even where it cannot be read.
        tries: How many decoded messages had their tag checked, at most.
        frames: How many frames were averaged.
    """

    found: bool
    payload: bytes | None
    confidence: float
    scale: float
    aspect: float
    turned: float
    mirrored: bool
    negative: bool
    sync: float
    tries: int
    frames: int

    @property
    def false_accept_bound(self) -> float:
        """Upper bound on the chance that an unmarked file is taken for a marked one with this many tries."""
        return self.tries / 2.0 ** (8 * TAG_BYTES)


def find_mark(
    key: bytes, carriers: Carriers, residual: Residual, *, deep: bool = False, least_sync: float = LEAST_SYNC
) -> Detection:
    """Look for a mark of `key` in a residual.

    Args:
        key: Key of the tag.
        carriers: Layout of the same key.
        residual: From `accumulate`.
        deep: If the plain search fails, also try turned, mirrored, negative and stretched pictures (seconds).
        least_sync: Sync score below which a candidate is not decoded.
    """
    score, tries = 0.0, 0
    for candidates in _passes(carriers, residual, deep):
        score = max(score, candidates[0].score)
        reading = decode_candidates(key, carriers, candidates, least_sync)
        tries += reading.candidates * LISTED
        if reading.payload is not None:
            best = candidates[reading.candidates - 1]
            return Detection(
                found=True,
                payload=reading.payload,
                confidence=reading.agreement,
                scale=float(best.pose[SCALE]),
                aspect=float(best.pose[ASPECT]),
                turned=90.0 * best.orientation.quarters + float(np.degrees(best.pose[TURN])),
                mirrored=best.orientation.mirrored,
                negative=best.negative,
                sync=best.score,
                tries=tries,
                frames=residual.frames,
            )
    return Detection(False, None, 0.0, 1.0, 1.0, 0.0, False, False, score, tries, residual.frames)


@dataclass(frozen=True)
class Reading:
    """Outcome of decoding: how many candidates were decoded, and what the last of them said if its tag was right."""

    candidates: int
    payload: bytes | None = None
    agreement: float = 0.0


def decode_candidates(key: bytes, carriers: Carriers, candidates: list[Candidate], least_sync: float) -> Reading:
    """Decode candidates, best first, until one carries a valid tag or its score is below `least_sync`."""
    decoded = 0
    for candidate in candidates:
        if candidate.score < least_sync:
            break
        decoded += 1
        soft = soft_bits(carriers, candidate)
        payload = decode_message(key, soft)
        if payload is not None:
            agreement = float(np.mean((soft > 0) == (encode_message(key, payload) > 0)))
            return Reading(decoded, payload, agreement)
    return Reading(decoded)


def _passes(carriers: Carriers, residual: Residual, deep: bool) -> Iterator[list[Candidate]]:
    """Yield up to 12 candidates, best first, for each kind of search; the cheapest come first."""
    spectra = [spectrum_of(residual.values)]
    if residual.frames > OPENING:
        spectra.append(spectrum_of(residual.opening))
    for spectrum in spectra:
        yield find_sync(carriers, read(spectrum, residual.tile), CANDIDATES)
    if deep:
        for spectrum in spectra:
            found: list[Candidate] = []
            for orientation in ORIENTATIONS:
                readings = read(spectrum, residual.tile, orientation=orientation)
                found += find_sync(carriers, readings, CANDIDATES, negatives=True)
            yield heapq.nlargest(CANDIDATES, found, key=attrgetter("score"))
        yield survey(carriers, residual.values, residual.tile, CANDIDATES)
