"""Whatever a photo's file says of its colours, and in whatever mode it holds them, they come out as sRGB."""

import contextlib
import struct

import numpy as np
import pytest
from picture_samples import PRIMARIES, camera_light, encode, p3_profile, patches, reference, with_chunk
from PIL import Image, ImageCms

from fomm.errors import MediaError
from fomm.media.photo.image import decode_image

LEVELS = 2


def off(data, expected):
    return np.abs(decode_image(data, "photo").astype(int) - expected).max()


@pytest.mark.parametrize(
    ("mode", "kind"), [("RGB", "PNG"), ("P", "PNG"), ("RGBA", "PNG"), ("RGB", "TIFF"), ("RGB", "WEBP")]
)
def test_an_embedded_p3_profile_is_used_in_every_mode(mode, kind):
    image = Image.fromarray(patches())
    image = image.quantize(64, dither=Image.Dither.NONE) if mode == "P" else image.convert(mode)
    data = encode(image, kind, icc_profile=p3_profile(), **({"lossless": True} if kind == "WEBP" else {}))
    expected = reference(np.asarray(image.convert("RGB")), PRIMARIES[12])
    assert off(data, expected) <= LEVELS
    assert np.abs(expected.astype(int) - patches()).max() > 10  # there is something to convert


def test_a_transparent_palette_with_a_profile_lies_over_white():
    image = Image.fromarray(patches()).quantize(64, dither=Image.Dither.NONE)
    seen = np.asarray(image)
    data = encode(image, icc_profile=p3_profile(), transparency=int(seen[0, 0]))
    expected = reference(np.asarray(image.convert("RGB")), PRIMARIES[12])
    expected[seen == seen[0, 0]] = 255
    assert off(data, expected) <= LEVELS


@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_a_profile_for_greys_is_used(mode):
    ramp = np.arange(256, dtype=np.uint8)[None].repeat(4, axis=0)
    # Gamma 1.8, as old Macintosh scans have; a grey profile holds nothing but the curve and the white.
    header = struct.pack(">I4sI4s4s4s", 224, bytes(4), 0x02400000, b"mntr", b"GRAY", b"XYZ ") + bytes(12) + b"acsp"
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    curve = b"curv" + struct.pack(">IIH", 0, 1, round(1.8 * 256)) + bytes(2)
    tags = struct.pack(">I4sII4sII", 2, b"wtpt", 156, 20, b"kTRC", 176, 14)
    header = header.ljust(68, b"\0") + white[8:]
    profile = header.ljust(128, b"\0") + tags + white + curve
    profile = struct.pack(">I", len(profile)) + profile[4:]
    deep = Image.fromarray(ramp.astype(np.uint16) * 257)
    image = deep if mode == "I;16" else Image.fromarray(ramp).convert(mode)
    light = (np.arange(256) / 255) ** 1.8
    signal = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    expected = np.round(signal * 255)[None, :, None]
    assert off(encode(image, icc_profile=profile), expected) <= LEVELS


@pytest.mark.parametrize("mode", ["CMYK", "LAB"])
def test_print_and_lab_colours_with_their_own_profile(mode):
    image, most = Image.fromarray(patches()), LEVELS
    if mode == "CMYK":  # no profile of a press is at hand: a wrong one must not spoil the picture
        data = encode(image.convert("CMYK"), "TIFF", icc_profile=p3_profile())
    else:
        lab = ImageCms.createProfile("LAB")
        converted = ImageCms.profileToProfile(image, ImageCms.createProfile("sRGB"), lab, outputMode="LAB")
        data = encode(converted, "TIFF", icc_profile=ImageCms.ImageCmsProfile(lab).tobytes())
        most = 6  # 8 bits of Lab hold dark colours no better
    assert off(data, patches()) <= most


@pytest.mark.parametrize("primaries", [9, 12])
@pytest.mark.parametrize("transfer", [13, 14])
def test_avif_colours_named_by_code_points(primaries, transfer):
    plain = encode(Image.fromarray(patches()), "AVIF", quality=100, subsampling="4:4:4")
    box = plain.index(b"colrnclx") + 8
    data = plain[:box] + struct.pack(">HH", primaries, transfer) + plain[box + 4 :]
    stored = decode_image(plain, "photo")  # what the lossy file holds, before any conversion
    expected = reference(stored, PRIMARIES[primaries], camera_light if transfer == 14 else reference.__defaults__[0])
    assert off(data, expected) <= LEVELS
    assert np.abs(expected.astype(int) - stored).max() > 10


@pytest.mark.parametrize("primaries", [9, 12])
def test_png_colours_named_by_code_points_win_over_all_others(primaries):
    data = encode(Image.fromarray(patches()), icc_profile=p3_profile())
    data = with_chunk(data, b"cICP", bytes((primaries, 13, 0, 1)))
    assert off(data, reference(patches(), PRIMARIES[primaries])) <= LEVELS


def test_png_colours_named_by_gamma_and_chromaticities():
    x = [value for pair in (PRIMARIES[12][3], *PRIMARIES[12][:3]) for value in pair]
    data = with_chunk(encode(Image.fromarray(patches())), b"cHRM", struct.pack(">8I", *(round(v * 1e5) for v in x)))
    data = with_chunk(data, b"gAMA", struct.pack(">I", 55556))
    assert off(data, reference(patches(), PRIMARIES[12], lambda signal: signal**1.8)) <= LEVELS


@pytest.mark.parametrize("chunk", [(b"gAMA", struct.pack(">I", 45455)), (b"sRGB", b"\0"), (b"cICP", b"\1\1\0\1")])
def test_a_png_that_says_srgb_in_its_own_way_is_left_alone(chunk):
    assert off(with_chunk(encode(Image.fromarray(patches())), *chunk), patches()) == 0


def test_light_at_diffuse_white_of_a_pq_picture_is_white():
    # ITU-R BT.2408: 203 cd/m2, a signal of 58 %.
    grey = Image.new("RGB", (8, 8), (round(0.5807 * 255),) * 3)
    data = with_chunk(encode(grey), b"cICP", bytes((9, 16, 0, 1)))
    assert decode_image(data, "photo").min() >= 252


@pytest.mark.parametrize("cut", range(0, 400, 23))
def test_boxes_that_lie_about_their_size_say_nothing(cut):
    data = bytearray(encode(Image.fromarray(patches()), "AVIF", quality=90))
    where = data.index(b"meta") - 4 + cut
    data[where : where + 4] = b"\xff\xff\xff\xff"
    with contextlib.suppress(MediaError):  # any other kind would be a crash
        assert decode_image(bytes(data), "photo").shape == (64, 96, 3)
