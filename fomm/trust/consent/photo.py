"""Fingerprints of a photo: exact ones that authorise and a perceptual one that may only suggest or deny.

The perceptual hash follows the idea of PDQ (Facebook, 2019): shrink the luma to 64 x 64, take its 2-D DCT-II, keep the
16 x 16 lowest frequencies without the constant row and column, one bit each: above the median or not. Re-encoding,
resizing and slight tone changes move few of the 256 bits; another picture moves about 128. Mirroring and quarter turns
only change signs and order of the frequencies, so they are looked through. A crop is another picture, see `face_print`.
"""

from __future__ import annotations

import functools
import hashlib
import struct
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import scipy.fft
from PIL import Image

from fomm.config.refine import Fit
from fomm.media.photo.image import Photo, decode_bands, decode_photo
from fomm.trust.keys.canonical import sha256_hex

NEAR_BITS = 31  # PDQ's published threshold for "the same picture"
_GRID = 64
_SIDE = 16
_FIT = Fit(2160)  # what a grant looks at
_MOST_HASHED = 64_000_000  # pixels; of more no pixels are hashed, and the bytes alone tell the photo
_FLAT = 1.0  # standard deviation in grey levels under which a picture has no structure to compare


@dataclass(frozen=True)
class PhotoPrint:
    """What a consent record keeps of a photo: hashes and size, never the picture.

    Attributes:
        bytes_sha256: SHA-256 of the file's bytes.
        pixels_sha256: SHA-256 of the decoded, upright RGB pixels at their full size and of that size; empty where it
            was not asked for. Of a photo of more than 64 megapixels it is one of the file's bytes, in a domain of its
            own: only the same file is that photo.
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
        seen = cls.seen(data, Photo(pixels, pixels.shape[1], pixels.shape[0]))
        return replace(seen, pixels_sha256=_pixels_hash([pixels], seen.size))

    @classmethod
    def seen(cls, data: bytes, photo: Photo) -> PhotoPrint:
        """Fingerprint a photo without hashing its pixels, see `with_pixels`.

        Args:
            data: the file's bytes.
            photo: decoded from that buffer, perhaps reduced.
        """
        return cls(sha256_hex(data), "", photo.width, photo.height, perceptual_hash(photo.pixels))

    @classmethod
    def complete(cls, data: bytes, name: str) -> PhotoPrint:
        """Decode and fingerprint a photo, its pixels included.

        Raises:
            MediaError: the photo cannot be decoded.
        """
        return cls.seen(data, decode_photo(data, name, fit=_FIT)).with_pixels(data, name)

    def with_pixels(self, data: bytes, name: str) -> PhotoPrint:
        """Return this with the hash of all pixels, for which the photo is decoded anew at its full size.

        Args:
            data: the bytes this was made from.
            name: what to call the photo in an error message.

        Raises:
            MediaError: the photo cannot be decoded.
            ValueError: the bytes are others.
        """
        if sha256_hex(data) != self.bytes_sha256:
            raise ValueError("these are not the bytes of the fingerprint")
        if self.width * self.height > _MOST_HASHED:
            return replace(self, pixels_sha256=sha256_hex(b"fomm file of pixels\n" + self.bytes_sha256.encode()))
        return replace(self, pixels_sha256=_pixels_hash(decode_bands(data, name), self.size))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.width, self.height

    def to_mapping(self) -> dict[str, Any]:
        """Return plain strings and numbers."""
        return asdict(self)

    def same(self, other: PhotoPrint) -> bool:
        """Say whether both are the same photo, by bytes or by decoded pixels."""
        pixels = bool(self.pixels_sha256) and self.pixels_sha256 == other.pixels_sha256
        return self.bytes_sha256 == other.bytes_sha256 or pixels

    def may_show(self, other: PhotoPrint) -> bool:
        """Say whether another file may hold the same pixels, so that it is worth the work to hash them.

        No leave and no identity follow from it: pixels that are the same have one size, and look alike.
        """
        if self.bytes_sha256 == other.bytes_sha256 or self.size != other.size:
            return False
        return self.perceptual == other.perceptual == "" or self.near(other)

    def near(self, other: PhotoPrint) -> bool:
        """Say whether both look like the same picture (the same photo included)."""
        if self.same(other):
            return True
        if not (self.perceptual and other.perceptual):
            return False
        return any(hamming(turned, other.perceptual) <= NEAR_BITS for turned in _turned(self.perceptual))


def _pixels_hash(bands: Iterable[np.ndarray], size: tuple[int, int]) -> str:
    """Return the SHA-256 of a photo that comes in bands of rows, uint8 [h, W, 3]; `size` is its width and height."""
    digest = hashlib.sha256(b"fomm pixels\n" + struct.pack(">QQ", size[1], size[0]))
    for band in bands:
        digest.update(np.ascontiguousarray(band).data)
    return digest.hexdigest()


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


@functools.lru_cache(maxsize=256)
def _turned(perceptual: str) -> tuple[str, ...]:
    """Return the hashes of a picture's eight orientations, up to the few bits that lie at the median."""
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(perceptual), np.uint8)).reshape(_SIDE, _SIDE)
    odd = (np.arange(_SIDE) % 2 == 0).astype(np.uint8)  # frequencies count from 1; odd ones change their sign
    across, down = np.broadcast_to(odd, bits.shape), np.broadcast_to(odd[:, None], bits.shape)
    upright = [bits, bits ^ across, bits ^ down, bits ^ across ^ down]
    return tuple(np.packbits(turned).tobytes().hex() for turn in upright for turned in (turn, turn.T))


def hamming(left: str, right: str) -> int:
    """Return how many of the 256 bits differ."""
    return (int(left, 16) ^ int(right, 16)).bit_count()
