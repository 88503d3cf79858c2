"""Fingerprints of a photo: exact ones that authorise and a perceptual one that may only suggest or deny.

The perceptual hash follows the idea of PDQ (Facebook, 2019): shrink the luma to 64 x 64, take its 2-D DCT-II, keep the
16 x 16 lowest frequencies without the constant row and column, one bit each: above the median or not. Re-encoding,
resizing and slight tone changes move few of the 256 bits; another picture moves about 128. A crop is another picture.
"""

from __future__ import annotations

import struct
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy.fft
from PIL import Image

from fomm.trust.canonical import sha256_hex

HASH_BITS = 256
NEAR_BITS = 31  # PDQ's published threshold for "the same picture"
_GRID = 64
_SIDE = 16
_FLAT = 1.0  # standard deviation in grey levels under which a picture has no structure to compare


@dataclass(frozen=True)
class PhotoPrint:
    """What a consent record keeps of a photo: hashes and size, never the picture.

    Attributes:
        bytes_sha256: SHA-256 of the file's bytes.
        pixels_sha256: SHA-256 of the decoded, upright RGB pixels and their size.
        width: pixels, after EXIF rotation.
        height: pixels, after EXIF rotation.
        perceptual: 64 hex digits, or empty for a picture without structure.
    """

    bytes_sha256: str
    pixels_sha256: str
    width: int
    height: int
    perceptual: str

    @classmethod
    def of(cls, data: bytes, pixels: np.ndarray) -> PhotoPrint:
        """Fingerprint a photo from the one buffer it was read into and the pixels decoded from that buffer.

        Args:
            data: the file's bytes.
            pixels: uint8 [H, W, 3] RGB.
        """
        height, width = pixels.shape[:2]
        shape = struct.pack(">QQ", height, width)
        return cls(
            bytes_sha256=sha256_hex(data),
            pixels_sha256=sha256_hex(b"fomm pixels\n" + shape + np.ascontiguousarray(pixels).tobytes()),
            width=width,
            height=height,
            perceptual=perceptual_hash(pixels),
        )

    def to_mapping(self) -> dict[str, Any]:
        """Return plain strings and numbers."""
        return asdict(self)

    def same(self, other: PhotoPrint) -> bool:
        """Say whether both are the same photo, by bytes or by decoded pixels."""
        return self.bytes_sha256 == other.bytes_sha256 or self.pixels_sha256 == other.pixels_sha256

    def near(self, other: PhotoPrint) -> bool:
        """Say whether both look like the same picture (the same photo included)."""
        if self.same(other):
            return True
        if not (self.perceptual and other.perceptual):
            return False
        return hamming(self.perceptual, other.perceptual) <= NEAR_BITS


def perceptual_hash(pixels: np.ndarray) -> str:
    """Return the 256-bit perceptual hash of an upright picture as 64 hex digits; empty when it has no structure.

    Args:
        pixels: uint8 [H, W, 3] RGB.
    """
    luma = Image.fromarray(pixels).convert("L")
    small = np.asarray(luma.resize((_GRID, _GRID), Image.Resampling.BOX), dtype=np.float64)  # [64, 64]
    if small.std() < _FLAT:
        return ""
    low = scipy.fft.dctn(small, norm="ortho")[1 : _SIDE + 1, 1 : _SIDE + 1]  # [16, 16]
    return np.packbits(low.ravel() > np.median(low)).tobytes().hex()


def hamming(left: str, right: str) -> int:
    """Return how many of the 256 bits differ."""
    return (int(left, 16) ^ int(right, 16)).bit_count()
