"""Bounds on photos that are small as a file and enormous to decode, checked before a decoder sees a byte of them.

`check_picture` walks the file by its format's own structure and counts what a decoder's time and memory grow with:
scans, chunks, blocks, strips, tiles, references. The bounds are far above what cameras and programs write. What a walk
cannot follow is left to the decoder, which refuses it as damaged.
"""

from __future__ import annotations

import re
import struct

from PIL import Image

from fomm.errors import MediaError
from fomm.media.limits import PHOTO_LIMITS
from fomm.media.photo.iso_bounds import check_boxes
from fomm.media.photo.jpeg2000_bounds import check_codestream
from fomm.media.photo.reduce import STREAMED_FORMATS, STREAMED_MODES
from fomm.media.photo.tiff_bounds import check_directories
from fomm.media.photo.too_much import TooMuch

_MOST_SCANS = 100  # of a progressive JPEG; cameras and programs write some ten
_MOST_SCANNED_PIXELS = 2_000_000_000  # scans times pixels, each of which costs the same however short the scan
_FEWEST_SCANS = 12  # are allowed at any size
_MOST_COEFFICIENT_BYTES = 400_000_000  # a JPEG of several scans is held whole, two bytes a sample
_MOST_SEGMENTS = 20_000
_MOST_CHUNKS = 100_000
_MOST_BLOCKS = 200_000
_MOST_FRAMES = 10_000
_MOST_INTERLACED_BYTES = 400_000_000
_MOST_PNG_BYTES = 800_000_000  # decompressed: some seconds
_MOST_WHOLE_PIXELS = 50_000_000  # of a picture that no decoder here can read in parts
_MOST_DEEP_PIXELS = 20_000_000  # likewise, transparent or of deep grey, or JPEG 2000: more copies, and slower ones
_MOST_SLOW_PIXELS = 4_000_000  # of kinds that Pillow decodes number by number in Python
# Of those with content; restarts are many, and a pattern of two bytes is found in one pass over whatever comes.
_JPEG_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])", re.DOTALL)
_SLOW_PPM = re.compile(rb"P([1-6])\s")


def check_picture(data: bytes, name: str) -> None:
    """Check a photo's bytes before they are decoded.

    Args:
        data: the whole file.
        name: what to call the photo in an error message.

    Raises:
        MediaError: decoding it would take far more time or memory than a photo does.
    """
    try:
        if data.startswith(b"\xff\xd8"):
            _check_jpeg(data)
        elif data.startswith(b"\x89PNG\r\n\x1a\n"):
            _check_png(data)
        elif data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            check_directories(data)
        elif data.startswith((b"GIF87a", b"GIF89a")):
            _check_gif(data)
        elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            _check_webp(data)
        elif data.startswith((b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ")):
            check_codestream(data)
        elif data[4:8] == b"ftyp":
            check_boxes(data)
        elif data.startswith(b"BM"):
            _check_bmp(data)
    except TooMuch as error:
        raise MediaError(f"{name} {error}; save it anew as a plain JPEG or PNG.") from None
    except (struct.error, IndexError):
        return  # cut short: damage that the decoder tells


def check_opened(image: Image.Image, data: bytes, name: str) -> None:
    """Check a picture whose header Pillow has read, before its pixels are decoded.

    Raises:
        MediaError: it is too large for its kind, which cannot be decoded in parts.
    """
    pixels = image.width * image.height
    most = _MOST_WHOLE_PIXELS
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa", "F") or image.mode.startswith("I") or _has_clear(image):
        most = _MOST_DEEP_PIXELS
    streamed = image.format in STREAMED_FORMATS and image.mode in STREAMED_MODES
    if image.format in ("JPEG", "MPO") or (streamed and (image.format != "WEBP" or pixels <= most)):
        return
    if image.format == "JPEG2000":
        most = _MOST_DEEP_PIXELS
    elif image.format == "PPM" and _is_slow_ppm(image, data):
        most = _MOST_SLOW_PIXELS
    if pixels > most:
        raise MediaError(
            f"{name} is a {image.format} picture of {pixels / 1e6:.0f} megapixels, above the limit of "
            f"{most / 1e6:g} for its kind; save it as JPEG or PNG."
        )


def _has_clear(image: Image.Image) -> bool:
    return "transparency" in image.info


def _is_slow_ppm(image: Image.Image, data: bytes) -> bool:
    """Say whether numbers are written out, or have another range than a byte's."""
    kind = _SLOW_PPM.match(data[:3])
    plain = kind is not None and kind[1] in b"123"
    tiles = list(getattr(image, "tile", []))
    return plain or (bool(tiles) and tiles[0][0] != "raw")


def _check_jpeg(data: bytes) -> None:
    """Count segments, scans and coefficients up to the end of the first picture."""
    place, segments, scans, pixels, samples, progressive = 2, 0, 0, 0, 0.0, False
    while (found := _JPEG_MARKER.search(data, place)) and found[1] != b"\xd9":
        if not scans and found.start() - place > _MOST_SEGMENTS:
            raise TooMuch("is padded beyond measure")
        kind, place = found[1][0], found.end()
        length = struct.unpack_from(">H", data, place)[0]
        segments += 1
        if kind == 0xDA:
            scans += 1
        elif kind in (0xC0, 0xC1, 0xC2, 0xC9, 0xCA) and not pixels:
            height, width, count = struct.unpack_from(">HHB", data, place + 3)
            factors = [data[place + 9 + 3 * index] for index in range(count)]
            across, down = [max(1, f >> 4) for f in factors], [max(1, f & 15) for f in factors]
            pixels = width * height
            whole = max(across, default=1) * max(down, default=1)
            samples = pixels * sum(a * d for a, d in zip(across, down, strict=True)) / whole
            progressive = kind in (0xC2, 0xCA)
        place += length
        if segments > _MOST_SEGMENTS + _MOST_SCANS:
            raise TooMuch(f"has more than {_MOST_SEGMENTS:,} segments")
        if scans > _MOST_SCANS or (scans > _FEWEST_SCANS and scans * pixels > _MOST_SCANNED_PIXELS):
            raise TooMuch(f"has {scans} scans or more, as no program writes them")
    if (progressive or scans > 1) and 2 * samples > _MOST_COEFFICIENT_BYTES:
        raise TooMuch(f"is a progressive JPEG of {pixels / 1e6:.0f} megapixels, which must be held whole")


def _check_png(data: bytes) -> None:
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    channels = {2: 3, 4: 2, 6: 4}.get(colour, 1)
    size = width * height * channels * depth / 8
    if interlaced and size > _MOST_INTERLACED_BYTES:
        raise TooMuch("is a large interlaced PNG, which must be held whole")
    if size > _MOST_PNG_BYTES and width * height <= PHOTO_LIMITS.max_pixels:  # above, the pixels are the complaint
        raise TooMuch(f"holds {size / 1e6:.0f} MB of pixels")
    place = 8
    for _ in range(_MOST_CHUNKS):
        if place + 8 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, place)
        if kind == b"IEND":
            return
        place += 12 + length
    raise TooMuch(f"has more than {_MOST_CHUNKS:,} chunks")


def _check_gif(data: bytes) -> None:
    """Count the blocks before the first picture, the only one that is used."""
    place = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    blocks = 0
    while place < len(data) and data[place] != 0x2C:
        if data[place] == 0x3B:
            return
        place += 2 if data[place] == 0x21 else 1
        while place < len(data) and data[place] and blocks <= _MOST_BLOCKS:
            place += 1 + data[place]
            blocks += 1
        place += 1
        blocks += 1
        if blocks > _MOST_BLOCKS:
            raise TooMuch(f"has more than {_MOST_BLOCKS:,} blocks before its picture")


def _check_webp(data: bytes) -> None:
    place, frames = 12, 0
    for _ in range(_MOST_CHUNKS):
        if place + 8 > len(data):
            return
        kind, length = struct.unpack_from("<4sI", data, place)
        frames += kind == b"ANMF"
        if frames > _MOST_FRAMES:
            raise TooMuch(f"has more than {_MOST_FRAMES:,} frames")
        place += 8 + length + length % 2
    raise TooMuch(f"has more than {_MOST_CHUNKS:,} chunks")


def _check_bmp(data: bytes) -> None:
    size = struct.unpack_from("<I", data, 14)[0]
    if size < 40:
        return
    width, height, _, _, compression = struct.unpack_from("<iiHHI", data, 18)
    if compression in (1, 2) and abs(width * height) > _MOST_SLOW_PIXELS:
        raise TooMuch("is a large compressed BMP")
