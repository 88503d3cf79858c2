"""Losses of the generator stage: pixels, perceptual distance and, if wanted, an adversary.

Part of the batch is driven by the other person of its pair, so the generator also learns to finish frames whose
motion was transferred.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fomm.config.training.paper import CommonParams
from fomm.config.training.stages import StageSettings, TrainSettings
from fomm.geometry.grids import coordinate_grid
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.motion import Motion
from fomm.model.compact import CompactModel
from fomm.networks.compact.generator import Blend
from fomm.networks.paper.discriminator import MultiScaleDiscriminator
from fomm.parts.visibility import shown_in_source
from fomm.training.augment.found_keypoints import find_keypoints
from fomm.training.augment.views import TransferSample
from fomm.training.augment.window import choose_windows, cut_keypoints, cut_motion, cut_picture
from fomm.training.losses.critic import Critic
from fomm.training.losses.entropy import share_entropy
from fomm.training.losses.motion import motion_losses, region_weights
from fomm.training.losses.perceptual import COMPACT_WITHOUT, PerceptualDistance, Vgg16, bundled_vgg16
from fomm.training.tasks.task import Outcome

_MARGIN = 0.06  # how much farther in [-1, 1] units what hides another thing must have moved
_SLACK = 7  # pixels over which colours are averaged before a copy is judged


class GeneratorStage:
    """Compute the generator's losses; in a joint stage the motion losses are added and motion learns too.

    Args:
        model: what learns.
        stage: weights of the losses.
        settings: which perceptual backbone to use.
        device: where the model is.

    Raises:
        SettingsError: the perceptual backbone is wanted but not installed.
    """

    def __init__(
        self, model: CompactModel, stage: StageSettings, settings: TrainSettings, device: torch.device
    ) -> None:
        self.model, self.stage = model, stage
        self.perceptual: nn.Module | None = None
        if stage.generator.perceptual > 0 and settings.perceptual == "vgg16":
            self.perceptual = PerceptualDistance(
                Vgg16(bundled_vgg16(COMPACT_WITHOUT), max(stage.perceptual_depths)), stage.perceptual_depths
            ).to(device)
        self.critic = _critic(model, stage, device)

    def losses(self, sample: TransferSample) -> Outcome:
        """Return the weighted losses of one batch and the frames they are of."""
        weights, losses = self.stage.generator, {}
        if self.stage.name == "joint":
            moved = motion_losses(self.model, sample, self.stage.motion)
            losses, motion, driving = dict(moved.losses), moved.motion, moved.driving
        else:
            motion, driving = self._motion(sample)
        field = self.model.settings.motion_side
        region = region_weights(sample, weights.mouth, weights.eyes, field)[:, None]  # [B, 1, field, field]
        region = region + weights.uncovered * (1 - _shown(sample))
        source, target = sample.clean[:, 0], sample.clean[:, 1]
        inpainted = self.model.background(source)
        if 0 < self.stage.window < field:
            cells = self.stage.window
            windows = choose_windows(sample.landmarks[:, 1], field, cells)
            source, target, region = (cut_picture(x, windows, field, cells) for x in (source, target, region))
            inpainted = None if inpainted is None else cut_picture(inpainted, windows, field, cells)
            motion, driving = cut_motion(motion, windows, cells), cut_keypoints(driving, windows, field, cells)
        blend = self._decode(source, motion, inpainted)
        region = F.interpolate(region / region.mean(), size=target.shape[2:], mode="bilinear")
        inside = None
        if motion.mouth is not None and weights.inside > 0:
            inside = F.interpolate(motion.mouth[:, :1], size=target.shape[2:], mode="bilinear")
        losses["pixels"] = weights.pixels * (difference(blend.image, target, inside, weights.inside) * region).mean()
        # The network's own colours matter where the source cannot be copied.
        made_up = region * (1.1 - blend.copied.detach())
        made = difference(blend.synthesised, target, inside, weights.inside)
        losses["synthesised"] = weights.synthesised * (made * made_up).mean()
        if weights.visible > 0:
            losses["visible"] = weights.visible * copying_loss(blend, target, region)
        if self.perceptual is not None:
            losses["perceptual"] = weights.perceptual * self.perceptual(blend.image, target)
        if self.critic is not None:
            losses |= self.critic.generator_losses(blend.image, target, driving)
        return Outcome(losses, blend.image, target, driving)

    def generate(self, sample: TransferSample) -> Blend:
        """Animate person 0's source picture to the driving moment of each row."""
        source = sample.clean[:, 0]
        return self._decode(source, self._motion(sample)[0], self.model.background(source))

    def _motion(self, sample: TransferSample) -> tuple[Motion, Keypoints]:
        with torch.no_grad():
            return transferred_motion(self.model, sample)

    def _decode(self, source: Tensor, motion: Motion, inpainted: Tensor | None) -> Blend:
        return self.model.generator.decode(source, self.model.generator.encode(source), motion, inpainted)


def _shown(sample: TransferSample) -> Tensor:
    """Return where the source shows what belongs into the driving frame, `[B, 1, S, S]` in [0, 1], by the true flow."""
    side = sample.flow.shape[1]
    displacement = sample.flow - coordinate_grid(side, side, sample.flow, corners=False)
    return sample.valid[:, None] * shown_in_source(displacement.permute(0, 3, 1, 2), _MARGIN)


def difference(made: Tensor, target: Tensor, inside: Tensor | None, weight: float) -> Tensor:
    """Return the absolute difference of pictures `[B, 3, H, W]`, but `weight` times the squared one inside the mouth.

    Whether a mouth that opens shows teeth here, the source cannot tell. The absolute difference then asks for what is
    likelier, the dark, and teeth never come; the squared one for the mean, a band of half their brightness.

    Args:
        made: pictures in [0, 1].
        target: what they should be.
        inside: where the inside of the mouth is, `[B, 1, H, W]` in [0, 1]; None for nowhere.
        weight: of the squared difference.
    """
    absolute = (made - target).abs()
    return absolute if inside is None else torch.lerp(absolute, weight * absolute.square(), inside)


def copying_loss(blend: Blend, target: Tensor, region: Tensor) -> Tensor:
    """Compare the share of copied pixels with how right the copy is: 1 where it equals the target, near 0 beyond 0.1.

    Without it, a copy of hair beside a head that has moved on is as good as any other wrong colour. Colours are
    compared blurred: cloth or leaves a few pixels out of place are right, and sharper than anything made up.
    """
    gap = F.avg_pool2d(blend.offered - target, _SLACK, stride=1, padding=_SLACK // 2, count_include_pad=False)
    right = torch.exp(-20 * gap.abs().mean(1, keepdim=True)).detach()  # [B, 1, H, W]
    return (share_entropy(blend.copied, right) * region).mean()


def transferred_motion(model: CompactModel, sample: TransferSample) -> tuple[Motion, Keypoints]:
    """Return person 0's motion and its driving keypoints."""
    found = find_keypoints(model, sample)
    return model.move(sample.clean[:, 0], found.driving, found.source), found.driving


def _critic(model: CompactModel, stage: StageSettings, device: torch.device) -> Critic | None:
    weights, params = stage.generator, stage.discriminator
    if weights.adversarial == 0 and weights.feature_matching == 0:
        return None
    common = CommonParams(num_kp=model.settings.num_keypoints)
    return Critic(
        MultiScaleDiscriminator(common, params),
        adversarial=weights.adversarial,
        feature_matching=(weights.feature_matching,) * params.num_blocks,
        learning_rate=stage.discriminator_rate,
        device=device,
    )
