"""How a model is fine-tuned on one person."""

from __future__ import annotations

from dataclasses import dataclass, field

from fomm.config.animate import DEFAULT_MODEL
from fomm.config.face import FaceSettings
from fomm.config.settings import Settings, option
from fomm.config.training.loop import LoopSettings


@dataclass(frozen=True)
class FinetuneWeights(Settings):
    """Weights of the losses of fine-tuning."""

    pixels: float = option(10.0, "Absolute difference of the frame.", low=0.0)
    synthesised: float = option(2.0, "Absolute difference of the synthesised colours alone.", low=0.0)
    perceptual: float = option(1.0, "Perceptual distance over the pyramid.", low=0.0)
    uncovered: float = option(3.0, "Extra weight of what the source does not show.", low=0.0)
    occlusion: float = option(0.3, "Occlusion map against where the warp fails; only if motion learns.", low=0.0)
    elsewhere: float = option(400.0, "Flow away from the face stays what it was; only if motion learns.", low=0.0)
    anchor: float = option(1.0, "How strongly weights are pulled to where they started.", low=0.0)
    mouth: float = option(4.0, "Extra weight of the mouth region.", low=0.0)
    eyes: float = option(4.0, "Extra weight of the eye regions.", low=0.0)


@dataclass(frozen=True)
class FinetuneSettings(LoopSettings):
    """How a model learns one person."""

    steps: int = option(160, "Optimiser steps.", low=1)
    rows: int = option(4, "Pairs of frames per step.", low=1, high=256)
    learning_rate: float = option(8e-4, "Peak learning rate; warms up, then falls along a cosine.", low=0.0, high=1.0)
    photo_share: float = option(0.0, "Share of pairs made from the photo alone; 1 without clips.", low=0.0, high=1.0)
    motion: bool = option(True, "Let the dense motion learn too, if there are clips.")
    log_every: int = option(10, "Steps between progress reports.", low=1)
    weights: FinetuneWeights = field(default_factory=FinetuneWeights)


@dataclass(frozen=True)
class PersonSettings(Settings):
    """How a model is fine-tuned on a person."""

    model: str = option(DEFAULT_MODEL, "Model to begin with, of the compact family: a bundled name or a path.")
    backbone: str = option(
        "auto", "Perceptual loss; auto uses vgg16 where it is installed.", choices=("auto", "vgg16", "none")
    )
    face: FaceSettings = field(default_factory=FaceSettings)
    learn: FinetuneSettings = field(default_factory=FinetuneSettings)
