from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from trust_samples import picture

from fomm.media.photo.image import decode_image
from fomm.trust.consent.photo import NEAR_BITS, PhotoPrint, hamming, perceptual_hash


def pixels_of(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def test_lossless_copy_is_the_same_photo_and_resaved_one_is_near(
    photo: bytes, resave: Callable[[bytes], bytes]
) -> None:
    def of(data: bytes) -> PhotoPrint:
        return PhotoPrint.of(data, decode_image(data, "photo"))

    buffer = io.BytesIO()
    Image.open(io.BytesIO(photo)).save(buffer, "TIFF")
    original, copy, resaved = of(photo), of(buffer.getvalue()), of(resave(photo))
    assert copy.bytes_sha256 != original.bytes_sha256
    assert copy.same(original)
    assert not resaved.same(original)
    assert resaved.near(original)


@pytest.mark.parametrize("gain", [0.8, 1.2])
def test_perceptual_hash_outlives_tone_changes(photo: bytes, gain: float) -> None:
    pixels = pixels_of(photo)
    brighter = np.clip(pixels * gain, 0, 255).astype(np.uint8)
    assert hamming(perceptual_hash(pixels), perceptual_hash(brighter)) <= NEAR_BITS


def test_other_pictures_are_far() -> None:
    hashes = [perceptual_hash(picture(seed)) for seed in range(12)]
    distances = [hamming(a, b) for i, a in enumerate(hashes) for b in hashes[:i]]
    assert min(distances) > 2 * NEAR_BITS


def test_flat_pictures_never_look_alike() -> None:
    grey = PhotoPrint.of(b"a", np.full((32, 32, 3), 90, np.uint8))
    white = PhotoPrint.of(b"b", np.full((40, 40, 3), 255, np.uint8))
    assert grey.perceptual == ""
    assert not grey.near(white)


def test_size_is_part_of_the_pixels() -> None:
    tall, wide = np.zeros((8, 2, 3), np.uint8), np.zeros((2, 8, 3), np.uint8)
    assert PhotoPrint.of(b"a", tall).pixels_sha256 != PhotoPrint.of(b"b", wide).pixels_sha256
