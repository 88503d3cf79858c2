"""How far random views of training clips go."""

from __future__ import annotations

from dataclasses import dataclass

from fomm.config.settings import Settings, option


@dataclass(frozen=True)
class AugmentSettings(Settings):
    """How far the random views may go."""

    scale: float = option(0.2, "Largest relative zoom, in or out.", low=0.0, high=0.9)
    rotation: float = option(12.0, "Largest rotation in degrees.", low=0.0, high=180.0)
    shift: float = option(0.12, "Largest shift in [-1, 1] units.", low=0.0, high=1.0)
    moment: float = option(0.04, "Extra motion of the whole frame between source and driving.", low=0.0, high=0.5)
    mirror: float = option(0.5, "Probability of a mirrored pair.", low=0.0, high=1.0)
    colour: float = option(0.3, "Largest relative change of brightness, contrast and channel gain.", low=0.0, high=0.9)
    grey: float = option(0.1, "Probability of a grey picture.", low=0.0, high=1.0)
    bend: float = option(0.0, "Largest smooth deformation of self-driven pairs, in [-1, 1] units.", low=0.0, high=0.3)
    backdrop: float = option(0.35, "Probability of another backdrop behind the person.", low=0.0, high=1.0)
    noise: float = option(0.03, "Largest noise on what the keypoint detector sees.", low=0.0, high=1.0)
    blur: float = option(0.3, "Probability of a blurred detector input.", low=0.0, high=1.0)
