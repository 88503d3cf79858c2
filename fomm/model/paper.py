"""The paper's model behind the common interface."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fomm.config.training.paper import ModelConfig
from fomm.errors import SettingsError
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.motion import Motion
from fomm.model.interface import AnimationModel, EncodedSource, GeneratedFrames, TimedLayer
from fomm.networks.paper.dense_motion import DenseMotionNetwork
from fomm.networks.paper.detector import KeypointDetector
from fomm.networks.paper.generator import OcclusionAwareGenerator

_TIMED_SIDE = 256  # pixels: the size the published models were trained at


class PaperModel(AnimationModel):
    """The paper's networks. State-dict keys are the published ones behind `detector.` and `generator.`.

    `EncodedSource.features` holds the generator's features and the small image the dense motion reads; `visible` is
    the occlusion map, all ones if the configuration estimates none.

    Raises:
        SettingsError: from `detect` and `encode`, when a side of the image is not a multiple of `side_multiple`.
    """

    config: ModelConfig

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.detector = KeypointDetector(config.common_params, config.kp_detector_params)
        self.generator = OcclusionAwareGenerator(config.common_params, config.generator_params)
        self.side_multiple = _side_multiple(config)

    @property
    def dense_motion(self) -> DenseMotionNetwork:
        """The dense motion network, which the checkpoints keep inside the generator."""
        return self.generator.dense_motion_network

    def detect(self, image: Tensor) -> Keypoints:
        """Return the keypoints of each image `[B, 3, H, W]` in [0, 1]."""
        self._check_sides(image)
        keypoints: Keypoints = self.detector(image)
        return keypoints

    def encode(self, source: Tensor) -> EncodedSource:
        """Compute the source's features and its small copy; `[B, 3, H, W]` in [0, 1]."""
        self._check_sides(source)
        return EncodedSource(source, (self.generator.encode(source), self.dense_motion.shrink(source)))

    def animate(self, encoded: EncodedSource, driving: Keypoints, source: Keypoints) -> GeneratedFrames:
        """Generate one frame per row of `driving`; `encoded` and `source` have one row or as many."""
        batch = len(driving)
        if len(encoded.image) != batch:
            encoded = encoded.expand(batch)
        if len(source) != batch:
            source = source.expand(batch)
        features, small = encoded.features
        motion: Motion = self.dense_motion(small, driving, source)
        image = self.generator.decode(features, motion)
        visible = torch.ones_like(motion.flow[:, None, :, :, 0]) if motion.occlusion is None else motion.occlusion
        return GeneratedFrames(image, motion, visible)

    def timed_layers(self) -> list[TimedLayer]:
        """Return one layer of the bottleneck and a strip of the first one after it, which take most of a frame."""
        generator = self.generator
        side = _TIMED_SIDE // 2 ** len(generator.down_blocks)
        layers = []
        if len(generator.bottleneck):
            layers.append(TimedLayer.of(generator.bottleneck, (side, side), 2.0 * len(generator.bottleneck)))
        if len(generator.up_blocks):
            # A quarter of the picture: the whole would take as long as half the bottleneck.
            layers.append(TimedLayer.of(generator.up_blocks, (side // 2, 2 * side), 8.0))
        return layers or [TimedLayer.of(generator.final, (_TIMED_SIDE // 4, _TIMED_SIDE), 4.0)]

    def _check_sides(self, image: Tensor) -> None:
        height, width = image.shape[2:]
        if height % self.side_multiple or width % self.side_multiple:
            raise SettingsError(
                f"The image is {width}x{height} pixels, but this model needs sides that are multiples of "
                f"{self.side_multiple}; resize it first."
            )


def build_paper_model(config: ModelConfig) -> PaperModel:
    """Build the paper's model with freshly initialised weights."""
    return PaperModel(config)


def _side_multiple(config: ModelConfig) -> int:
    """Return what the sides of an image must be multiples of, so that every halving comes out even."""
    detector, generator = config.kp_detector_params, config.generator_params
    motion = generator.dense_motion_params
    return math.lcm(
        round(1 / detector.scale_factor) * 2**detector.num_blocks,
        round(1 / motion.scale_factor) * 2**motion.num_blocks,
        2**generator.num_down_blocks,
    )
