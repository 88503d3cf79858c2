"""Losses of the generator stage: pixels and perceptual distance.

Part of the batch is driven by the other person of its pair, so the generator also learns to finish frames whose
motion was transferred.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fomm.nn.compact import CompactModel
from fomm.nn.compact_generator import Blend
from fomm.nn.geometry import Keypoints, Motion
from fomm.training.augment import TransferSample
from fomm.training.motion_stage import across, motion_losses, region_weights, split_moments
from fomm.training.perceptual import PerceptualDistance, Vgg16, bundled_vgg16
from fomm.training.settings import StageSettings, TrainSettings


class GeneratorStage:
    """Compute the generator's losses; in a joint stage the motion losses are added and motion learns too."""

    def __init__(
        self, model: CompactModel, stage: StageSettings, settings: TrainSettings, device: torch.device
    ) -> None:
        self.model, self.stage = model, stage
        self.perceptual: nn.Module | None = None
        if stage.generator.perceptual > 0 and settings.perceptual == "vgg16":
            self.perceptual = PerceptualDistance(Vgg16(bundled_vgg16(), stage.perceptual_depth)).to(device)

    def losses(self, sample: TransferSample) -> dict[str, Tensor]:
        """Return the weighted losses of one batch by name."""
        weights, losses = self.stage.generator, {}
        if self.stage.name == "joint":
            losses = motion_losses(self.model, sample, self.stage.motion, self.stage.cross_share)
        blend = self.generate(sample)
        target = sample.clean[:, 1]
        region = region_weights(sample, weights.mouth, weights.eyes, target.shape[-1])[:, None]
        region = region / region.mean()
        losses["pixels"] = weights.pixels * ((blend.image - target).abs() * region).mean()
        losses["synthesised"] = weights.synthesised * ((blend.synthesised - target).abs() * region).mean()
        if self.perceptual is not None:
            losses["perceptual"] = weights.perceptual * self.perceptual(blend.image, target)
        return losses

    def generate(self, sample: TransferSample) -> Blend:
        """Animate person 0's source picture to the driving moment of each row."""
        source = sample.clean[:, 0]
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.stage.name == "joint"):
            motion = self._motion(sample, source)
        return self.model.generator.decode(source, self.model.generator.encode(source), motion)

    def _motion(self, sample: TransferSample, source: Tensor) -> Motion:
        count = len(source)
        split = count - round(count * self.stage.cross_share)
        moments = split_moments(self.model.detect(sample.seen.flatten(0, 1)))
        driving = Keypoints.cat([moments[1][:split], across(moments, sample.axes)[split:]])
        return self.model.move(source, driving, moments[0])
