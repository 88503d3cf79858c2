"""Has a file been through fomm before? Asked of every photo and driving clip before it is used.

Marking a marked picture again would overwrite its id, so a marked photo is refused. A marked driving clip gives only
its motion, and is allowed; the new manifest says what it was marked with. Both looks are quick ones: the manifest, and
the plain watermark search over the photo or two seconds of the clip.
"""

from __future__ import annotations

import functools
import io
import itertools
import os
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from fomm.errors import MediaError, TrustError
from fomm.media.image import read_image
from fomm.media.still import is_still_picture
from fomm.media.video import probe, read_video
from fomm.trust.certificates import identity
from fomm.trust.keys import KeyStore
from fomm.trust.manifest_reader import TRUSTED, Pins, read_manifest
from fomm.trust.watermark import Watermark
from fomm.trust.watermark.luma import SMALLEST_SIDE

WATERMARK_SECRET = "watermark"  # noqa: S105 - the name of a key file, not a key
DRIVING_SECONDS = 2


def known_watermark(keys: KeyStore) -> Watermark | None:
    """Return the watermark under this store's key, or None where nothing was ever marked with one.

    Raises:
        TrustError: the key cannot be read.
    """
    secret = _known_secret(keys)
    return Watermark(secret) if secret else None


def known_pins(keys: KeyStore) -> list[Pins]:
    """Return the pins of this store's own signer; none where nothing was ever signed.

    Raises:
        TrustError: the signer cannot be read.
    """
    signer = identity(keys)
    return [Pins.of(signer)] if signer else []


def refuse_marked_photo(data: bytes, image: NDArray[np.uint8], name: str, keys: KeyStore) -> None:
    """Refuse a photo that fomm made.

    Args:
        data: the photo file's bytes.
        image: its pixels, uint8 [H, W, 3].
        name: its path, for the message.
        keys: whose marks are looked for.

    Raises:
        TrustError: it carries our manifest or watermark, or a key cannot be read.
    """
    output = _sealed_id(io.BytesIO(data), known_pins(keys)) or _watermark_id([image], _known_secret(keys))
    if output:
        raise TrustError(
            f"{name} is not a photo but output {output} of fomm, and is not animated again; to see what it is: "
            f"fomm verify {shlex.quote(name)}"
        )


def driving_mark(path: Path, sha256: str, keys: KeyStore) -> str:
    """Return the output id a driving clip or picture is marked with, empty when with none (or when it shows nothing).

    A clip that drives one preview after another is looked at once, as long as its bytes and the keys are the same.

    Args:
        path: the clip.
        sha256: of its bytes, in hex.
        keys: whose marks are looked for.

    Raises:
        TrustError: a key cannot be read.
    """
    secret, pins = _known_secret(keys), tuple(known_pins(keys))
    try:
        return _driving_mark(path, sha256, secret, pins)
    except (MediaError, OSError):
        return ""  # a sound, a motion track, or a file whose fault the render itself will name


@functools.lru_cache(maxsize=64)
def _driving_mark(path: Path, sha256: str, secret: bytes, pins: tuple[Pins, ...]) -> str:
    with path.open("rb") as stream:
        output = _sealed_id(stream, pins)
    if output or not secret:
        return output
    if is_still_picture(path):
        return _watermark_id([read_image(path)], secret)
    return _watermark_id(read_video(path, stop=round(DRIVING_SECONDS * probe(path).fps)), secret)


def _known_secret(keys: KeyStore) -> bytes:
    """Return the watermark's key, empty where nothing was ever marked with one."""
    there = os.path.lexists(keys.directory / f"{WATERMARK_SECRET}.secret")
    return keys.secret(WATERMARK_SECRET) if there else b""


def _sealed_id(stream: BinaryIO, pins: Sequence[Pins]) -> str:
    reading = read_manifest(stream, *pins) if pins else None
    return reading.output_id if reading and reading.state == TRUSTED else ""


def _watermark_id(frames: Iterable[NDArray[np.uint8]], secret: bytes) -> str:
    first = next(iterator := iter(frames), None)
    if not secret or first is None or min(first.shape[:2]) < SMALLEST_SIDE:
        return ""
    found = Watermark(secret).detect(itertools.chain([first], iterator)).payload
    return found.hex() if found else ""
