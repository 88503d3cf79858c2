"""What fine-tuning on one person learns: the generator and the dense motion, from that person's own frames.

The keypoint detector stays as it is, so motion tracks made with the original model still drive the new one.

- *Clips*: one frame of a clip is animated to another; whatever the source hides (teeth, shut lids, the side of the
  head) is learnt from the frames that show it.
- *Photo*: it is deformed at random (a similarity and a thin-plate spline, as for the paper's equivariance loss) and
  animated to its deformed self. This teaches texture, but nothing that the photo does not show. The whole picture is
  deformed, wall and all, so only the face is judged, and without clips only the generator learns.

An anchor pulls all weights to where they started (L2-SP, Li et al., 2018), so that poses seen in no frame keep what the
original model knew.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from fomm.config.training.finetune import FinetuneSettings
from fomm.config.training.paper import TransformParams
from fomm.config.training.paper_views import AugmentationParams, FlipParams, JitterParams, RotationParams
from fomm.geometry.heatmaps import gaussian_heatmap
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import REGIONS
from fomm.geometry.warping import warp
from fomm.model.compact import CompactModel
from fomm.networks.layout import channels_last
from fomm.training.augment.pairs import augment_pair
from fomm.training.augment.window import choose_windows, cut_keypoints, cut_motion, cut_picture
from fomm.training.losses.critic import Critic
from fomm.training.losses.entropy import share_entropy
from fomm.training.losses.equivariance import Deformation
from fomm.training.losses.perceptual import PerceptualDistance
from fomm.training.tasks.task import Draw, Outcome, Phase, Pictures, RunIdentity, cosine_rate

Frames = NDArray[np.uint8]
_FADING = 20.0  # how fast trust in the warp falls with its error, as in the motion stage
_CLEARLY_OTHER = 0.15  # difference of the warp from the target that means the source does not show it
_FACE_REACH = 0.01  # variance of the bumps around keypoints that make up the face, in [-1, 1] units squared
_WINDOW = 5 / 8  # side of the learnt windows, as a share of the frame's
_VIEWS = AugmentationParams(
    FlipParams(horizontal_flip=True, time_flip=False),
    RotationParams(degrees=8.0),
    jitter_param=JitterParams(brightness=0.15, contrast=0.15, saturation=0.15, hue=0.02),
)
_DEFORMATION = TransformParams(sigma_affine=0.08, sigma_tps=0.01, points_tps=5)


class FinetuneTask:
    """Train a compact model on one person.

    Args:
        model: what to begin with; it is trained in place.
        photo: the person's photo as the model sees it, uint8 `[S, S, 3]`.
        clips: frames of each of their clips, uint8 `[T, S, S, 3]`, T at least 2; may be empty.
        settings: how to learn.
        backbone: features of the perceptual loss, as for `PerceptualDistance`; None learns from pixels alone.
        device: where to compute.
    """

    critic: Critic | None = None

    def __init__(
        self,
        model: CompactModel,
        photo: Frames,
        clips: Sequence[Frames],
        settings: FinetuneSettings,
        backbone: nn.Module | None,
        device: torch.device,
    ) -> None:
        self.loop = self.settings = settings
        self.photo, self.clips, self.device = photo, list(clips), device
        self.model = channels_last(model.to(device))
        self.phases = (Phase("finetune", settings.steps),)
        self.identity = RunIdentity.of(model.config, settings.to_mapping())
        self.perceptual = None if backbone is None else PerceptualDistance(backbone).to(device)
        self.moves = settings.motion and bool(self.clips)
        parts = [model.generator, model.dense_motion] if self.moves else [model.generator]
        self.learning = [parameter for part in parts for parameter in part.parameters()]
        self.original = copy.deepcopy(self.model.dense_motion).eval().requires_grad_(False)
        self.start = [parameter.detach().clone() for parameter in self.learning]

    def begin(self, phase: int) -> None:
        """Hold still what does not learn, batch statistics everywhere included: a few frames of one face skew them."""
        self.model.eval().requires_grad_(False)
        for parameter in self.learning:
            parameter.requires_grad_(True)

    def optimizer(self) -> Optimizer:
        """Return Adam; the anchor takes the place of weight decay."""
        return torch.optim.Adam(self.learning, lr=self.settings.learning_rate, betas=(0.5, 0.99))

    def rate(self, step: int) -> float:
        """Return the factor on the learning rate."""
        return cosine_rate(step, self.settings.steps, warm_up=min(20, self.settings.steps))

    def make_batch(self, draw: Draw) -> tuple[Tensor, int]:
        """Return pairs `[B, 2, 3, S, S]` in [0, 1], source then driving, and how many come from clips: the first ones.

        The others are the photo twice; `losses` deforms it.
        """
        numbers = np.random.default_rng(draw.seed)
        generator = torch.Generator().manual_seed(draw.seed)
        rows = self.settings.rows
        moving = round(rows * (1 - self.settings.photo_share)) if self.clips else 0
        pairs = []
        for row in range(rows):
            if row < moving:
                clip = self.clips[int(numbers.integers(len(self.clips)))]
                pair = clip[numbers.choice(len(clip), 2, replace=False)]
            else:
                pair = np.stack((self.photo, self.photo))
            pictures = torch.from_numpy(pair).permute(0, 3, 1, 2).float().div(255)
            pairs.append(augment_pair(pictures, _VIEWS, generator))
        return torch.stack(pairs).to(self.device), moving

    def losses(self, batch: tuple[Tensor, int]) -> Outcome:
        """Compute the losses of a batch."""
        weights = self.settings.weights
        source, target, here, there = self._moments(batch)
        with torch.set_grad_enabled(self.moves):
            motion = self.model.move(source, there, here)
        side = self.model.settings.motion_side
        region = self._region_weights(there, side)[:, None]  # [B, 1, side, side]
        judged = self._face_map(there, side)[:, None]
        judged[: batch[1]] = 1
        cells = round(side * _WINDOW / 4) * 4
        windows = choose_windows(self._face(there), side, cells)
        inpainted = self.model.background(source)
        losses: dict[str, Tensor] = {}
        if self.moves and weights.elsewhere > 0:
            losses["elsewhere"] = weights.elsewhere * self._change_elsewhere(source, there, here, motion.flow)
        source, target, region, judged = (
            cut_picture(x, windows, side, cells) for x in (source, target, region, judged)
        )
        inpainted = None if inpainted is None else cut_picture(inpainted, windows, side, cells)
        motion, there = cut_motion(motion, windows, cells), cut_keypoints(there, windows, side, cells)
        blend = self.model.generator.decode(source, self.model.generator.encode(source), motion, inpainted)
        region = F.interpolate(region, size=target.shape[2:], mode="bilinear")
        gap = (blend.warped.detach() - target).abs().mean(1, keepdim=True)  # [B, 1, h, w]
        region = region + weights.uncovered * (gap / _CLEARLY_OTHER).clamp_max(1)
        region = region / region.mean()
        # Around a deformed photo nothing moves as the world does, so there only its face counts.
        judged = F.interpolate(judged, size=target.shape[2:], mode="bilinear")
        image, synthesised = (torch.lerp(target, made, judged) for made in (blend.image, blend.synthesised))
        losses["pixels"] = weights.pixels * ((image - target).abs() * region).mean()
        made_up = region * (1.1 - blend.visible.detach())
        losses["synthesised"] = weights.synthesised * ((synthesised - target).abs() * made_up).mean()
        if self.moves and motion.occlusion is not None:
            shown = F.interpolate(torch.exp(-_FADING * gap), size=motion.occlusion.shape[2:], mode="area")
            losses["occlusion"] = weights.occlusion * share_entropy(motion.occlusion, shown).mean()
        if self.perceptual is not None:
            losses["perceptual"] = weights.perceptual * self.perceptual(image, target)
        if weights.anchor > 0:
            away = [(now - then).square().sum() for now, then in zip(self.learning, self.start, strict=True)]
            losses["anchor"] = weights.anchor * torch.stack(away).sum()
        return Outcome(losses, image, target, there)

    def pictures(self, batch: tuple[Tensor, int]) -> Pictures:
        """Return the batch warped and generated."""
        source, target, here, there = self._moments(batch)
        made = self.model.animate(self.model.encode(source), there, here)
        return Pictures(source, target, warp(source, made.motion.displacement().permute(0, 3, 1, 2)), made.image)

    @torch.no_grad()
    def _moments(self, batch: tuple[Tensor, int]) -> tuple[Tensor, Tensor, Keypoints, Keypoints]:
        """Return source and driving pictures and their keypoints; pairs of the photo become driving and deformed."""
        pairs, moving = batch
        source, target = pairs.unbind(1)
        still = len(pairs) - moving
        if still:
            deformation = Deformation.random(still, _DEFORMATION, pairs.device)
            target = torch.cat((target[:moving], deformation.apply(target[moving:], corners=False)))
        found = self.model.detect(torch.cat((source, target)))
        return source, target, found[: len(pairs)], found[len(pairs) :]

    def _change_elsewhere(self, source: Tensor, there: Keypoints, here: Keypoints, flow: Tensor) -> Tensor:
        """Return how far the flow has left the original model's, away from the face.

        A few clips of one person before one wall teach that the world stands still, and to leave a copy of the head
        where it was.
        """
        with torch.no_grad():
            before = self.model.move(source, there, here, self.original).flow
        return ((flow - before).abs().sum(-1) * (1 - self._face_map(there, flow.shape[1]))).mean()

    def _face_map(self, keypoints: Keypoints, side: int) -> Tensor:
        """Return `[B, side, side]`: 1 on the face, falling to 0 around it."""
        return gaussian_heatmap(self._face(keypoints), side, side, variance=_FACE_REACH, corners=False).amax(1)

    def _face(self, keypoints: Keypoints) -> Tensor:
        return keypoints.value[:, : self.model.settings.tied_keypoints or None]

    def _region_weights(self, keypoints: Keypoints, side: int) -> Tensor:
        """Return pixel weights `[B, side, side]`: 1, more around the mouth and eyes where keypoints mark them."""
        weights = self.settings.weights
        total = torch.ones(len(keypoints), side, side, device=keypoints.value.device)
        for name, extra, variance in (("mouth", weights.mouth, 0.004), ("eyes", weights.eyes, 0.002)):
            if max(REGIONS[name]) < self.model.settings.tied_keypoints:
                points = keypoints.value[:, list(REGIONS[name])]
                total = total + extra * gaussian_heatmap(points, side, side, variance=variance, corners=False).amax(1)
        return total
