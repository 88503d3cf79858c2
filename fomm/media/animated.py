"""Animated WebP as a clip: what its header says, for PyAV cannot read it, though the bundled ffmpeg can.

Only the chunks' heads are read (WebP container specification, "Extended File Format"), whatever they hold is passed
over.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from fomm.errors import MediaError

_ANIMATED = 0x02  # among the flags of VP8X
_MOST_CHUNKS = 1_000_000
# As ffmpeg and browsers have it: what claims to be shown for less than 10 ms is shown for 100.
_LEAST_MS, _INSTEAD_MS = 10, 100


@dataclass(frozen=True)
class AnimatedWebp:
    """An animated WebP file.

    Attributes:
        width: of its canvas in pixels.
        height: likewise.
        frames: how many it holds.
        duration: of all of them, in seconds.
    """

    width: int
    height: int
    frames: int
    duration: Fraction


def read_animated_webp(path: Path) -> AnimatedWebp | None:
    """Return what an animated WebP file says of itself; None for any other file, a still WebP picture too.

    Raises:
        MediaError: it is animated and holds no frame, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(30)
            if head[:4] != b"RIFF" or head[8:16] != b"WEBPVP8X" or len(head) < 30 or not head[20] & _ANIMATED:
                return None
            width, height = (1 + int.from_bytes(head[at : at + 3], "little") for at in (24, 27))
            size = path.stat().st_size
            place, frames, total = 12, 0, 0
            for _ in range(_MOST_CHUNKS):
                file.seek(place)
                chunk = file.read(24)
                if len(chunk) < 8:
                    break
                kind, length = struct.unpack_from("<4sI", chunk)
                place += 8 + length + length % 2
                if kind == b"ANMF" and len(chunk) == 24 and place <= size + 1:
                    shown = int.from_bytes(chunk[20:23], "little")
                    frames, total = frames + 1, total + (shown if shown >= _LEAST_MS else _INSTEAD_MS)
    except OSError as error:
        raise MediaError(f"{path} cannot be read ({error.strerror}); check its permissions.") from error
    if not frames:
        raise MediaError(f"{path} holds no frames; export or download it again.")
    return AnimatedWebp(width, height, frames, Fraction(total, 1000))
