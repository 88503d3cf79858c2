"""Bounds on TIFF files (TIFF 6.0 and BigTIFF): directories, values, strips and tiles, before libtiff opens them."""

from __future__ import annotations

import struct

from fomm.media.limits import PHOTO_LIMITS
from fomm.media.photo.too_much import TooMuch

_MOST_DIRECTORIES = 1000
_MOST_ENTRIES = 1000
_MOST_NUMBERS = 4_000_000  # in all tags: each becomes a Python object
_MOST_PIECE_BYTES = 256_000_000  # one strip or tile, which is decoded whole
_MOST_WHOLE_BYTES = 200_000_000  # decoded, of kinds that cannot be read in parts
_MOST_BYTES = 800_000_000  # decoded: some seconds
_MOST_SAMPLES = 8
_MOST_BITS = 32
_MOST_SCANS = 100
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_BYTES = (1, 2, 6, 7)
# None, CCITT, LZW, both JPEGs, Deflate twice, PackBits, Zstandard, WebP.
_COMPRESSIONS = (1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 50000, 50001)
_JPEGS = (6, 7)
_PLAIN_COLOURS = (0, 1, 2, 3)  # grey, RGB and palette: read in parts


def check_directories(data: bytes) -> None:
    """Check a TIFF's first directory, and that there is no endless chain of others.

    Raises:
        TooMuch: as the clause says.
        struct.error: it is cut short.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    place = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)[0]
    _check_picture(_entries(data, place, order, big), data)
    for _ in range(_MOST_DIRECTORIES):
        count = struct.unpack_from(order + ("Q" if big else "H"), data, place)[0]
        place += (8 + 20 * count) if big else (2 + 12 * count)
        place = struct.unpack_from(order + ("Q" if big else "I"), data, place)[0]
        if not place:
            return
    raise TooMuch(f"has more than {_MOST_DIRECTORIES:,} pages")


def _entries(data: bytes, place: int, order: str, big: bool) -> dict[int, tuple[int, list[int]]]:
    """Return count and first values of the tags, by number; only whole numbers are read."""
    count = struct.unpack_from(order + ("Q" if big else "H"), data, place)[0]
    if count > _MOST_ENTRIES:
        raise TooMuch(f"has {count:,} tags")
    place += 8 if big else 2
    held, numbers = {}, 0
    total = 0
    for at in range(place, place + count * (20 if big else 12), 20 if big else 12):
        tag, kind, length = struct.unpack_from(order + ("HHQ" if big else "HHI"), data, at)
        size = _SIZES.get(kind, 1) * length
        total += size
        numbers += 0 if kind in _BYTES else length
        if numbers > _MOST_NUMBERS or total > len(data) + 65536:
            raise TooMuch("has tags of more values than it holds")
        field = at + (12 if big else 8)
        start = (
            field if size <= (8 if big else 4) else struct.unpack_from(order + ("Q" if big else "I"), data, field)[0]
        )
        form = {1: "B", 3: "H", 4: "I", 16: "Q"}.get(kind)
        if form:
            some = min(length, 16)
            held[tag] = length, list(struct.unpack_from(f"{order}{some}{form}", data, start))
    return held


def _check_picture(held: dict[int, tuple[int, list[int]]], data: bytes) -> None:
    def value(tag: int, otherwise: int) -> int:
        return held[tag][1][0] if held.get(tag, (0, []))[1] else otherwise

    width, height, samples, compression = value(256, 0), value(257, 0), value(277, 1), value(259, 1)
    bits = max(held.get(258, (1, [1]))[1], default=1)
    if samples > _MOST_SAMPLES or bits > _MOST_BITS:
        raise TooMuch(f"has {samples} samples of {bits} bits a pixel")
    if compression not in _COMPRESSIONS:
        raise TooMuch(f"is a TIFF of the unusual compression {compression}")
    pixel = samples * bits / 8
    across, down = (value(322, width), value(323, height)) if 322 in held else (width, min(value(278, height), height))
    if across * down * pixel > _MOST_PIECE_BYTES and compression != 1:
        raise TooMuch("is a TIFF of one enormous strip or tile")
    if width * height * pixel > _MOST_BYTES and width * height <= PHOTO_LIMITS.max_pixels:  # above, pixels are too many
        raise TooMuch(f"holds {width * height * pixel / 1e6:.0f} MB of pixels")
    in_parts = samples <= 4 and bits in (1, 8, 16) and value(262, 1) in _PLAIN_COLOURS
    if (
        not in_parts
        and width * height <= PHOTO_LIMITS.max_pixels
        and width * height * max(4.0, pixel) > _MOST_WHOLE_BYTES
    ):
        raise TooMuch("is a large TIFF of an unusual kind")
    pieces = max(held.get(273, (0, []))[0], held.get(324, (0, []))[0])
    if pieces > _MOST_NUMBERS // 2:
        raise TooMuch(f"has {pieces:,} strips or tiles")
    if compression in _JPEGS and data.count(b"\xff\xda") > _MOST_SCANS + 2 * pieces:
        raise TooMuch("has more JPEG scans than pictures need")
