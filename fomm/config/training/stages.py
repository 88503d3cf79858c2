"""Typed settings of a training run, read from the `training` section of a compact configuration file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fomm.config.settings import Settings, option
from fomm.config.training.augment import AugmentSettings
from fomm.config.training.compact import CompactSettings
from fomm.config.training.loop import LoopSettings
from fomm.config.training.paper import DiscriminatorParams
from fomm.config.yaml_text import parse_yaml
from fomm.errors import SettingsError

STAGES = ("motion", "flow", "generator", "joint", "matte", "close")


@dataclass(frozen=True)
class MotionWeights(Settings):
    """Weights of the losses of the motion stage."""

    flow: float = option(10.0, "Flow against the true flow.", low=0.0)
    landmark_flow: float = option(10.0, "Flow at the driving landmarks against where they were in the source.", low=0.0)
    keypoints: float = option(8.0, "Tied keypoints against their landmarks.", low=0.0)
    free_keypoints: float = option(4.0, "Free keypoints against the true flow.", low=0.0)
    photometric: float = option(2.0, "Warped source against the driving picture.", low=0.0)
    occlusion: float = option(0.1, "Occlusion map against where the warp fails.", low=0.0)
    equivariance_value: float = option(3.0, "Free keypoints follow a change of view.", low=0.0)
    equivariance_jacobian: float = option(0.3, "Jacobians follow a change of view.", low=0.0)
    invertible: float = option(10.0, "Jacobians stay away from what cannot be inverted.", low=0.0)
    silhouette: float = option(0.0, "What moves before the background against where the person is.", low=0.0)
    mouth: float = option(6.0, "Extra weight of the mouth region.", low=0.0)
    eyes: float = option(6.0, "Extra weight of the eye regions.", low=0.0)
    even: float = option(
        0.0, "How far the flow of samples that move little is weighed up to that of far moves.", low=0.0, high=1.0
    )


@dataclass(frozen=True)
class GeneratorWeights(Settings):
    """Weights of the losses of the generator stage."""

    pixels: float = option(10.0, "Absolute difference of the frame.", low=0.0)
    synthesised: float = option(2.0, "Absolute difference of the synthesised colours alone.", low=0.0)
    visible: float = option(0.0, "Share of copied pixels against where the copy is right.", low=0.0)
    perceptual: float = option(1.0, "Perceptual distance over the pyramid.", low=0.0)
    adversarial: float = option(0.0, "Least-squares adversarial loss; 0 trains without it.", low=0.0)
    feature_matching: float = option(0.0, "Distance of the discriminator's features; 0 for none.", low=0.0)
    mouth: float = option(4.0, "Extra weight of the mouth region.", low=0.0)
    eyes: float = option(4.0, "Extra weight of the eye regions.", low=0.0)
    uncovered: float = option(0.0, "Extra weight of what the source does not show.", low=0.0)
    inside: float = option(
        0.0, "Weight of the squared difference inside a mouth; 0 for the absolute one as elsewhere.", low=0.0
    )


@dataclass(frozen=True)
class StageSettings(Settings):
    """One stage of the schedule."""

    name: str = option("motion", "What this stage trains.", choices=STAGES)
    steps: int = option(2000, "Optimiser steps.", low=1)
    batch_size: int = option(16, "Samples per step and process.", low=1)
    side: int = option(128, "Side of the training pictures in pixels.", low=64, high=1024)
    learning_rate: float = option(8e-4, "Peak learning rate; warms up, then falls along a cosine.", low=0.0, high=1.0)
    cross_share: float = option(0.5, "Share of samples driven by the other person.", low=0.0, high=1.0)
    blink_share: float = option(0.0, "Share of samples chosen because the eyes open or shut.", low=0.0, high=1.0)
    mouth_share: float = option(
        0.0, "Share of samples chosen because a mouth opens that the source shows shut.", low=0.0, high=1.0
    )
    turn_share: float = option(0.0, "Share of samples chosen because the head moves far.", low=0.0, high=1.0)
    perceptual_depths: tuple[int, ...] = option(
        (2, 3), "Blocks of the perceptual backbone compared at full size, at half of it, and so on."
    )
    window: int = option(0, "Side of the windows the generator learns on, in cells of the motion field; 0: all.", low=0)
    motion: MotionWeights = field(default_factory=MotionWeights)
    generator: GeneratorWeights = field(default_factory=GeneratorWeights)
    discriminator: DiscriminatorParams = field(default_factory=DiscriminatorParams)
    discriminator_rate: float = option(2e-4, "Peak learning rate of the discriminator.", low=0.0, high=1.0)


@dataclass(frozen=True)
class TrainSettings(LoopSettings):
    """A whole run: the stages in order and what they share."""

    start: str = option("", "Checkpoint to start from, by name or path; empty starts from nothing.")
    stages: tuple[StageSettings, ...] = ()
    weight_decay: float = option(1e-4, "AdamW weight decay.", low=0.0)
    perceptual: str = option("vgg16", "Backbone of the perceptual loss.", choices=("vgg16", "none"))
    augment: AugmentSettings = field(default_factory=AugmentSettings)


@dataclass(frozen=True)
class CompactConfig(Settings):
    """A compact configuration file: the model and how to train it."""

    family: str = option("compact", "Family of networks.", choices=("compact",))
    model: CompactSettings = field(default_factory=CompactSettings)
    training: TrainSettings = field(default_factory=TrainSettings)


def load_compact_config(path: Path) -> CompactConfig:
    """Read and validate a compact configuration.

    Raises:
        SettingsError: the file is missing, not YAML, or has an unknown or wrong key.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"Cannot read the configuration {path}: {error.strerror}.") from error
    content = parse_yaml(text, str(path))
    return CompactConfig.from_mapping(content or {}, where=str(path))
