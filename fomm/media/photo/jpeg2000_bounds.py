"""Bounds on JPEG 2000 codestreams (ISO/IEC 15444-1): components, tiles, resolutions and layers, before OpenJPEG."""

from __future__ import annotations

import struct

from fomm.media.photo.too_much import TooMuch

_MOST_COMPONENTS = 4
_MOST_TILE_PIXELS = 16_000_000  # a tile is decoded whole, four bytes a sample and more
_MOST_TILES = 4096
_MOST_PACKETS = 4_000_000
_MOST_BOXES = 1000
_MOST_MARKERS = 100_000
_LEAST_BLOCK_BITS = 8  # of a code block's area, as a power of two
_LEAST_PRECINCT_BITS = 4  # of a precinct's side, likewise
_SIZE, _CODING, _COMPONENT_CODING, _TILE_PART, _DATA, _END = 0xFF51, 0xFF52, 0xFF53, 0xFF90, 0xFF93, 0xFFD9


def check_codestream(data: bytes) -> None:
    """Check the main header of a codestream, alone or in a JP2 file.

    Raises:
        TooMuch: as the clause says.
        struct.error: it is cut short.
    """
    start = 0 if data.startswith(b"\xff\x4f") else _codestream(data)
    if start < 0:
        return
    place, components, tiles, part, behind = start + 2, 1, 1, 0, 0
    for _ in range(_MOST_MARKERS):
        marker, length = struct.unpack_from(">HH", data, place)
        if marker == _SIZE:
            components = struct.unpack_from(">H", data, place + 38)[0]
            tiles = _check_size(struct.unpack_from(">8I", data, place + 6), components)
        elif marker == _CODING:
            layers = struct.unpack_from(">H", data, place + 6)[0]
            _check_coding(data, place + 9, bool(data[place + 4] & 1), tiles * layers * max(components, 1))
        elif marker == _COMPONENT_CODING:
            _check_coding(data, place + 6, bool(data[place + 5] & 1), tiles)
        elif marker == _TILE_PART:
            part, behind = place, struct.unpack_from(">I", data, place + 6)[0]
        elif marker == _DATA:
            if behind < 14:
                return  # the last part, up to the end
            place = part + behind
            continue
        elif marker == _END or marker < 0xFF00:
            return
        place += 2 + length
    raise TooMuch(f"has more than {_MOST_MARKERS:,} markers")


def _check_coding(data: bytes, place: int, precincts: bool, packets: int) -> None:
    """Check a coding style: resolutions, the sizes of code blocks and of precincts."""
    resolutions = data[place] + 1
    if packets * resolutions > _MOST_PACKETS:
        raise TooMuch(f"has {packets * resolutions:,} packets")
    if data[place + 1] + data[place + 2] + 4 < _LEAST_BLOCK_BITS:
        raise TooMuch("has tiny code blocks")
    sizes = data[place + 5 : place + 5 + resolutions] if precincts else b""
    if any(min(size & 15, size >> 4) < _LEAST_PRECINCT_BITS for size in sizes):
        raise TooMuch("has tiny precincts")


def _check_size(size: tuple[int, ...], components: int) -> int:
    """Return how many tiles there are."""
    right, bottom, left, top, across, down, first_x, first_y = size
    if components > _MOST_COMPONENTS:
        raise TooMuch(f"has {components} colour components")
    if not across or not down or right <= left or bottom <= top:
        return 1
    tiles = -(-(right - first_x) // across) * -(-(bottom - first_y) // down)
    if tiles > _MOST_TILES:
        raise TooMuch(f"has {tiles:,} tiles")
    if min(across, right - left) * min(down, bottom - top) > _MOST_TILE_PIXELS:
        raise TooMuch("is a JPEG 2000 picture of one enormous tile")
    return max(1, tiles)


def _codestream(data: bytes) -> int:
    """Return where the codestream box's content begins, or -1."""
    place = 0
    for _ in range(_MOST_BOXES):
        size, kind = struct.unpack_from(">I4s", data, place)
        head = 8
        if size == 1:
            size, head = struct.unpack_from(">Q", data, place + 8)[0], 16
        if kind == b"jp2c":
            return place + head
        if size < head:
            return -1
        place += size
    raise TooMuch(f"has more than {_MOST_BOXES} boxes")
