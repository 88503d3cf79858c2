"""Photos that are small as a file and enormous to decode, made by code: what a hostile user would send."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

SIDE = 14_000


def _saved(form: str, size: tuple[int, int] = (600, 400), mode: str = "RGB", **options: object) -> bytes:
    pixels = np.random.default_rng(1).integers(0, 255, (*size[::-1], 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, form, **options)
    return buffer.getvalue()


def jpeg_scans(count: int = 10_000) -> bytes:
    """A progressive JPEG whose last scan stands there again and again."""
    whole = _saved("JPEG", (1200, 1200), progressive=True, quality=30)
    last = whole.rindex(b"\xff\xda")
    head = last + 2 + struct.unpack_from(">H", whole, last + 2)[0]
    return whole[:-2] + (whole[last:head] + b"\x00\x00") * count + b"\xff\xd9"


def jpeg_hidden_scans() -> bytes:
    """The same, behind restart markers, padding and a thumbnail's end."""
    whole = jpeg_scans(3000)
    first = whole.index(b"\xff\xda")
    thumb = b"\xff\xe1" + struct.pack(">H", 8) + b"\xff\xd9\xff\xd8\x00\x00"
    padded = whole[first:].replace(b"\xff\xda", b"\xff\xd0\xff\xff\xff\xda")
    return whole[:first] + thumb + padded


def jpeg_coefficients() -> bytes:
    """The header of a progressive JPEG of 196 megapixels, and one short scan."""
    small = _saved("JPEG", (64, 64), progressive=True, subsampling=0)
    frame = small.index(b"\xff\xc2")
    return small[: frame + 5] + struct.pack(">HH", SIDE, SIDE) + small[frame + 9 :]


def jpeg_segments() -> bytes:
    small = _saved("JPEG")
    return small[:2] + b"\xff\xfe\x00\x02" * 250_000 + small[2:]


def jpeg_padding() -> bytes:
    small = _saved("JPEG")
    return small[:2] + b"\xff" * 1_000_000 + small[2:]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(width: int, height: int, depth: int, colour: int, *chunks: bytes, interlaced: int = 0) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + b"".join(chunks) + _chunk(b"IEND", b"")


def png_chunks() -> bytes:
    return _png(8, 8, 8, 2, _chunk(b"teXt", b"") * 300_000, _chunk(b"IDAT", zlib.compress(bytes(200))))


def png_interlaced() -> bytes:
    return _png(SIDE, SIDE, 16, 6, _chunk(b"IDAT", zlib.compress(bytes(10_000_000), 9)), interlaced=1)


def png_texts(kind: bytes) -> bytes:
    """Compressed texts or profiles of 100 MB each."""
    packed = zlib.compress(bytes(100_000_000), 9)
    body = {b"zTXt": b"a\0\0", b"iTXt": b"a\0\1\0\0\0", b"iCCP": b"a\0\0"}[kind] + packed
    return _png(8, 8, 8, 2, _chunk(kind, body) * 6, _chunk(b"IDAT", zlib.compress(bytes(200))))


def tiff(*tags: tuple[int, int, int, bytes], body: bytes = b"", order: str = "<") -> bytes:
    """A TIFF of one directory: number, kind, count and value of each tag, 4 bytes or a place; `body` begins at 8."""
    place = 8 + len(body)
    entries = b"".join(struct.pack(order + "HHI", *tag[:3]) + tag[3] for tag in sorted(tags))
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", place)
    return head + body + struct.pack(order + "H", len(tags)) + entries + bytes(4)


def _long(number: int) -> bytes:
    return struct.pack("<I", number)


def _picture_tags(side: int, samples: int, bits: int, compression: int, photometric: int, length: int) -> list:
    pairs = {256: side, 257: side, 258: bits, 259: compression, 262: photometric, 273: 8, 277: samples, 278: side}
    return [(tag, 4, 1, _long(value)) for tag, value in {**pairs, 279: length}.items()]


def tiff_strip(samples: int = 3, photometric: int = 2) -> bytes:
    """One deflated strip of 196 megapixels."""
    packed = zlib.compressobj(9)
    body = b"".join(packed.compress(bytes(SIDE * samples)) for _ in range(SIDE)) + packed.flush()
    return tiff(*_picture_tags(SIDE, samples, 8, 8, photometric, len(body)), body=body)


def tiff_shared_values(kind: int = 3) -> bytes:
    """900 tags that all have the same 300 kB for their value."""
    body = bytes(300_000)
    count = len(body) // (2 if kind == 3 else 1)
    more = [(40_000 + number, kind, count, _long(8)) for number in range(900)]
    return tiff(*_picture_tags(8, 1, 8, 1, 1, 64), *more, body=body)


def tiff_endless() -> bytes:
    """A chain of directories that leads back to its first."""
    whole = tiff(*_picture_tags(8, 1, 8, 1, 1, 64), body=bytes(64))
    return whole[:-4] + whole[4:8]


def tiff_samples() -> bytes:
    return tiff(*_picture_tags(2000, 60_000, 8, 8, 1, 64), body=bytes(64))


def gif_blocks() -> bytes:
    small = _saved("GIF", mode="P")
    start = 13 + 3 * 2 ** ((small[10] & 7) + 1)
    return small[:start] + b"\x21\xfe" + b"\x01a" * 500_000 + b"\0" + small[start:]


def gif_canvas() -> bytes:
    small = bytearray(_saved("GIF", (8, 8), mode="P"))
    small[6:10] = struct.pack("<HH", 14_000, 14_000)
    return bytes(small)


def webp_frames() -> bytes:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:])
    whole = buffer.getvalue()
    start = whole.index(b"ANMF")
    end = start + 8 + struct.unpack_from("<I", whole, start + 4)[0]
    body = whole[:end] + whole[start:end] * 40_000 + whole[end:]
    return body[:4] + struct.pack("<I", len(body) - 8) + body[8:]


def webp_of_one_colour() -> bytes:
    """196 megapixels in 38 bytes, lossless, as libwebp writes them."""
    return bytes.fromhex("524946461e000000574542505650384c110000002faff6ab0d0750ad6a55abff8188e87f0000")


def png_deep() -> bytes:
    """Transparent, of 16 bits a channel, 196 megapixels of eight bytes each."""
    return _png(SIDE, SIDE, 16, 6, _chunk(b"IDAT", zlib.compress(bytes(10_000_000), 9)))


def bmp_run_lengths() -> bytes:
    """Ends of lines, each of which is padded byte by byte."""
    rows = b"\0\0" * 7000 + b"\0\1"
    head = struct.pack("<IiiHHIIiiII", 40, 7000, 7000, 1, 8, 1, len(rows), 0, 0, 256, 0)
    return struct.pack("<2sIHHI", b"BM", 54 + 1024 + len(rows), 0, 0, 54 + 1024) + head + bytes(1024) + rows


def ppm(kind: bytes, most: int) -> bytes:
    return kind + b" 6000 6000 %d\n" % most + b"1 " * 500_000


def jpeg2000(change: str) -> bytes:
    """A codestream whose header claims what it does not have."""
    whole = bytearray(_saved("JPEG2000", no_jp2=True))
    size, coding = whole.index(b"\xff\x51"), whole.index(b"\xff\x52")
    if change == "tiles":
        whole[size + 22 : size + 30] = struct.pack(">II", 2, 2)
    elif change == "one tile":
        for place in (size + 6, size + 22):
            whole[place : place + 8] = struct.pack(">II", 7000, 7000)
    elif change == "layers":
        whole[size + 22 : size + 30] = struct.pack(">II", 20, 20)
        whole[coding + 6 : coding + 8] = struct.pack(">H", 65_535)
    elif change == "code blocks":
        whole[coding + 10 : coding + 12] = b"\0\0"
    return bytes(whole)


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def iso(brand: bytes, kinds: dict[int, bytes], parts: dict[int, list[int]]) -> bytes:
    """A HEIC or AVIF file of these items, and what they are put together from."""
    infe = b"".join(
        _box(b"infe", b"\2\0\0\0" + struct.pack(">HH4s", item, 0, kind) + b"\0") for item, kind in kinds.items()
    )
    dimg = b"".join(
        _box(b"dimg", struct.pack(f">HH{len(items)}H", item, len(items), *items)) for item, items in parts.items()
    )
    meta = bytes(4) + _box(b"iinf", bytes(4) + struct.pack(">H", len(kinds)) + infe) + _box(b"iref", bytes(4) + dimg)
    return _box(b"ftyp", brand + bytes(4) + brand) + _box(b"meta", meta)


def iso_cases(brand: bytes, coded: bytes) -> dict[str, bytes]:
    many = dict.fromkeys(range(1, 5000), coded)
    return {
        "items": iso(brand, many, {}),
        "parts": iso(brand, {1: b"grid", 2: coded}, {1: [2] * 60_000}),
        "overlay": iso(brand, {1: b"iovl", 2: coded}, {1: [2] * 10}),
        "grids": iso(brand, {1: b"grid", 2: b"grid", 3: coded}, {1: [2] * 4, 2: [3] * 4}),
        "boxes": _box(b"ftyp", brand + bytes(4) + brand) + _box(b"free", b"") * 100_000,
    }


BOMBS = {
    "jpeg scans": jpeg_scans,
    "jpeg hidden scans": jpeg_hidden_scans,
    "jpeg coefficients": jpeg_coefficients,
    "jpeg segments": jpeg_segments,
    "jpeg padding": jpeg_padding,
    "png chunks": png_chunks,
    "png interlaced": png_interlaced,
    "png deep": png_deep,
    "tiff strip": tiff_strip,
    "tiff inks": lambda: tiff_strip(4, 5),
    "tiff shared numbers": lambda: tiff_shared_values(3),
    "tiff shared bytes": lambda: tiff_shared_values(7),
    "tiff endless": tiff_endless,
    "tiff samples": tiff_samples,
    "gif blocks": gif_blocks,
    "gif canvas": gif_canvas,
    "webp frames": webp_frames,
    "webp of one colour": webp_of_one_colour,
    "bmp run lengths": bmp_run_lengths,
    "ppm plain": lambda: ppm(b"P3", 255),
    "ppm range": lambda: ppm(b"P6", 100),
    **{f"jpeg2000 {c}": lambda c=c: jpeg2000(c) for c in ("tiles", "one tile", "layers", "code blocks")},
    **{
        f"heic {n}": lambda n=n: iso_cases(b"heic", b"hvc1")[n] for n in ("items", "parts", "overlay", "grids", "boxes")
    },
    **{
        f"avif {n}": lambda n=n: iso_cases(b"avif", b"av01")[n] for n in ("items", "parts", "overlay", "grids", "boxes")
    },
}
"""Refused before a decoder sees them."""

HARMLESS = {f"png {kind}": lambda kind=kind: png_texts(kind.encode()) for kind in ("zTXt", "iTXt", "iCCP")}
"""Bounded by the decoder: read or refused, but never with much memory."""
