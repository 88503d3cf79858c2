"""Which codec goes into which container, and how one quality scale and one speed scale map onto each encoder.

Quality is the H.264 constant-rate-factor scale (0 best, 51 worst, 18 visually lossless) whatever the codec; the other
encoders get the value of their own scale that looks alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fomm.config.encode import PRESETS, WORST_QUALITY, EncodeSettings
from fomm.errors import OutputError, SettingsError
from fomm.media.process import available_encoders

_WORST_VPX = 63


@dataclass(frozen=True)
class Container:
    """One output container.

    Attributes:
        muxer: ffmpeg's name for it.
        video: codecs it may hold, the default first.
        copied: audio codecs that are taken over bit for bit, those that players expect in it.
        encoder: audio encoder for all others; empty when the container holds no sound.
    """

    muxer: str
    video: tuple[str, ...]
    copied: frozenset[str] = frozenset()
    encoder: str = ""


_MP4_AUDIO = frozenset({"aac", "mp3", "ac3", "eac3", "alac"})
_MKV_AUDIO = _MP4_AUDIO | {"opus", "vorbis", "flac", "dts", "pcm_s16le", "pcm_s24le"}
_CONTAINERS = {
    ".mp4": Container("mp4", ("h264", "h265", "av1", "vp9"), _MP4_AUDIO, "aac"),
    ".m4v": Container("mp4", ("h264", "h265"), _MP4_AUDIO, "aac"),
    ".mov": Container("mov", ("h264", "h265"), _MP4_AUDIO | {"pcm_s16le", "pcm_s24le"}, "aac"),
    ".mkv": Container("matroska", ("h264", "h265", "vp9", "av1"), _MKV_AUDIO, "aac"),
    ".webm": Container("webm", ("vp9", "av1"), frozenset({"opus", "vorbis"}), "libopus"),
    ".gif": Container("gif", ("gif",)),
}


def container_for(path: Path, suffix: str | None = None) -> Container:
    """Return the container of an output path, or of `suffix` when the path is a temporary name.

    Raises:
        OutputError: nothing is known to be written under this suffix.
    """
    found = _CONTAINERS.get((suffix or path.suffix).lower())
    if found is None:
        known = ", ".join(_CONTAINERS)
        raise OutputError(f"{path} cannot be written as '{suffix or path.suffix}'; end its name in one of {known}.")
    return found


def choose_codec(settings: EncodeSettings, container: Container) -> str:
    """Return the video codec to use in `container`.

    Raises:
        SettingsError: the codec asked for does not go into this container.
    """
    if settings.codec == "auto":
        return container.video[0]
    if settings.codec not in container.video:
        raise SettingsError(
            f"--codec {settings.codec} does not go into {container.muxer}; use --codec auto, which is "
            f"{container.video[0]} there."
        )
    return settings.codec


def encoder_options(codec: str, settings: EncodeSettings, container: Container) -> dict[str, Any]:
    """Return ffmpeg output options for the picture: encoder, quality, speed and container quirks.

    Raises:
        SettingsError: this ffmpeg lacks an encoder for the codec.
    """
    speed = PRESETS.index(settings.preset)  # 0 fastest .. 8 slowest
    vpx_quality = round(12 + settings.quality * (_WORST_VPX - 12) / WORST_QUALITY) if settings.quality else 0
    h265 = {"crf": min(settings.quality + 3, WORST_QUALITY), "x265-params": "log-level=error"}
    h265_tag = {"tag:v": "hvc1"} if container.muxer in ("mp4", "mov") else {}
    choices: dict[str, list[dict[str, Any]]] = {
        "h264": [{"c:v": "libx264", "crf": settings.quality, "preset": settings.preset}],
        "h265": [{"c:v": "libx265", "preset": settings.preset} | h265 | h265_tag],
        "vp9": [
            {"c:v": "libvpx-vp9", "crf": vpx_quality, "b:v": 0, "row-mt": 1, "deadline": "good"}
            | {"cpu-used": max(0, 6 - speed)}
        ],
        "av1": [
            {"c:v": "libsvtav1", "crf": vpx_quality, "preset": 12 - speed},
            {"c:v": "libaom-av1", "crf": vpx_quality, "b:v": 0, "row-mt": 1, "cpu-used": max(0, 8 - speed)},
        ],
        "gif": [{"c:v": "gif"}],
    }
    for options in choices[codec]:
        if options["c:v"] in available_encoders():
            return options
    raise SettingsError(f"--codec {codec} is missing from this ffmpeg; use --codec auto.")
