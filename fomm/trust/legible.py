"""How coarsely a video may be encoded for its watermark to be read back: refused before the render where that is known.

Up to a codec's sure number every video kept its mark, even one of four frames. From there on it depends on picture,
length, preset and size, so a render is tried and its mark read back; where `_COARSEST` names a number, none kept its
mark beyond it in a picture of up to 640 px, not even a still one of 75 frames. Measured on the bundled portraits driven
by the bundled clip. VP9 and AV1 lose theirs in some pictures only, and larger pictures keep it longer.
"""

from __future__ import annotations

from pathlib import Path

from fomm.errors import SettingsError
from fomm.media.codecs import PRESETS, EncodeSettings, choose_codec, container_for

SURE_SIDE = 512  # from this short side on, a watermark that does not read back fails the release
_SURE = {"h264": 30, "h265": 24, "vp9": 40, "av1": 40}
_COARSEST = {"h264": 45, "h265": 42}
_SLOWER_PRESETS = 3  # how much further presets slower than the default may carry it
_COARSEST_SIDE = 640  # up to this short side those hold


def check_quality(output: Path, encode: EncodeSettings, size: tuple[int, int]) -> None:
    """Refuse a quality at which no watermark can be read back.

    Args:
        output: the video to make; its suffix chooses the codec where the settings do not.
        encode: codec and quality.
        size: (width, height) in pixels; smaller pictures than `SURE_SIDE` leave with a weak mark.

    Raises:
        SettingsError: the quality is too low, or the codec does not go into this container.
    """
    codec = choose_codec(encode, container_for(output))
    if codec not in _COARSEST or not SURE_SIDE <= min(size) <= _COARSEST_SIDE:
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
