"""Pictures of any Pillow mode, depth and colour profile become 8-bit sRGB, over white where they are transparent.

`even` brings a picture to a mode that can be resized, turned and cut; `to_srgb` does the rest. Both work on every pixel
by itself, so a picture may be cut into bands in between without changing a pixel.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image, ImageCms

_WHITE = 255
_BAND = 256
_PLAIN = ("L", "RGB", "CMYK", "LAB")
_GREYS = ("L", "LA", "La", "1")
_SLIGHT = 1  # levels by which the curve of a grey picture's profile may differ from that of sRGB and be left alone


def even(image: Image.Image) -> Image.Image:
    """Return a picture of mode L, RGB, CMYK or LAB, or LA or RGBA where it is transparent, with the same info."""
    if image.mode.startswith("I") or image.mode == "F":
        made = _deep_grey(image)
    elif image.has_transparency_data:
        made = image.convert("LA" if image.mode in ("LA", "La") else "RGBA")
        if image.mode == "L":
            made = Image.merge("LA", (made.getchannel("R"), made.getchannel("A")))
    elif image.mode in _PLAIN:
        return image
    else:
        made = image.convert("L" if image.mode in _GREYS else "RGB")
    made.info = {key: value for key, value in image.info.items() if key != "transparency"}
    return made


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return an sRGB picture of mode RGB.

    Args:
        image: of a mode that `even` returns.
        profile: ICC profile of its colours, sRGB when None. One that is broken or for another kind of picture is
            ignored, as browsers do.
    """
    if image.mode in ("LA", "RGBA"):
        # Through premultiplied RGBA, so that the hidden colour of transparent pixels cannot bleed in.
        grey = image.mode == "LA"
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (_WHITE,) * 4)
        image = Image.alpha_composite(white, rgba).convert("RGB")
        image = image.getchannel("R") if grey else image
    return (_converted(image, profile) if profile else None) or image.convert("RGB")


def _converted(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Convert through a profile; None where it does not fit the picture."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = source.profile.xcolor_space.strip()
        if image.mode == "L" and space == "RGB":
            return _grey_through_rgb(image, source)
        return _transform(image, source)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


def _grey_through_rgb(image: Image.Image, source: Any) -> Image.Image | None:
    """Convert a grey picture that carries a profile for colours, of which only the tone curve matters."""
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None]).convert("RGB")
    tones = np.asarray(_transform(ramp, source))[0]  # [256, 3]
    if np.abs(tones.astype(int) - np.arange(256)[:, None]).max() <= _SLIGHT:
        return None
    return Image.merge("RGB", [image.point(tones[:, i].tolist()) for i in range(3)])


def _transform(image: Image.Image, source: Any) -> Image.Image:
    target = ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    if converted is None:
        raise ValueError("the profile gave no picture")
    return converted


def _deep_grey(image: Image.Image) -> Image.Image:
    """Scale 16-bit, 32-bit or float grey to 8 bits; Pillow's own convert would clip instead."""
    values = np.asarray(image)  # [H, W]
    top = 65535.0
    if image.mode == "F":
        largest = float(values.max(initial=0.0))
        top = 1.0 if largest <= 1.0 else max(255.0, largest)
    grey = np.empty(values.shape, np.uint8)
    for row in range(0, len(values), _BAND):
        band = values[row : row + _BAND].astype(np.float64)
        grey[row : row + _BAND] = np.round(np.clip(np.nan_to_num(band) * (_WHITE / top), 0, _WHITE))
    return Image.fromarray(grey)
