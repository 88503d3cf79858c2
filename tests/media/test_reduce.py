"""Large photos come reduced, look like themselves, and never lie in memory whole where their format can avoid it."""

import subprocess
import sys

import numpy as np
import pytest
from picture_samples import encode, p3_profile
from PIL import Image

from fomm.config.refine import Fit
from fomm.errors import MediaError
from fomm.media.photo import image as image_room
from fomm.media.photo import reduce
from fomm.media.photo.image import decode_bands, decode_image, decode_photo

ORIENTATION = 0x0112


def scene(width=600, height=400):
    """A picture with detail of every size and different corners, uint8 [H, W, 3]."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    waves = [np.sin(40 * x**2 + 9 * y), np.sin(25 * x * y), np.cos(30 * y**2 - 7 * x)]
    return np.round(127.5 + 110 * np.stack(waves, axis=-1)).astype(np.uint8)


def turned(orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


@pytest.mark.parametrize(
    ("fit", "size", "expected"),
    [
        (Fit(2160), (3024, 4032), (1620, 2160)),
        (Fit(2160), (1920, 1080), (1920, 1080)),
        (Fit(), (20000, 10000), (20000, 10000)),
        (Fit(2160, 512), (10000, 800), (6400, 512)),
        (Fit(2160, 512), (10000, 400), (10000, 400)),
        (Fit(16), (10000, 1), (16, 1)),
    ],
)
def test_sizes(fit, size, expected):
    assert fit.size(*size) == expected


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_reduced_photo_is_the_whole_one_made_smaller(monkeypatch, kind, orientation, streamed):
    monkeypatch.setattr(reduce, "_STREAMED_PIXELS", 0 if streamed else 10**9)
    options = {"PNG": {}, "TIFF": {}}.get(kind, {"quality": 95})
    data = encode(Image.fromarray(scene()), kind, exif=turned(orientation), icc_profile=p3_profile(), **options)
    whole, small = decode_image(data, "photo"), decode_photo(data, "photo", fit=Fit(150))
    assert (small.width, small.height) == (whole.shape[1], whole.shape[0])
    assert max(small.pixels.shape[:2]) == 150
    across, down = small.pixels.shape[1], small.pixels.shape[0]
    expected = np.asarray(Image.fromarray(whole).resize((across, down), Image.Resampling.LANCZOS))
    assert np.abs(small.pixels.astype(int) - expected).mean() < 1.5


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_streamed_modes_are_those_of_an_ordinary_decoding(monkeypatch, mode):
    image = Image.fromarray(scene())
    if mode == "I;16":
        image = Image.fromarray(scene()[..., 0].astype(np.uint16) * 257)
    elif mode in ("LA", "RGBA"):
        image = image.convert("RGBA")
        image.putalpha(Image.fromarray(np.roll(scene()[..., 1], 100, axis=1)))
        image = image.convert(mode)
    else:
        image = image.quantize(64) if mode == "P" else image.convert(mode)
    data = encode(image)
    found = []
    for least in (10**9, 0):
        monkeypatch.setattr(reduce, "_STREAMED_PIXELS", least)
        found.append(decode_photo(data, "photo", fit=Fit(150)).pixels.astype(int))
    assert np.abs(found[0] - found[1]).mean() < 1.5
    assert found[0].std() > 10


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_damage_in_a_streamed_photo_is_told_in_a_sentence(monkeypatch, kind):
    monkeypatch.setattr(reduce, "_STREAMED_PIXELS", 0)
    data = encode(Image.fromarray(scene()), kind)
    data = data[: len(data) // 2]
    with pytest.raises(MediaError, match=r"^photo is damaged \(.*\.$"):
        decode_photo(data, "photo", fit=Fit(150))


def test_the_streaming_library_loads_nothing_else(monkeypatch, tmp_path):
    monkeypatch.setattr(reduce, "_STREAMED_PIXELS", 0)
    decode_photo(encode(Image.fromarray(scene())), "photo", fit=Fit(150))
    import pyvips

    drawing = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>'
    for data in (drawing, encode(Image.fromarray(scene()), "JPEG"), encode(Image.fromarray(scene()), "GIF")):
        with pytest.raises(pyvips.Error):
            pyvips.Image.new_from_buffer(data, "").write_to_memory()
    with pytest.raises(pyvips.Error):
        pyvips.Image.svgload_buffer(drawing).write_to_memory()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("mode", "kind"), [("RGB", "JPEG"), ("RGBA", "PNG"), ("P", "PNG"), ("L", "TIFF")])
def test_bands_are_the_whole_photo(monkeypatch, mode, kind, orientation):
    monkeypatch.setattr(image_room, "_BAND_PIXELS", 170 * 13)
    image = Image.fromarray(scene(170, 110))
    if mode == "RGBA":
        image.putalpha(Image.fromarray(scene(170, 110)[..., 1]))
    image = image.quantize(64) if mode == "P" else image.convert(mode)
    data = encode(image, kind, exif=turned(orientation), **({} if mode == "L" else {"icc_profile": p3_profile()}))
    bands = list(decode_bands(data, "photo"))
    assert len(bands) > 5
    assert np.array_equal(np.concatenate(bands), decode_image(data, "photo"))


MEASURE = """
import resource, sys
from fomm.media.photo.image import decode_photo
from fomm.media.photo.reduce import Fit
import fomm.media.photo.reduce
data = open(sys.argv[1], "rb").read()
decode_photo(open(sys.argv[2], "rb").read(), "small", fit=Fit(2160))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
photo = decode_photo(data, "large", fit=Fit(2160))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024, *photo.pixels.shape)
"""


@pytest.mark.parametrize(("kind", "suffix"), [("JPEG", "jpg"), ("PNG", "png")])
def test_a_large_photo_takes_little_more_memory_than_a_small_one(tmp_path, kind, suffix):
    large, small = tmp_path / f"large.{suffix}", tmp_path / f"small.{suffix}"
    Image.new("RGB", (10_000, 8_000), (90, 120, 60)).save(large, kind)
    Image.new("RGB", (2_000, 1_000), (90, 120, 60)).save(small, kind)
    done = subprocess.run([sys.executable, "-c", MEASURE, large, small], capture_output=True, text=True, check=True)
    megabytes, *shape = map(int, done.stdout.split())
    assert shape == [1728, 2160, 3]
    assert megabytes < 200  # the pixels alone are 240 MB, and 320 as Pillow holds them
