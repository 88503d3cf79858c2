"""Photos at a smaller size, decoded small where their format can: a phone's 200 megapixels never lie in memory whole.

JPEG is scaled by its own transform while it is decoded, down to at least the size that is wanted. PNG, TIFF and WebP
files above some megapixels are streamed row by row through libvips. What is left is done by a Lanczos filter.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from fomm.config.refine import Fit
from fomm.media.photo.colour import even
from fomm.media.photo.heic import Heic

_STREAMED_PIXELS = 24_000_000  # below, the time to load libvips costs more than the memory it saves
_LOADERS = {"PNG": "pngload_source", "TIFF": "tiffload_source", "WEBP": "webpload_source"}
STREAMED_FORMATS = tuple(_LOADERS)
STREAMED_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
_SPACES = ("srgb", "b-w", "rgb16", "grey16", "rgb")
_ORIENTATION = 0x0112
_GAP = 2.0  # a box filter goes no nearer to the size that is wanted than this many times
_HEIC_GAP = 1.5
# Pillow signals damage with any of these, depending on the decoder.
DAMAGE = (
    *(OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, OverflowError),
    *(MemoryError, RuntimeError),
)


WHOLE = Fit()


def reduced(image: Image.Image | Heic, data: bytes, target: tuple[int, int]) -> tuple[Image.Image, int]:
    """Decode a picture at a size.

    Args:
        image: the picture, its header read.
        data: the whole file.
        target: width and height as stored, in pixels, at most the picture's own.

    Returns:
        The picture, of a mode that `colour.even` returns, and the EXIF orientation that is still to be applied to it.

    Raises:
        OSError, ValueError, MemoryError: the file is damaged.
    """
    if isinstance(image, Heic):
        picture = even(image.reduced(_factor(image.size, target, _HEIC_GAP)))
        return _resized(picture, target), 1
    if target != image.size:
        if image.format in ("JPEG", "MPO"):
            image.draft(None, target)
        elif _is_streamed(image) and (streamed := _streamed(data, image, target)):
            return streamed
    image.load()
    return _resized(even(image), target), orientation(image.getexif)


def orientation(exif: Callable[[], Image.Exif]) -> int:
    """Return the orientation, 1 to 8, that a picture's EXIF block says; a TIFF's is applied as it is decoded."""
    try:
        turn = exif().get(_ORIENTATION, 1)
    except DAMAGE:
        return 1  # an unreadable EXIF block says nothing about the orientation, and the pixels are fine
    return turn if turn in range(1, 9) else 1


def _factor(size: tuple[int, int], target: tuple[int, int], gap: float) -> int:
    return max(1, int(min(size[0] / target[0], size[1] / target[1]) / gap))


def _resized(image: Image.Image, target: tuple[int, int]) -> Image.Image:
    if image.size == target:
        return image
    return image.resize(target, Image.Resampling.LANCZOS, reducing_gap=_GAP)


def _is_streamed(image: Image.Image) -> bool:
    many = image.width * image.height > _STREAMED_PIXELS
    return many and image.format in _LOADERS and image.mode in STREAMED_MODES


@functools.cache
def _vips() -> Any:
    """Return pyvips with every loader blocked but the three that are named here.

    Raises:
        OSError: it is not installed well.
    """
    logging.getLogger("pyvips").setLevel(logging.WARNING)
    import pyvips  # noqa: PLC0415 - loads a library that few photos need

    pyvips.block_untrusted_set(True)
    pyvips.operation_block_set("VipsForeignLoad", True)
    for kind in ("VipsForeignLoadPng", "VipsForeignLoadTiff", "VipsForeignLoadWebp"):
        pyvips.operation_block_set(kind, False)
    pyvips.cache_set_max(0)
    return pyvips


def _streamed(data: bytes, image: Image.Image, target: tuple[int, int]) -> tuple[Image.Image, int] | None:
    """Decode and reduce row by row, as `reduced`; None for kinds of pixels that are left to Pillow.

    The loader is the one of the format that the header has, never guessed.
    """
    vips = _vips()
    try:
        load = getattr(vips.Image, _LOADERS[str(image.format)])
        stream = load(vips.Source.new_from_memory(data), access="sequential", fail_on="error")
        if (stream.width, stream.height) not in (image.size, image.size[::-1]):
            raise ValueError("its header tells two sizes")
        if stream.format not in ("uchar", "ushort") or stream.bands > 4 or stream.interpretation not in _SPACES:
            return None
        if stream.format == "ushort":
            stream = stream.cast("uchar", shift=True)
        across, down = target if (stream.width, stream.height) == image.size else target[::-1]
        alpha = stream.bands in (2, 4)
        if alpha:
            stream = stream.premultiply()
        stream = stream.resize(across / stream.width, vscale=down / stream.height, kernel="lanczos3", gap=_GAP)
        if alpha:
            stream = stream.unpremultiply()
        if alpha or stream.format != "uchar":
            stream = stream.rint().cast("uchar")
        turn = 1
        if image.format == "TIFF":
            stream = stream.autorot()  # as Pillow, which turns this format by itself
        else:
            # Pillow's own method for PNG would decode all pixels to look behind them; libvips looked there.
            turn = orientation(lambda: Image.Image.getexif(image))
            if turn == 1 and stream.get_typeof("orientation"):
                turn = int(stream.get("orientation"))
        pixels = np.ndarray((stream.height, stream.width, stream.bands), np.uint8, stream.write_to_memory())
    except vips.Error as error:
        raise OSError(" ".join(str(error).split())) from error
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    return _resized(picture, target), turn
