r"""Reading the mark back: candidates in order of sync score, decoded until one carries a valid tag.

Nothing is accepted on a score. A payload counts as found only if the 32-bit keyed tag decoded with it is right, so for
a file that was not marked with the key, n checked messages give

    P(false accept) <= n 2^-32.

A plain search decodes at most 12 candidates in the whole clip and 12 in its opening and checks 32 messages of each:
768 * 2^-32 = 1.8e-7. A deep search is twice that: 3.6e-7. This holds by arithmetic and not by tuning.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter

import numpy as np

from fomm.trust.watermark.carriers import Carriers
from fomm.trust.watermark.code import LISTED, TAG_BYTES, decode_message, encode_message
from fomm.trust.watermark.residual import OPENING, Residual
from fomm.trust.watermark.search import COARSE_SCALES, Candidate, find_sync, read, soft_bits

CANDIDATES = 12
LEAST_SYNC = 4.8  # below, the place found is chance and decoding it is of no use
ASPECTS = np.exp(np.concatenate([np.arange(-0.24, 0, 0.012), np.arange(0.012, 0.241, 0.012)]))


@dataclass(frozen=True)
class Detection:
    """What a search found.

    Attributes:
        found: True if a payload with a valid tag was read.
        payload: The 8 bytes, or None.
        confidence: Share of the 416 code bits that arrived unflipped, 0.5 (chance) to 1; 0 if nothing was found.
        scale: Size of the pattern against the frame's short side: 1 as embedded, 1 / r after a crop to the share r.
        aspect: Horizontal over vertical scale; not 1 only for a stretched picture (deep search).
        mirrored: True if the picture is flipped left to right (deep search).
        sync: Best sync score; above about 7 a mark of this key is likely present even where it cannot be read.
        tries: How many decoded messages had their tag checked, at most.
        frames: How many frames were averaged.
    """

    found: bool
    payload: bytes | None
    confidence: float
    scale: float
    aspect: float
    mirrored: bool
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
        deep: If the plain search fails, also try the mirrored picture and stretched ones (seconds instead of tenths).
        least_sync: Sync score below which a candidate is not decoded.
    """
    score, tries = 0.0, 0
    for mirrored, candidates in _passes(carriers, residual, deep):
        score = max(score, candidates[0].score)
        reading = decode_candidates(key, carriers, candidates, least_sync)
        tries += reading.candidates * LISTED
        if reading.payload is not None:
            best = candidates[reading.candidates - 1]
            return Detection(
                found=True,
                payload=reading.payload,
                confidence=reading.agreement,
                scale=best.scale,
                aspect=float(best.aspect),
                mirrored=mirrored,
                sync=best.score,
                tries=tries,
                frames=residual.frames,
            )
    return Detection(False, None, 0.0, 1.0, 1.0, False, score, tries, residual.frames)


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


def _passes(carriers: Carriers, residual: Residual, deep: bool) -> Iterator[tuple[bool, list[Candidate]]]:
    """Yield whether the picture was mirrored, and up to 12 candidates, best first; the cheapest searches come first."""
    tile = residual.tile
    yield False, find_sync(carriers, read(residual.values, tile), CANDIDATES)
    if residual.frames > OPENING:
        yield False, find_sync(carriers, read(residual.opening, tile), CANDIDATES)
    if deep:
        mirrored = np.ascontiguousarray(residual.values[:, ::-1])
        yield True, find_sync(carriers, read(mirrored, tile), CANDIDATES)
        values = residual.values
        stretched = (find_sync(carriers, read(values, tile, COARSE_SCALES, aspect), CANDIDATES) for aspect in ASPECTS)
        yield False, heapq.nlargest(CANDIDATES, chain.from_iterable(stretched), key=attrgetter("score"))
