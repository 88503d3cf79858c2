"""What a picture file says about its colours, as an ICC profile, whichever way it says it.

An embedded ICC profile is taken as it is. AVIF, HEIC and PNG may name colours by code points instead (ITU-T H.273, in
an `nclx` box or a `cICP` chunk), and PNG by a gamma and the chromaticities of its primaries; for these a matrix profile
(ICC.1:2022, 8.3) is built. Files are walked within bounds, and a walk that leads nowhere says nothing about colours.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Chromaticities = tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]
"""CIE 1931 x and y of red, green, blue and white."""

_D65, _DCI = (0.3127, 0.3290), (0.314, 0.351)
_BT709: Chromaticities = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65)
_BT601: Chromaticities = ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65)
# H.273, table 2. Code points that are left out are taken as BT.709, as sRGB has it.
_PRIMARIES: dict[int, Chromaticities] = {
    1: _BT709,
    5: ((0.640, 0.330), (0.290, 0.600), (0.150, 0.060), _D65),
    6: _BT601,
    7: _BT601,
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _DCI),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), _D65),
}
_SRGB_PRIMARIES = (0, 1, 2, 3)
_SRGB, _LINEAR, _PQ, _HLG = 13, 8, 16, 18
_CAMERA = (1, 6, 14, 15)  # the curve of BT.709, BT.601 and BT.2020
_GAMMA = {4: 2.2, 5: 2.8, 17: 2.6}
_WHITE_NITS = 203.0  # diffuse white of PQ and HLG pictures, ITU-R BT.2408

_STEPS = 4096
_D50 = (0.9642, 1.0, 0.8249)
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_MOST_BOXES = 10_000
_NEAR = 0.002  # of a gamma or a chromaticity that means that of sRGB


def profile_of(image: Image.Image, data: bytes) -> bytes | None:
    """Return the ICC profile of a picture that Pillow opened; None where its colours are those of sRGB.

    Args:
        image: the picture, its header read.
        data: the whole file.
    """
    embedded = image.info.get("icc_profile") or None
    if image.format == "PNG":
        coded = _png_code_points(data)
        if coded:
            return named_profile(*coded)
        if embedded or "srgb" in image.info:
            return embedded
        return _png_profile(image.info.get("gamma"), image.info.get("chromaticity"))
    if image.format == "AVIF" and not embedded:
        coded = _avif_code_points(data)
        return named_profile(*coded) if coded else None
    return embedded


@functools.lru_cache(maxsize=16)
def named_profile(primaries: int, transfer: int) -> bytes | None:
    """Return the profile of colours named by code points of H.273; None for sRGB and for what is not specified.

    A picture with the primaries of BT.709 and the curve of a BT.709 or BT.601 camera is taken as sRGB, which is how
    every player shows it. PQ and HLG are shown with diffuse white at 203 cd/m2; brighter highlights are cut off.
    """
    plain = primaries in _SRGB_PRIMARIES or primaries not in _PRIMARIES
    known = transfer in (_LINEAR, _PQ, _HLG, *_GAMMA) or (transfer in _CAMERA and not plain)
    if plain and not known:
        return None
    return matrix_profile(_PRIMARIES.get(primaries, _BT709), _curve(transfer))


def matrix_profile(chromaticities: Chromaticities, curve: NDArray[np.float64]) -> bytes:
    """Return an ICC profile of three primaries and one tone curve.

    Args:
        chromaticities: of red, green, blue and white, none of them with y = 0.
        curve: linear light in [0, 1] of evenly spaced values from 0 to 1, `[N]`.
    """
    points = np.array([(x / y, 1.0, (1 - x - y) / y) for x, y in chromaticities])  # [4, 3] XYZ at Y = 1
    red_green_blue, white = points[:3].T, points[3]
    colorants = red_green_blue * np.linalg.solve(red_green_blue, white)  # [3, 3], columns
    gains = (_BRADFORD @ np.array(_D50)) / (_BRADFORD @ white)
    colorants = np.linalg.inv(_BRADFORD) @ np.diag(gains) @ _BRADFORD @ colorants
    words = np.round(np.clip(curve, 0, 1) * 65535).astype(">u2").tobytes()
    tone = b"curv" + struct.pack(">II", 0, len(curve)) + words
    tags = {b"wtpt": _xyz(_D50), b"cprt": b"text\0\0\0\0CC0\0"}
    tags |= {name + b"XYZ": _xyz(colorants[:, i]) for i, name in enumerate((b"r", b"g", b"b"))}
    place = 128 + 4 + 12 * (len(tags) + 3)
    table, content = [], b""
    for name, value in [*tags.items(), (b"rTRC", tone)]:
        table.append(struct.pack(">4sII", name, place + len(content), len(value)))
        content += value + bytes(-len(value) % 4)
    shared = table[-1][4:]
    table += [b"gTRC" + shared, b"bTRC" + shared]
    header = struct.pack(">I4sI4s4s4s", place + len(content), bytes(4), 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + _xyz(_D50)[8:]
    return header.ljust(128, b"\0") + struct.pack(">I", len(table)) + b"".join(table) + content


def _xyz(values: NDArray[np.float64] | tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(float(value) * 65536) for value in values))


def _curve(transfer: int) -> NDArray[np.float64]:
    """Return linear light of evenly spaced signals, `[N]`, 1 being diffuse white."""
    signal = np.linspace(0.0, 1.0, _STEPS)
    if transfer in _GAMMA:
        return signal ** _GAMMA[transfer]
    if transfer == _LINEAR:
        return signal
    if transfer == _PQ:  # SMPTE ST 2084
        root = signal ** (1 / 78.84375)
        nits = 10_000 * (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)
        return nits / _WHITE_NITS
    if transfer == _HLG:  # ITU-R BT.2100, with the system gamma of a 1000 cd/m2 display
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
        return 1000 * scene**1.2 / _WHITE_NITS
    if transfer in _CAMERA:
        return np.where(signal < 0.081, signal / 4.5, ((signal + 0.099) / 1.099) ** (1 / 0.45))
    return np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)


def _png_profile(gamma: object, chromaticity: object) -> bytes | None:
    """Return the profile of a PNG's gAMA and cHRM chunks; None where they name those of sRGB, or nothing."""
    primaries = _BT709
    if isinstance(chromaticity, tuple) and len(chromaticity) == 8:
        x = [float(value) for value in chromaticity]
        if min(x) > 0.001 and max(x) <= 1:
            primaries = ((x[2], x[3]), (x[4], x[5]), (x[6], x[7]), (x[0], x[1]))
    curve = _curve(_SRGB)
    plain = np.abs(np.subtract(primaries, _BT709)).max() < _NEAR
    if isinstance(gamma, float) and 0.05 < gamma < 5 and abs(gamma - 1 / 2.2) > _NEAR:
        plain, curve = False, np.linspace(0.0, 1.0, _STEPS) ** (1 / gamma)
    try:
        return None if plain else matrix_profile(primaries, curve)
    except (np.linalg.LinAlgError, struct.error, ValueError):
        return None  # primaries on one line span no colours


def _png_code_points(data: bytes) -> tuple[int, int] | None:
    """Return primaries and transfer of a PNG's cICP chunk, which stands before its pixels."""
    place = 8
    for _ in range(_MOST_BOXES):
        if place + 12 > len(data):
            return None
        length, kind = struct.unpack_from(">I4s", data, place)
        if kind == b"cICP" and length == 4:
            return data[place + 8], data[place + 9]
        if kind == b"IDAT":
            return None
        place += 12 + length
    return None


def _avif_code_points(data: bytes) -> tuple[int, int] | None:
    """Return primaries and transfer of the `nclx` box that belongs to an AVIF's primary picture."""
    view = memoryview(data)
    meta = next((body for kind, body in _boxes(view) if kind == b"meta"), None)
    if meta is None:
        return None
    parts = dict(_boxes(meta[4:]))
    properties = dict(_boxes(parts.get(b"iprp", view[:0])))
    named = [body if kind == b"colr" else None for kind, body in _boxes(properties.get(b"ipco", view[:0]))]
    try:
        held = _properties_of_primary(parts[b"pitm"], properties[b"ipma"])
    except (KeyError, struct.error, IndexError):
        return None
    for index in held:
        body = named[index - 1] if 0 < index <= len(named) else None
        if body is not None and bytes(body[:4]) == b"nclx" and len(body) >= 8:
            primaries, transfer = struct.unpack_from(">HH", body, 4)
            return primaries, transfer
    return None


def _boxes(view: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield kind and content of the boxes of an ISO base media file, as far as they are whole."""
    place = 0
    for _ in range(_MOST_BOXES):
        if place + 8 > len(view):
            return
        size, kind = struct.unpack_from(">I4s", view, place)
        start = place + 8
        if size == 1 and start + 8 <= len(view):
            size, start = struct.unpack_from(">Q", view, start)[0], start + 8
        end = len(view) if size == 0 else place + size
        if end < start or end > len(view):
            return
        yield kind, view[start:end]
        place = end


def _properties_of_primary(pitm: memoryview, ipma: memoryview) -> list[int]:
    """Return the numbers of the primary picture's properties, from 1, out of the bodies of `pitm` and `ipma`."""
    primary = struct.unpack_from(">I" if pitm[0] else ">H", pitm, 4)[0]
    identity = ">I" if ipma[0] else ">H"
    wide = ipma[3] & 1
    count, place = struct.unpack_from(">I", ipma, 4)[0], 8
    for _ in range(min(count, _MOST_BOXES)):
        item = struct.unpack_from(identity, ipma, place)[0]
        place += struct.calcsize(identity)
        held, place = ipma[place], place + 1
        step = 2 if wide else 1
        if item == primary:
            numbers = [int.from_bytes(ipma[place + step * i : place + step * (i + 1)], "big") for i in range(held)]
            return [number & (0x7FFF if wide else 0x7F) for number in numbers]
        place += step * held
    return []
