"""Pictures in files of many kinds, and what their colours are by a conversion of its own, for the tests of photos.

`pictures/*.heic` are the middle of demo/portrait.jpg at 160 x 120 px, made by heif-enc: as it is, from 16-bit PNG with
10 bits, and from a JPEG that was turned a quarter and says so in its EXIF block. Code points and turns are put into
them here, because heif-enc writes neither.
"""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import ImageCms

HEIC = Path(__file__).parent / "pictures"
D65, DCI = (0.3127, 0.3290), (0.314, 0.351)
PRIMARIES = {
    1: ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), D65),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), D65),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), D65),
}


def encode(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def patches():
    """Flat patches of 16 x 16 px, uint8 [64, 96, 3]: greys and colours of every strength."""
    colours = [(0, 0, 0), (255, 255, 255), (128, 128, 128), (30, 30, 30), (200, 120, 90), (90, 160, 70)]
    colours += [(60, 80, 190), (180, 60, 60), (70, 150, 150), (220, 200, 120), (120, 90, 140), (40, 60, 50)]
    colours += [(150, 140, 160), (90, 60, 40), (240, 180, 170), (100, 110, 120), (20, 40, 90), (170, 190, 80)]
    colours += [(210, 90, 140), (130, 200, 180), (64, 64, 64), (192, 192, 192), (250, 240, 200), (80, 30, 70)]
    grid = np.array(colours, np.uint8).reshape(4, 6, 3)
    return grid.repeat(16, axis=0).repeat(16, axis=1)


def srgb_light(signal):
    return np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)


def camera_light(signal):
    return np.where(signal < 0.0812, signal / 4.5, ((signal + 0.0993) / 1.0993) ** (1 / 0.45))


def to_xyz(primaries):
    """The matrix from linear RGB to XYZ, from four chromaticities."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T  # [3, 4]
    return columns[:, :3] * np.linalg.solve(columns[:, :3], columns[:, 3])


def reference(pixels, primaries, light=srgb_light):
    """Return 8-bit sRGB of pixels whose colours have other primaries with the white D65, or another curve."""
    linear = light(pixels / 255.0)
    linear = np.clip(linear @ (np.linalg.inv(to_xyz(PRIMARIES[1])) @ to_xyz(primaries)).T, 0, 1)
    signal = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(signal * 255).astype(np.uint8)


def p3_profile():
    """An ICC profile of Display P3, put together here from the profile that littleCMS makes for sRGB.

    The colorants are those of the P3 primaries, seen under D50.
    """
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    white = np.array([D65[0] / D65[1], 1, (1 - sum(D65)) / D65[1]])
    scale = (bradford @ [0.96422, 1, 0.82521]) / (bradford @ white)
    colorants = np.linalg.inv(bradford) @ np.diag(scale) @ bradford @ to_xyz(PRIMARIES[12])
    count = struct.unpack_from(">I", profile, 128)[0]
    for entry in range(count):
        name, offset, _ = struct.unpack_from(">4sII", profile, 132 + 12 * entry)
        if name in (b"rXYZ", b"gXYZ", b"bXYZ"):
            values = colorants[:, b"rgb".index(name[:1])]
            struct.pack_into(">3i", profile, offset + 8, *np.round(values * 65536).astype(int).tolist())
    return bytes(profile)


def with_chunk(png, kind, body):
    """Put a chunk into a PNG right after its header."""
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return png[:33] + chunk + png[33:]


def nclx(primaries, transfer):
    return struct.pack(">I4s4sHHHB", 19, b"colr", b"nclx", primaries, transfer, 6, 0x80)


def irot(quarters):
    """A turn by so many quarters, against the clock."""
    return struct.pack(">I4sB", 9, b"irot", quarters)


def with_property(heic, box):
    """Give the first picture of a HEIC file one more property."""
    data = bytearray(heic)
    grown = len(box) + 1
    iloc = data.index(b"iloc") + 4
    place = iloc + 8
    for _ in range(struct.unpack_from(">H", data, iloc + 6)[0]):
        extents = struct.unpack_from(">H", data, place + 8)[0]
        for extent in range(extents):
            where = place + 10 + 8 * extent
            struct.pack_into(">I", data, where, struct.unpack_from(">I", data, where)[0] + grown)
        place += 10 + 8 * extents
    for kind, by in ((b"meta", grown), (b"iprp", grown), (b"ipco", len(box)), (b"ipma", 1)):
        where = data.index(kind) - 4
        struct.pack_into(">I", data, where, struct.unpack_from(">I", data, where)[0] + by)
    ipma = data.index(b"ipma") + 4
    held = ipma + 8 + 2  # the first picture's entry: its number, then how many properties it has
    ipco = data.index(b"ipco") - 4
    end = ipco + struct.unpack_from(">I", data, ipco)[0] - len(box)
    number = 1
    walk = ipco + 8
    while walk < end:
        number, walk = number + 1, walk + struct.unpack_from(">I", data, walk)[0]
    data[held] += 1
    data.insert(held + data[held], 0x80 | number)
    data[end:end] = box
    return bytes(data)
