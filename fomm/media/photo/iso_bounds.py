"""Bounds on HEIC and AVIF files (ISO/IEC 23008-12): items and what they are put together from."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from fomm.media.photo.too_much import TooMuch

_MOST_BOXES = 20_000
_MOST_ITEMS = 2000
_MOST_PARTS = 4096  # of all grids together; a phone's largest photo has some 800


def check_boxes(data: bytes) -> None:
    """Check how many items a picture has, and that none is put together from others that are themselves.

    Raises:
        TooMuch: as the clause says.
        struct.error, IndexError: it is cut short.
    """
    seen = 0
    for kind, start, end in _boxes(data, 0, len(data)):
        if kind != b"meta":
            continue
        kinds: dict[int, bytes] = {}
        parts: dict[int, list[int]] = {}
        for inner, first, last in _boxes(data, start + 4, end):
            if inner == b"iinf":
                kinds |= _items(data, first, last)
            elif inner == b"iref":
                parts |= _parts(data, first, last)
        seen += sum(len(items) for items in parts.values())
        if seen > _MOST_PARTS:
            raise TooMuch(f"is put together from {seen:,} parts")
        if b"iovl" in kinds.values():
            raise TooMuch("is an overlay of other pictures")
        for item, items in parts.items():
            if kinds.get(item) == b"grid" and any(kinds.get(part) in (b"grid", b"iden") for part in items):
                raise TooMuch("is a grid of grids")


def _boxes(data: bytes, place: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and end of the content of each box, as far as they are whole."""
    for _ in range(_MOST_BOXES):
        if place + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, place)
        start = place + 8
        if size == 1 and start + 8 <= end:
            size, start = struct.unpack_from(">Q", data, start)[0], start + 8
        stop = end if size == 0 else place + size
        if stop < start or stop > end:
            return
        yield kind, start, stop
        place = stop
    raise TooMuch(f"has more than {_MOST_BOXES:,} boxes")


def _items(data: bytes, start: int, end: int) -> dict[int, bytes]:
    """Return each item's kind by its number."""
    found = {}
    for kind, first, _ in _boxes(data, start + (6 if data[start] == 0 else 8), end):
        if kind == b"infe" and data[first] >= 2:
            wide = data[first] > 2
            number = struct.unpack_from(">I" if wide else ">H", data, first + 4)[0]
            found[number] = bytes(data[first + (10 if wide else 8) : first + (14 if wide else 12)])
    if len(found) > _MOST_ITEMS:
        raise TooMuch(f"has {len(found):,} items")
    return found


def _parts(data: bytes, start: int, end: int) -> dict[int, list[int]]:
    """Return what items are put together from, by their numbers."""
    number = ">I" if data[start] else ">H"
    step = struct.calcsize(number)
    found: dict[int, list[int]] = {}
    for kind, first, _ in _boxes(data, start + 4, end):
        if kind == b"dimg":
            count = struct.unpack_from(">H", data, first + step)[0]
            places = range(first + step + 2, first + step + 2 + count * step, step)
            item = struct.unpack_from(number, data, first)[0]
            found[item] = found.get(item, []) + [struct.unpack_from(number, data, place)[0] for place in places]
    return found
