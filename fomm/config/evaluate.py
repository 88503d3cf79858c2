"""Settings of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass, field

from fomm.config.motion import SmoothSettings
from fomm.config.render import RenderSettings
from fomm.config.settings import Settings, option


@dataclass(frozen=True)
class EvaluateSettings(Settings):
    """How much is measured, and how precisely the model computes."""

    limit: int | None = option(None, "Measure only this many clips, spread evenly over the folder.", low=1)
    frames: int = option(40, "Measure at most this many frames of a clip, from its first one on.", low=4, high=100_000)
    every: int = option(5, "Measure what is costly (SSIM, perceptual, identity, flow) on every so many frames.", low=1)
    noise: float = option(2.0, "Noise on the still driving frame of the flicker test, in grey levels.", low=0, high=50)
    smooth: SmoothSettings = field(default_factory=SmoothSettings)
    render: RenderSettings = field(default_factory=RenderSettings)
