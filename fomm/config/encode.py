"""How a video is encoded."""

from __future__ import annotations

from dataclasses import dataclass

from fomm.config.settings import Settings, option

CODECS = ("auto", "h264", "h265", "vp9", "av1", "gif")
PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
WORST_QUALITY = 51
"""Of the H.264 scale."""


@dataclass(frozen=True)
class EncodeSettings(Settings):
    """How the video file is compressed."""

    codec: str = option("auto", "Video codec; auto is h264, and gif in .gif.", choices=CODECS)
    quality: int = option(18, "Constant quality on the H.264 scale: 0 is best, 51 is worst.", low=0, high=WORST_QUALITY)
    preset: str = option("faster", "Encoder speed: slower presets give smaller files.", choices=PRESETS)
    audio_kbps: int = option(160, "Sound bit rate when it has to be re-encoded, in kbit/s.", low=16, high=512)
