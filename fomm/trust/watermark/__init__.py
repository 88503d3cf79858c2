"""The invisible watermark: a 64-bit id in every frame that outlives compression, cropping and screen capture.

The parts, in the order a payload passes through them: `code` (payload, keyed tag, convolutional code), `carriers` (the
keyed frequencies of a repeating tile), `embed` (a masked copy of the pattern in every frame's luma), `residual` (frames
averaged with the picture taken out), `search` (scale, shift and soft bits), `survey` (turned and stretched pictures, as
`pose` describes them), `detect` (decode, check the tag), `windows` (a whole file).

What it does not do: the mark names an output, it does not prove who made it. Whoever holds the key can write any id,
and whoever holds a marked clip can carry its pattern over to another: an id counts only together with the registry.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from fomm.errors import TrustError
from fomm.trust.watermark.carriers import Carriers, pattern
from fomm.trust.watermark.code import PAYLOAD_BYTES, encode_message
from fomm.trust.watermark.detect import LEAST_SYNC, Detection, find_mark
from fomm.trust.watermark.embed import Embedder, WatermarkSettings
from fomm.trust.watermark.luma import check_size
from fomm.trust.watermark.residual import Residual, accumulate

__all__ = ["PAYLOAD_BYTES", "Detection", "Embedder", "Residual", "Watermark", "WatermarkSettings", "accumulate"]

SHORTEST_KEY = 16


class Watermark:
    r"""Writes and reads marks under one secret key; immutable, so threads may share it.

    Example:
        >>> watermark = Watermark(bytes(range(32)))
        >>> mark = watermark.embedder(b"\x00" * 7 + b"\x2a", 512, 512)
        >>> grey = np.full((512, 512, 3), 128, np.uint8)
        >>> watermark.detect([mark(grey)]).payload.hex()
        '000000000000002a'
    """

    def __init__(self, key: bytes) -> None:
        """Derive the layout from a secret key of at least 16 bytes.

        Raises:
            TrustError: the key is shorter.
        """
        if len(key) < SHORTEST_KEY:
            raise TrustError(f"A watermark key needs at least {SHORTEST_KEY} bytes, not {len(key)}.")
        self._key = bytes(key)
        self._carriers = Carriers.from_key(self._key)

    def embedder(self, payload: bytes, height: int, width: int, settings: WatermarkSettings | None = None) -> Embedder:
        """Return the callable that marks uint8 RGB frames `[height, width, 3]` with an 8-byte payload.

        Raises:
            TrustError: the payload is not 8 bytes, or a side is below 32 pixels.
        """
        if len(payload) != PAYLOAD_BYTES:
            raise TrustError(f"A watermark payload has {PAYLOAD_BYTES} bytes, not {len(payload)}.")
        check_size(height, width)
        code = encode_message(self._key, payload)
        return Embedder(pattern(self._carriers, code, height, width), settings or WatermarkSettings())

    def detect(
        self,
        frames: Iterable[NDArray[np.uint8]],
        *,
        limit: int | None = None,
        deep: bool = False,
    ) -> Detection:
        """Look for this key's mark in uint8 RGB frames `[H, W, 3]` of one size (a picture is a list of one).

        Args:
            frames: Read one at a time, never held.
            limit: Use the first `limit` frames; None uses all.
            deep: If the plain search fails, also try turned, mirrored, negative and stretched pictures (seconds).

        Raises:
            TrustError: there is no frame, or the frames are not uint8 RGB of one size.
        """
        return self.search(accumulate(frames, limit), deep=deep)

    def search(self, residual: Residual, *, deep: bool = False, least_sync: float = LEAST_SYNC) -> Detection:
        """Look for this key's mark in a residual from `accumulate`, which serves any number of keys.

        Candidates whose sync score is below `least_sync` are not decoded; 0 decodes all twelve.
        """
        return find_mark(self._key, self._carriers, residual, deep=deep, least_sync=least_sync)
