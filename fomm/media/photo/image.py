"""Photos: one buffer of bytes to one upright RGB array, whatever the file's mode, depth, orientation or profile.

`decode_photo` works on bytes read once, so that a caller can hash and decode the very same buffer. The header's size
is checked against `MediaLimits` before pixels are decoded, and only plain raster decoders are enabled (no PostScript,
no formats that run programs or open other files).
"""

from __future__ import annotations

import contextlib
import functools
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from fomm.config.refine import Fit
from fomm.errors import MediaError
from fomm.media.limits import PHOTO_LIMITS, SNIFF_BYTES, MediaLimits, check_file, sniff
from fomm.media.photo.bombs import check_opened, check_picture
from fomm.media.photo.colour import even, to_srgb
from fomm.media.photo.heic import Heic
from fomm.media.photo.profiles import profile_of
from fomm.media.photo.reduce import DAMAGE, WHOLE, orientation, reduced

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF", "JPEG2000", "PPM")
"""Pillow's names of the formats that are read, HEIC besides."""
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_BAND_PIXELS = 2_000_000
# Pillow refuses twice this many before our own check could; it warns from here on, and need not.
Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS or 0, PHOTO_LIMITS.max_pixels)


@dataclass(frozen=True)
class Photo:
    """A decoded photo.

    Attributes:
        pixels: uint8 `[H, W, 3]`, sRGB, upright, perhaps reduced.
        width: of the upright photo itself, in pixels.
        height: likewise.
    """

    pixels: NDArray[np.uint8]
    width: int
    height: int


def read_image(path: Path | str, limits: MediaLimits | None = None) -> NDArray[np.uint8]:
    """Read a photo as upright RGB at its own size.

    Args:
        path: a JPEG, PNG, HEIC, WebP, AVIF, TIFF, BMP, GIF (first frame), JPEG 2000 or PPM file.
        limits: the largest picture accepted; `PHOTO_LIMITS` when None.

    Returns:
        uint8 `[H, W, 3]`, sRGB, EXIF orientation applied, transparency composited over white.

    Raises:
        MediaError: the file is missing, empty, too large, damaged or not a supported picture.
    """
    return read_photo(path, limits).pixels


def read_photo(path: Path | str, limits: MediaLimits | None = None, fit: Fit = WHOLE) -> Photo:
    """Read a photo and reduce it, see `decode_photo`."""
    limits = limits or PHOTO_LIMITS
    path = check_file(Path(path))
    try:
        with path.open("rb") as file:
            data = file.read(limits.max_image_bytes + 1)
    except OSError as error:
        raise MediaError(f"{path} cannot be read ({error.strerror}); check its permissions.") from error
    return decode_photo(data, str(path), limits, fit)


def decode_image(data: bytes, name: str, limits: MediaLimits | None = None) -> NDArray[np.uint8]:
    """Decode a photo from its bytes, as `read_image` does from a file.

    Args:
        data: the whole file.
        name: what to call the photo in an error message.
        limits: the largest picture accepted; `PHOTO_LIMITS` when None.

    Returns:
        uint8 `[H, W, 3]`, sRGB, EXIF orientation applied, transparency composited over white.

    Raises:
        MediaError: the bytes are empty, too many, damaged or not a supported picture.
    """
    return decode_photo(data, name, limits).pixels


def decode_photo(data: bytes, name: str, limits: MediaLimits | None = None, fit: Fit = WHOLE) -> Photo:
    """Decode a photo from its bytes at a reduced size.

    Args:
        data: the whole file.
        name: what to call the photo in an error message.
        limits: the largest picture accepted; `PHOTO_LIMITS` when None.
        fit: what it is reduced to.

    Raises:
        MediaError: the bytes are empty, too many, damaged or not a supported picture.
    """
    with _opened(data, name, limits or PHOTO_LIMITS) as image:
        size, profile = image.size, _profile(image, data)
        picture, turn = reduced(image, data, fit.size(*size))
        if turn in _TURNS:
            picture = picture.transpose(_TURNS[turn])
        width, height = size[::-1] if turn > 4 else size
        return Photo(np.array(to_srgb(picture, profile)), width, height)


def decode_bands(data: bytes, name: str, limits: MediaLimits | None = None) -> Iterator[NDArray[np.uint8]]:
    """Yield a photo from top to bottom in bands of rows, at its full size and without a second copy of it.

    Args:
        data: the whole file.
        name: what to call the photo in an error message.
        limits: the largest picture accepted; `PHOTO_LIMITS` when None.

    Yields:
        uint8 `[h, W, 3]`; one below the other they are what `decode_image` returns.

    Raises:
        MediaError: as `decode_image`.
    """
    with _opened(data, name, limits or PHOTO_LIMITS) as image:
        profile = _profile(image, data)
        whole, turn = (image, 1) if isinstance(image, Heic) else _loaded(image)
        width, height = whole.size[::-1] if turn > 4 else whole.size
        step = max(1, _BAND_PIXELS // width)
        for top in range(0, height, step):
            box = _stored_box(turn, whole.size, top, min(top + step, height))
            band = even(whole.band(*box) if isinstance(whole, Heic) else whole.crop(box))
            yield np.array(to_srgb(band.transpose(_TURNS[turn]) if turn in _TURNS else band, profile))


def _loaded(image: Image.Image) -> tuple[Image.Image | Heic, int]:
    """Return a decoded picture of which bands can be cut, and its orientation; deep grey is scaled as a whole."""
    image.load()
    banded = image.mode in ("L", "RGB", "RGBA", "CMYK") and not image.info.get("transparency")
    return image if banded else even(image), orientation(image.getexif)


def _stored_box(turn: int, size: tuple[int, int], top: int, bottom: int) -> tuple[int, int, int, int]:
    """Return where rows of the upright picture lie in the stored one: left, top, right, bottom in pixels."""
    width, height = size
    if turn in (3, 4):
        return 0, height - bottom, width, height - top
    if turn in (5, 6):
        return top, 0, bottom, height
    if turn in (7, 8):
        return width - bottom, 0, width - top, height
    return 0, top, width, bottom


@contextlib.contextmanager
def _opened(data: bytes, name: str, limits: MediaLimits) -> Iterator[Image.Image | Heic]:
    """Read a picture's header and check what it claims; damage, then or later, is told in a sentence."""
    if not data:
        raise MediaError(f"{name} is empty (0 bytes); copy or download it again.")
    if len(data) > limits.max_image_bytes:
        raise MediaError(f"{name} is larger than {limits.max_image_bytes / 1e6:g} MB; save it smaller.")
    check_picture(data, name)
    try:
        if sniff(data[:SNIFF_BYTES]) == "HEIC picture":
            yield Heic(data, name, limits)
            return
        with Image.open(io.BytesIO(data), formats=_formats()) as image:
            limits.check_size(name, *image.size)
            check_opened(image, data, name)
            yield image
    except Image.DecompressionBombError as error:
        raise MediaError(f"{name} claims an enormous picture; scale it down first.") from error
    except UnidentifiedImageError as error:
        raise MediaError(f"{name} {_why_not(data)}") from error
    except DAMAGE as error:
        raise MediaError(f"{name} is damaged ({_plain(error)}); export or download it again.") from error


def _profile(image: Image.Image | Heic, data: bytes) -> bytes | None:
    return image.profile if isinstance(image, Heic) else profile_of(image, data)


@functools.cache
def _formats() -> tuple[str, ...]:
    """Return the decoders of `FORMATS` that this Pillow was built with."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _why_not(data: bytes) -> str:
    kind = sniff(data[:SNIFF_BYTES])
    if kind == "picture":
        return "is a damaged or unusual picture; save it again as JPEG or PNG."
    if kind == "unknown":
        return "is not a picture that can be read; save it as JPEG or PNG."
    return f"is a {kind} file, not a picture; give a JPEG, HEIC or PNG photo."


def _plain(error: BaseException) -> str:
    return " ".join(str(error).split()).rstrip(".")[:120] or type(error).__name__
