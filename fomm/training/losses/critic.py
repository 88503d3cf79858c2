"""The adversarial part of the losses: least-squares GAN and feature matching (the paper's appendix, after Pix2PixHD).

The generator pulls the scores of its frames to 1 and the discriminator's features of them to those of real frames; the
discriminator pulls real scores to 1 and generated ones to 0. Its optimiser is its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fomm.geometry.keypoints import Keypoints
from fomm.networks.paper.blocks import AntiAliasDownsample
from fomm.networks.paper.discriminator import MultiScaleDiscriminator


class Pyramid(nn.Module):
    """Shrink pictures to several scales with the paper's anti-alias filter."""

    def __init__(self, scales: Sequence[float]) -> None:
        super().__init__()
        self.scales = tuple(scales)
        self.downs = nn.ModuleList(nn.Identity() if scale == 1 else AntiAliasDownsample(3, scale) for scale in scales)

    def forward(self, image: Tensor) -> dict[float, Tensor]:
        """Return `[B, 3, H scale, W scale]` by scale for `[B, 3, H, W]`."""
        return {scale: down(image) for scale, down in zip(self.scales, self.downs, strict=True)}


class Critic:
    """A discriminator with its optimiser and the losses on both sides of it.

    Args:
        discriminator: judges pictures at the scales it was built for.
        adversarial: weight of the generator's least-squares loss.
        feature_matching: weight of each discriminator block's feature distance.
        own: weight of the discriminator's loss.
        learning_rate: its peak learning rate; the task's `rate` scales it.
        device: where to compute.
    """

    def __init__(
        self,
        discriminator: MultiScaleDiscriminator,
        *,
        adversarial: float,
        feature_matching: Sequence[float],
        own: float = 1.0,
        learning_rate: float = 2e-4,
        device: torch.device | str = "cpu",
    ) -> None:
        self.discriminator = discriminator.to(device).train()
        self.pyramid = Pyramid(discriminator.scales).to(device)
        self.adversarial, self.feature_matching, self.own = adversarial, tuple(feature_matching), own
        self.optimizer = torch.optim.Adam(discriminator.parameters(), lr=learning_rate, betas=(0.5, 0.999))

    def generator_losses(self, generated: Tensor, target: Tensor, driving: Keypoints) -> dict[str, Tensor]:
        """Return the generator's weighted losses for pictures `[B, 3, H, W]` in [0, 1]."""
        driving = driving.detach()
        judged = self.discriminator(self.pyramid(generated), driving)
        with torch.no_grad():
            real = self.discriminator(self.pyramid(target), driving)
        losses = {}
        if self.adversarial > 0:
            fooled = [(1 - scale.realness.float()).square().mean() for scale in judged]
            losses["adversarial"] = self.adversarial * torch.stack(fooled).sum()
        if sum(self.feature_matching) > 0:
            distances = [
                weight * (made.float() - true.float()).abs().mean()
                for fake_scale, real_scale in zip(judged, real, strict=True)
                for weight, made, true in zip(
                    self.feature_matching, fake_scale.features, real_scale.features, strict=True
                )
            ]
            losses["feature_matching"] = torch.stack(distances).sum()
        return losses

    def own_losses(self, generated: Tensor, target: Tensor, driving: Keypoints) -> dict[str, Tensor]:
        """Return the discriminator's weighted loss; no gradient reaches the generator."""
        driving = driving.detach()
        real = self.discriminator(self.pyramid(target.detach()), driving)
        fake = self.discriminator(self.pyramid(generated.detach()), driving)
        terms = [
            (1 - true.realness.float()).square().mean() + made.realness.float().square().mean()
            for true, made in zip(real, fake, strict=True)
        ]
        return {"discriminator": self.own * torch.stack(terms).sum()}
