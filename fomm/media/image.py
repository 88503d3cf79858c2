"""Photos: one buffer of bytes to one upright RGB array, whatever the file's mode, depth, orientation or profile.

`decode_image` works on bytes read once, so that a caller can hash and decode the very same buffer. The header's size
is checked against `MediaLimits` before pixels are decoded, and only plain raster decoders are enabled (no PostScript,
no formats that run programs or open other files).
"""

from __future__ import annotations

import functools
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from fomm.errors import MediaError
from fomm.media.limits import SNIFF_BYTES, MediaLimits, check_file, sniff

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF", "JPEG2000", "PPM")
_WHITE = 255
# Pillow signals damage with any of these, depending on the decoder.
_DAMAGE = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, OverflowError, MemoryError)


def read_image(path: Path | str, limits: MediaLimits | None = None) -> NDArray[np.uint8]:
    """Read a photo as upright RGB.

    Args:
        path: a JPEG, PNG, WebP, AVIF, TIFF, BMP, GIF (first frame), JPEG 2000 or PPM file.
        limits: the largest picture accepted; the defaults when None.

    Returns:
        uint8 `[H, W, 3]`, sRGB, EXIF orientation applied, transparency composited over white.

    Raises:
        MediaError: the file is missing, empty, too large, damaged or not a supported picture.
    """
    limits = limits or MediaLimits()
    path = check_file(Path(path))
    try:
        with path.open("rb") as file:
            data = file.read(limits.max_image_bytes + 1)
    except OSError as error:
        raise MediaError(f"{path} cannot be read ({error.strerror}); check its permissions.") from error
    return decode_image(data, str(path), limits)


def decode_image(data: bytes, name: str, limits: MediaLimits | None = None) -> NDArray[np.uint8]:
    """Decode a photo from its bytes, as `read_image` does from a file.

    Args:
        data: the whole file.
        name: what to call the photo in an error message.
        limits: the largest picture accepted; the defaults when None.

    Returns:
        uint8 `[H, W, 3]`, sRGB, EXIF orientation applied, transparency composited over white.

    Raises:
        MediaError: the bytes are empty, too many, damaged or not a supported picture.
    """
    limits = limits or MediaLimits()
    if not data:
        raise MediaError(f"{name} is empty (0 bytes); copy or download it again.")
    if len(data) > limits.max_image_bytes:
        raise MediaError(f"{name} is larger than {limits.max_image_bytes / 1e6:g} MB; save it smaller.")
    try:
        with Image.open(io.BytesIO(data), formats=_formats()) as image:
            limits.check_size(name, *image.size)
            image.load()
            return np.array(_to_rgb(_upright(image)))
    except Image.DecompressionBombError as error:
        raise MediaError(f"{name} claims an enormous picture; scale it down first.") from error
    except UnidentifiedImageError as error:
        raise MediaError(f"{name} {_why_not(data)}") from error
    except _DAMAGE as error:
        raise MediaError(f"{name} is damaged ({_plain(error)}); export or download it again.") from error


@functools.cache
def _formats() -> tuple[str, ...]:
    """Return the decoders of `FORMATS` that this Pillow was built with."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _why_not(data: bytes) -> str:
    kind = sniff(data[:SNIFF_BYTES])
    if kind == "HEIC picture":
        return "is a HEIC picture, which cannot be read here; save it as JPEG or PNG."
    if kind == "picture":
        return "is a damaged or unusual picture; save it again as JPEG or PNG."
    if kind == "unknown":
        return "is not a picture that can be read; save it as JPEG or PNG."
    return f"is a {kind} file, not a picture; give a JPEG or PNG photo."


def _plain(error: BaseException) -> str:
    return " ".join(str(error).split()).rstrip(".")[:120] or type(error).__name__


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except _DAMAGE:
        return image  # an unreadable EXIF block says nothing about the orientation, and the pixels are fine


def _to_rgb(image: Image.Image) -> Image.Image:
    """Return an 8-bit sRGB image of any Pillow mode, over white where it is transparent."""
    if image.mode.startswith("I") or image.mode == "F":
        return _deep_grey(image)
    if image.has_transparency_data:
        # Through premultiplied RGBA, so that the hidden colour of transparent pixels cannot bleed in.
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (_WHITE,) * 4)
        image = _with_profile(Image.alpha_composite(white, rgba).convert("RGB"), image)
    return _to_srgb(image)


def _deep_grey(image: Image.Image) -> Image.Image:
    """Scale 16-bit, 32-bit or float grey to 8 bits; Pillow's own convert would clip instead."""
    values = np.asarray(image).astype(np.float64)  # [H, W]
    top = 65535.0
    if image.mode == "F":
        top = 1.0 if values.max(initial=0.0) <= 1.0 else max(255.0, float(values.max()))
    grey = np.clip(np.nan_to_num(values) * (_WHITE / top), 0, _WHITE)
    return Image.fromarray(np.round(grey).astype(np.uint8)).convert("RGB")


def _with_profile(image: Image.Image, origin: Image.Image) -> Image.Image:
    if origin.mode == "RGBA" and (profile := origin.info.get("icc_profile")):
        image.info["icc_profile"] = profile
    return image


def _to_srgb(image: Image.Image) -> Image.Image:
    """Convert through the embedded profile (wide-gamut phones, print CMYK) where there is a usable one."""
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "CMYK", "L"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            return image.convert("RGB")  # a broken or mismatched profile is ignored, as browsers do
        if converted is not None:
            return converted
    return image.convert("RGB")
