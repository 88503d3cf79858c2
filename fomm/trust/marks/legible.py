"""In which size and how finely a file leaves, so that its marks can be read: refused early where that is known.

Smaller pictures are enlarged to `SURE_SIDE` on the short side before they are marked.


Up to a codec's sure number every video kept its mark, even one of four frames. From there on it depends on picture,
length, preset and size, so a render is tried and its mark read back; where `_COARSEST` names a number, none kept its
mark beyond it in a picture of up to 640 px, not even a still one of 75 frames. Measured on the bundled portraits driven
by the bundled clip. VP9 and AV1 lose theirs in some pictures only, and larger pictures keep it longer.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fomm.config.encode import PRESETS, EncodeSettings
from fomm.config.label import LabelSettings
from fomm.errors import SettingsError
from fomm.media.codecs import choose_codec, container_for
from fomm.trust.marks.label import Box, Label

SURE_SIDE = 512
"""Least short side in px of what leaves: smaller pictures do not carry a watermark surely."""
_SURE = {"h264": 30, "h265": 24, "vp9": 40, "av1": 40}
_COARSEST = {"h264": 45, "h265": 42}
_SLOWER_PRESETS = 3  # how much further presets slower than the default may carry it
_COARSEST_SIDE = 640  # up to this short side those hold


def exit_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return the (width, height) in which pictures of this size leave."""
    scale = max(1.0, SURE_SIDE / min(size))
    return round(size[0] * scale), round(size[1] * scale)


def exit_label(settings: LabelSettings, size: tuple[int, int], face: Box | None = None) -> Label:
    """Return the label for pictures of this size, drawn in the size in which they leave.

    Args:
        settings: how it looks.
        size: (width, height) in pixels of the pictures that are made.
        face: (x0, y0, x1, y1) in their pixels, kept free by an automatic corner; None when unknown.

    Raises:
        SettingsError: it cannot be drawn, or does not fit.
    """
    leaving = exit_size(size)
    across, down = leaving[0] / size[0], leaving[1] / size[1]
    scaled = None if face is None else (face[0] * across, face[1] * down, face[2] * across, face[3] * down)
    return Label(settings, *leaving, scaled)


def enlarged(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture uint8 `[H, W, 3]` in the size in which it leaves."""
    height, width = picture.shape[:2]
    size = exit_size((width, height))
    if size == (width, height):
        return picture
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))


def check_quality(output: Path, encode: EncodeSettings, size: tuple[int, int]) -> None:
    """Refuse a quality at which no watermark can be read back.

    Args:
        output: the video to make; its suffix chooses the codec where the settings do not.
        encode: codec and quality.
        size: (width, height) in pixels of the frames that are made.

    Raises:
        SettingsError: the quality is too low, or the codec does not go into this container.
    """
    codec = choose_codec(encode, container_for(output))
    if codec not in _COARSEST or min(exit_size(size)) > _COARSEST_SIDE:
        return
    slower = PRESETS.index(encode.preset) > PRESETS.index(EncodeSettings().preset)
    if encode.quality > _COARSEST[codec] + (_SLOWER_PRESETS if slower else 0):
        raise SettingsError(
            f"--quality {encode.quality} is too coarse for {output}: no watermark survives it in {codec}, where 0 is "
            f"best; use --quality {_SURE[codec]} or lower."
        )


def finer(output: Path, encode: EncodeSettings) -> str:
    """Return what to do, as the end of a sentence, when a video's watermark did not survive its encoding."""
    codec = choose_codec(encode, container_for(output))
    if codec not in _SURE:
        return "write an .mp4 instead"
    if encode.quality > _SURE[codec]:
        return f"use --quality {_SURE[codec]} or lower (0 is best)"
    if encode.quality > 0:
        return f"use --quality {encode.quality // 2} or lower (0 is best), or a photo with more texture"
    return "use a photo with more texture"
