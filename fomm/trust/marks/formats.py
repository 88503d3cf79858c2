"""Which files can carry a C2PA manifest, and whether a file ends where its own structure says.

A container without a place for the manifest (Matroska, WebM) cannot leave through `fomm.trust.release.film`, for the
promise is three marks on every file.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

from fomm.errors import OutputError

_SEALED = {
    ".mp4": "video/mp4",
    ".m4v": "video/x-m4v",
    ".mov": "video/quicktime",
    ".gif": "image/gif",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}
SEALED_SUFFIXES = tuple(_SEALED)
VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".gif")
STILL_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")

_PNG, _JPEG, _JPEG_END, _JPEG_SCAN = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\xff\xd9", b"\xff\xda"
_STARTS = {_PNG: "image/png", _JPEG: "image/jpeg", b"GIF8": "image/gif", b"II*\0": "image/tiff", b"MM\0*": "image/tiff"}
_RIFF = {b"WEBP": "image/webp", b"AVI ": "video/avi"}
_ISO = {b"qt  ": "video/quicktime", b"avif": "image/avif", b"heic": "image/heic", b"mif1": "image/heif"}
_HEAD_BYTES = 16
_GIF_END = b";"


def sealed_as(path: Path) -> str:
    """Return the MIME type under which a file of this name is signed.

    Raises:
        OutputError: no manifest can be embedded in it.
    """
    mime = _SEALED.get(path.suffix.lower())
    if mime is None:
        raise OutputError(
            f"{path.name} cannot carry a signed manifest, which every output does; end its name in one of "
            f"{', '.join(SEALED_SUFFIXES)}."
        )
    return mime


def check_video_name(output: Path) -> None:
    """Refuse a name under which no marked video leaves.

    Raises:
        OutputError: the container is unknown, holds no video, or cannot carry a manifest.
    """
    _check_suffix(output, "video", VIDEO_SUFFIXES)


def check_still_name(output: Path) -> None:
    """Refuse a name under which no marked picture leaves.

    Raises:
        OutputError: the format is unknown or not that of a picture.
    """
    _check_suffix(output, "picture", STILL_SUFFIXES)


def is_still_name(output: Path) -> bool:
    """Say whether a file of this name leaves as a picture."""
    return output.suffix.lower() in STILL_SUFFIXES


def _check_suffix(output: Path, kind: str, known: tuple[str, ...]) -> None:
    if output.suffix.lower() not in known:
        raise OutputError(
            f"{output} cannot carry a signed manifest as a {kind}, which every output does; end its name in one of "
            f"{', '.join(known)}."
        )


def mime_of(path: Path) -> str:
    """Return the MIME type of a file that may carry a manifest, told by its first bytes; empty for any other.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if head[4:8] == b"ftyp":
        return _ISO.get(head[8:12], "video/mp4")
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], "")
    return next((mime for start, mime in _STARTS.items() if head.startswith(start)), "")


def is_cut(path: Path) -> bool:
    """Say whether a file ends before its own structure says; false for formats that do not tell.

    Raises:
        OSError: the file cannot be read.
    """
    mime, size = mime_of(path), path.stat().st_size
    with path.open("rb") as stream:
        if mime.startswith("video/") and mime != "video/avi":
            return _boxes_end(stream, size) != size
        if mime == "image/png":
            return not _png_ends(stream, size)
        if mime in ("image/webp", "video/avi"):
            return int(struct.unpack("<I", stream.read(8)[4:])[0]) + 8 > size
        if mime == "image/gif":
            stream.seek(-1, os.SEEK_END)
            return stream.read(1) != _GIF_END
        if mime == "image/jpeg":
            content = stream.read()
            return content.rfind(_JPEG_END) <= content.rfind(_JPEG_SCAN)  # both -1 where not even the scan begins
    return False


def _boxes_end(stream: BinaryIO, size: int) -> int:
    """Return where the last top-level box of an ISO base media file ends, or 0 when there is no index (`moov`)."""
    place = 0
    indexed = False
    while place < size:
        stream.seek(place)
        head = stream.read(16)
        if len(head) < 8:
            return 0
        length, kind = struct.unpack(">I4s", head[:8])
        if length == 1 and len(head) == 16:
            length = struct.unpack(">Q", head[8:])[0]
        elif length == 0:  # up to the end of the file
            length = size - place
        if length < 8:
            return 0
        indexed |= kind == b"moov"
        place += length
    return place if indexed else 0


def _png_ends(stream: BinaryIO, size: int) -> bool:
    """Say whether the chunks of a PNG reach its closing one."""
    place = len(_PNG)
    while place + 12 <= size:
        stream.seek(place)
        length, kind = struct.unpack(">I4s", stream.read(8))
        place += 12 + int(length)
        if kind == b"IEND":
            return place <= size
    return False
