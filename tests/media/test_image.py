"""Photos of every mode and orientation come out upright RGB, and broken ones say what to do."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from fomm.errors import MediaError
from fomm.media.limits import MediaLimits
from fomm.media.photo.image import decode_image, read_image


def encode(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def corners(width=24, height=16):
    """A picture whose top-left corner is red, top-right green and bottom-left blue."""
    pixels = np.full((height, width, 3), 90, np.uint8)
    pixels[: height // 2, : width // 2] = (220, 30, 30)
    pixels[: height // 2, width // 2 :] = (30, 200, 40)
    pixels[height // 2 :, : width // 2] = (40, 40, 210)
    return Image.fromarray(pixels)


# How a camera stores an upright picture under each EXIF orientation: the inverse of what a viewer must do.
STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("orientation", STORED)
def test_exif_orientation_is_applied(orientation):
    upright = np.asarray(corners())
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](upright)))
    assert np.array_equal(decode_image(encode(stored, exif=exif), "photo"), upright)


@pytest.mark.parametrize(("mode", "tolerance"), [("RGB", 0), ("L", 1), ("P", 0), ("1", 0), ("CMYK", 1), ("YCbCr", 3)])
def test_every_mode_becomes_rgb(mode, tolerance):
    original = corners().convert("L").convert("RGB") if mode == "L" else corners()
    if mode == "1":
        original = Image.new("RGB", (24, 16), "white")
    image = original.quantize(4) if mode == "P" else original.convert(mode)
    kind = {"CMYK": "TIFF", "YCbCr": "JPEG"}.get(mode, "PNG")
    data = encode(image, kind, quality=100, subsampling=0) if kind == "JPEG" else encode(image, kind)
    decoded = decode_image(data, "photo")
    assert decoded.shape == (16, 24, 3)
    assert decoded.dtype == np.uint8
    assert np.abs(decoded.astype(int) - np.asarray(original)).max() <= tolerance


def test_sixteen_bit_grey_is_scaled_not_clipped():
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(4, axis=0)
    decoded = decode_image(encode(Image.fromarray(ramp)), "photo")
    assert np.array_equal(decoded[0, :, 0], np.arange(256))


@pytest.mark.parametrize(("mode", "kind"), [("RGBA", "PNG"), ("LA", "PNG"), ("RGBA", "WEBP"), ("P", "GIF")])
def test_transparency_is_composited_over_white(mode, kind):
    half = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    half.paste((0, 0, 0, 255), (0, 0, 4, 8))
    options = {"lossless": True} if kind == "WEBP" else {}
    decoded = decode_image(encode(half if mode == "P" else half.convert(mode), kind, **options), "photo")
    assert decoded[0, 0].tolist() == [0, 0, 0]
    assert decoded[0, 7].tolist() == [255, 255, 255]


@pytest.mark.parametrize("space", ["sRGB", "LAB"])
def test_a_profile_of_srgb_or_of_the_wrong_kind_changes_nothing(space):
    image = Image.new("RGB", (8, 8), (128, 100, 90))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes()
    assert decode_image(encode(image, icc_profile=profile), "photo")[0, 0].tolist() == [128, 100, 90]


def test_a_gif_gives_its_first_frame(tmp_path):
    first, second = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second])
    assert read_image(tmp_path / "a.gif")[0, 0].tolist() == [255, 0, 0]


def forged_png(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(64)))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"hello, I am text\n" * 20, "is a text file"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 64, "damaged"),
        (b"\0\0\0\x18ftypisom" + b"\0" * 64, "video"),
        (bytes(range(7, 256)), "not a picture"),
        (forged_png(100_000, 8), "claims 100000x8"),
        (forged_png(16_000, 16_000), "claims"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "text"),
        (encode(corners(200, 200), "JPEG")[:900], "damaged"),
        (encode(corners(200, 200), "PNG")[:60], "damaged"),
    ],
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_unusable_bytes_are_refused_in_one_sentence(data, words):
    with pytest.raises(MediaError, match=r"^holiday\.jpg .*[.;]") as caught:
        decode_image(data, "holiday.jpg")
    message = str(caught.value)
    assert words in message
    assert message.endswith(".")
    assert "\n" not in message


@pytest.mark.parametrize(("make", "words"), [(lambda p: p, "does not exist"), (lambda p: p.parent, "is a folder")])
def test_missing_files_and_folders_are_named(tmp_path, make, words):
    with pytest.raises(MediaError, match=words):
        read_image(make(tmp_path / "nobody.png"))


def test_limits_come_from_the_caller():
    with pytest.raises(MediaError, match="limit of 20 px"):
        decode_image(encode(corners()), "photo", MediaLimits(max_side=20))
    with pytest.raises(MediaError, match="larger than"):
        decode_image(bytes(2000), "photo", MediaLimits(max_image_bytes=1024))


def test_a_file_and_its_bytes_decode_alike(tmp_path, make_photo):
    path = make_photo(tmp_path / "-odd: 100%.png", size=(20, 14))
    assert np.array_equal(read_image(path), decode_image(path.read_bytes(), "photo"))
