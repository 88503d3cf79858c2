"""HEIC photos, as phones make them, are read like any other: upright, in sRGB, and damage is told in a sentence."""

import struct

import numpy as np
import pytest
from picture_samples import HEIC, PRIMARIES, irot, nclx, reference, with_property
from PIL import Image

from fomm.config.refine import Fit
from fomm.errors import MediaError
from fomm.media.limits import MediaLimits
from fomm.media.photo.image import decode_bands, decode_image, decode_photo, read_image


@pytest.fixture(scope="module")
def portrait():
    with Image.open(HEIC.parents[2] / "demo" / "portrait.jpg") as image:
        return np.asarray(image.convert("RGB").resize((160, 160)).crop((0, 10, 160, 130)))


@pytest.mark.parametrize("name", ["plain", "ten-bit"])
def test_a_heic_photo_shows_what_was_encoded(name, portrait):
    picture = read_image(HEIC / f"{name}.heic")
    assert picture.shape == (120, 160, 3)
    assert picture.dtype == np.uint8
    assert np.abs(picture.astype(int) - portrait).mean() < 4


def test_a_turned_photo_is_turned_once(portrait):
    # The picture lies on its side; both the box and the EXIF block say by how much.
    data = with_property((HEIC / "turned.heic").read_bytes(), irot(3))
    picture = decode_photo(data, "photo")
    assert (picture.width, picture.height) == (160, 120)
    assert np.abs(picture.pixels.astype(int) - portrait).mean() < 4


@pytest.mark.parametrize("name", ["plain", "ten-bit"])
@pytest.mark.parametrize("primaries", [9, 12])
def test_colours_named_by_code_points_become_srgb(name, primaries):
    data = (HEIC / f"{name}.heic").read_bytes()
    plain, named = (decode_image(with_property(data, nclx(code, 13)), "photo") for code in (1, primaries))
    error = np.abs(named.astype(int) - reference(plain, PRIMARIES[primaries]))
    assert error.max() <= 2
    assert np.abs(named.astype(int) - plain).max() > 8


def test_a_heic_photo_is_reduced_and_cut_into_bands():
    data = with_property((HEIC / "turned.heic").read_bytes(), irot(3))
    whole = decode_image(data, "photo")
    assert np.array_equal(np.concatenate(list(decode_bands(data, "photo"))), whole)
    small = decode_photo(data, "photo", fit=Fit(40))
    assert small.pixels.shape == (30, 40, 3)
    assert (small.width, small.height) == (160, 120)
    expected = np.asarray(Image.fromarray(whole).resize((40, 30), Image.Resampling.LANCZOS))
    assert np.abs(small.pixels.astype(int) - expected).mean() < 2


def test_a_heic_photo_is_measured_before_it_is_decoded(monkeypatch):
    data = bytearray((HEIC / "plain.heic").read_bytes())
    struct.pack_into(">II", data, data.index(b"ispe") + 8, 30_000, 30_000)
    with pytest.raises(MediaError, match=r"photo claims 30000x30000 px, above the limit"):
        decode_image(bytes(data), "photo")
    with pytest.raises(MediaError, match="limit of 100 px"):
        decode_image((HEIC / "plain.heic").read_bytes(), "photo", MediaLimits(max_side=100))


@pytest.mark.parametrize("kept", [40, 200, 400, 3000])
def test_a_damaged_heic_photo_is_told_in_a_sentence(kept):
    data = (HEIC / "plain.heic").read_bytes()[:kept]
    with pytest.raises(MediaError, match=r"^photo is damaged \(.*\.$") as caught:
        decode_image(data, "photo")
    assert "\n" not in str(caught.value)
