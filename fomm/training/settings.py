"""Typed settings of a training run, read from the `training` section of a compact configuration file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import yaml

from fomm.errors import SettingsError
from fomm.nn.compact import CompactSettings
from fomm.settings import Settings, option
from fomm.training.augment import AugmentSettings


@dataclass(frozen=True)
class MotionWeights(Settings):
    """Weights of the losses of the motion stage."""

    flow: float = option(10.0, "Flow against the true flow.", low=0.0)
    landmark_flow: float = option(10.0, "Flow at the driving landmarks against where they were in the source.", low=0.0)
    keypoints: float = option(8.0, "Tied keypoints against their landmarks.", low=0.0)
    photometric: float = option(2.0, "Warped source against the driving picture.", low=0.0)
    occlusion: float = option(0.1, "Occlusion map against where the warp fails.", low=0.0)
    equivariance_value: float = option(3.0, "Free keypoints follow a change of view.", low=0.0)
    equivariance_jacobian: float = option(0.3, "Jacobians follow a change of view.", low=0.0)
    mouth: float = option(6.0, "Extra weight of the mouth region.", low=0.0)
    eyes: float = option(6.0, "Extra weight of the eye regions.", low=0.0)


@dataclass(frozen=True)
class GeneratorWeights(Settings):
    """Weights of the losses of the generator stage."""

    pixels: float = option(10.0, "Absolute difference of the frame.", low=0.0)
    synthesised: float = option(2.0, "Absolute difference of the synthesised colours alone.", low=0.0)
    perceptual: float = option(1.0, "Perceptual distance over the pyramid.", low=0.0)
    mouth: float = option(4.0, "Extra weight of the mouth region.", low=0.0)
    eyes: float = option(4.0, "Extra weight of the eye regions.", low=0.0)


@dataclass(frozen=True)
class StageSettings(Settings):
    """One stage of the schedule."""

    name: str = option("motion", "What this stage trains.", choices=("motion", "generator", "joint"))
    steps: int = option(2000, "Optimiser steps.", low=1)
    batch_size: int = option(16, "Samples per step and process.", low=1)
    side: int = option(128, "Side of the training pictures in pixels.", low=64, high=1024)
    learning_rate: float = option(8e-4, "Peak learning rate; warms up, then falls along a cosine.", low=0.0, high=1.0)
    cross_share: float = option(0.5, "Share of samples driven by the other person.", low=0.0, high=1.0)
    perceptual_depth: int = option(4, "Blocks of the perceptual backbone that are compared.", low=1, high=5)
    motion: MotionWeights = field(default_factory=MotionWeights)
    generator: GeneratorWeights = field(default_factory=GeneratorWeights)


@dataclass(frozen=True)
class TrainSettings(Settings):
    """A whole run: the stages in order and what they share."""

    stages: tuple[StageSettings, ...] = ()
    seed: int = option(0, "Seed of all randomness.", low=0)
    weight_decay: float = option(1e-4, "AdamW weight decay.", low=0.0)
    clip_norm: float = option(1.0, "Largest gradient norm.", low=0.0)
    ema_decay: float = option(0.999, "Decay of the averaged weights that are saved.", low=0.0, high=1.0)
    precision: str = option("auto", "Arithmetic of the forward pass.", choices=("auto", "float32", "bfloat16"))
    perceptual: str = option("vgg16", "Backbone of the perceptual loss.", choices=("vgg16", "none"))
    checkpoint_every: int = option(200, "Steps between checkpoints.", low=1)
    log_every: int = option(50, "Steps between progress lines.", low=1)
    sheet_every: int = option(500, "Steps between contact sheets.", low=1)
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
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"Cannot read the configuration {path}: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"{path} is not valid YAML: {error}.") from error
    return CompactConfig.from_mapping(content or {}, where=str(path))
