"""Has a file been through fomm before? Asked of every photo and driving clip before it is used.

Marking a marked picture again would overwrite its id, so a marked photo is refused. A marked driving clip gives only
its motion, and is allowed; the new manifest says what it was marked with. Both are searched as deeply as `fomm verify`
searches, or a picture that was mirrored or turned would be washed of its id. A photo's manifest and the plain search
are asked at once; the deep search, and all of a driving clip's, runs beside the render (`fomm.trust.marks.searches`).
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from fomm.errors import MediaError
from fomm.media.limits import sniff_file
from fomm.media.photo.image import read_image
from fomm.media.video import read_video
from fomm.trust.keys.certificates import identity
from fomm.trust.keys.key_store import KeyStore
from fomm.trust.marks.formats import mime_of
from fomm.trust.marks.manifest_reader import TRUSTED, Pins, read_manifest
from fomm.trust.marks.searches import PhotoSearch, Searches, refuse
from fomm.trust.watermark import Watermark
from fomm.trust.watermark.windows import WINDOW, WINDOWS, search_windows

WATERMARK_SECRET = "watermark"  # noqa: S105 - the name of a key file, not a key
READ_BACK_FRAMES = 75
"""Frames from which the exit reads the watermark of a finished clip back."""
_PHOTOS, _DRIVING = Searches(), Searches()  # apart, so that no photo waits for a long clip


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


def search_photo(data: bytes, image: NDArray[np.uint8], name: str, keys: KeyStore) -> Callable[[], PhotoSearch]:
    """Refuse a photo that is seen at once to be made by fomm, and return how to start the deep search.

    Args:
        data: the photo file's bytes.
        image: its pixels, uint8 [H, W, 3].
        name: its path, for the message.
        keys: whose marks are looked for.

    Raises:
        TrustError: it carries our manifest or watermark, or a key cannot be read.
    """
    secret = _known_secret(keys)
    refuse(_sealed_id(io.BytesIO(data), known_pins(keys)) or _watermark_id(iter([image]), secret, deep=False), name)
    key = (hashlib.sha256(data).digest(), secret)
    return lambda: PhotoSearch(_PHOTOS.start(key, lambda: _watermark_id(iter([image]), secret, deep=True)), name)


def search_driving(path: Path, sha256: str, keys: KeyStore, *, whole: bool = True) -> Future[str]:
    """Start to look for the output id that a driving clip or picture is marked with.

    The result is empty where it is marked with none, or shows nothing.

    Args:
        path: the clip.
        sha256: of its bytes, in hex.
        keys: whose marks are looked for.
        whole: look at as much of a clip as `fomm verify`, not only at its first 250 frames.

    Raises:
        TrustError: a key cannot be read.
    """
    secret, pins = _known_secret(keys), tuple(known_pins(keys))
    frames = WINDOW * WINDOWS if whole else WINDOW
    return _DRIVING.start((sha256, secret, pins, whole), lambda: _driving_mark(path, secret, pins, frames))


def pictures_of(path: Path, most: int = WINDOW * WINDOWS) -> Generator[NDArray[np.uint8], None, None]:
    """Yield the first `most` pictures of a file, uint8 [H, W, 3]; a GIF is a clip.

    Raises:
        MediaError: it cannot be decoded.
    """
    if sniff_file(path).endswith("picture") and mime_of(path) != "image/gif":
        yield read_image(path)
    else:
        yield from read_video(path, stop=most)


def _driving_mark(path: Path, secret: bytes, pins: tuple[Pins, ...], most: int) -> str:
    try:
        with path.open("rb") as stream:
            output = _sealed_id(stream, pins)
        if output or not secret:
            return output
        with contextlib.closing(pictures_of(path, most)) as frames:
            return _watermark_id(itertools.takewhile(lambda _: not _DRIVING.ending, frames), secret, deep=True)
    except (MediaError, OSError):
        return ""  # a sound, a motion track, or a file whose fault the render itself will name


def _known_secret(keys: KeyStore) -> bytes:
    """Return the watermark's key, empty where nothing was ever marked with one."""
    there = os.path.lexists(keys.directory / f"{WATERMARK_SECRET}.secret")
    return keys.secret(WATERMARK_SECRET) if there else b""


def _sealed_id(stream: BinaryIO, pins: Sequence[Pins]) -> str:
    reading = read_manifest(stream, *pins) if pins else None
    return reading.output_id if reading and reading.state == TRUSTED else ""


def _watermark_id(frames: Iterator[NDArray[np.uint8]], secret: bytes, *, deep: bool) -> str:
    found = search_windows(frames, Watermark(secret), deep=deep) if secret else None
    return found.payload.hex() if found and found.payload else ""
