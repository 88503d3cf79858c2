"""The paper's patch discriminator at one or more scales, optionally told where the keypoints are; training only.

Each scale follows Pix2Pix. The features of every block are returned for the feature-matching loss. Spectral
normalisation keeps the classic `weight_orig`, `weight_u`, `weight_v` layout of the published checkpoints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import spectral_norm

from fomm.config.training.paper import CommonParams, DiscriminatorParams
from fomm.geometry.heatmaps import gaussian_heatmap
from fomm.geometry.keypoints import Keypoints


@dataclass(frozen=True)
class Judgement:
    """What one discriminator says about a batch.

    Attributes:
        realness: one score per patch, `[B, 1, h, w]`; the least-squares loss pulls real ones to 1, fakes to 0.
        features: the output of each block, finest first.
    """

    realness: Tensor
    features: tuple[Tensor, ...]


class PatchBlock(nn.Module):
    """Unpadded 4x4 convolution, instance normalisation (not in the first block), leaky ReLU, 2x2 averaging."""

    def __init__(self, in_features: int, out_features: int, *, norm: bool, pool: bool, sn: bool) -> None:
        super().__init__()
        self.conv = _convolution(in_features, out_features, 4, sn)
        self.norm: nn.Module = nn.InstanceNorm2d(out_features, affine=True) if norm else nn.Identity()
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, C, H, W]` to `[B, D, H - 3, W - 3]`, halved if pooled."""
        out = F.leaky_relu(self.norm(self.conv(x)), 0.2)
        return F.avg_pool2d(out, 2) if self.pool else out


class Discriminator(nn.Module):
    """Judge the patches of an image at one scale. State-dict keys: `down_blocks.N.{conv,norm}` and `conv`."""

    def __init__(self, common: CommonParams, params: DiscriminatorParams) -> None:
        super().__init__()
        entry = common.num_channels + (common.num_kp if params.use_kp else 0)
        widths = [
            entry,
            *(min(params.max_features, params.block_expansion * 2 ** (i + 1)) for i in range(params.num_blocks)),
        ]
        self.down_blocks = nn.ModuleList(
            PatchBlock(a, b, norm=i > 0, pool=i < params.num_blocks - 1, sn=params.sn)
            for i, (a, b) in enumerate(pairwise(widths))
        )
        self.conv = _convolution(widths[-1], 1, 1, params.sn)
        self.use_kp = params.use_kp
        self.kp_variance = params.kp_variance

    def forward(self, image: Tensor, driving: Keypoints | None = None) -> Judgement:
        """Judge `[B, 3, H, W]`; `driving` is required when the discriminator is conditioned on keypoints."""
        out = image
        if self.use_kp:
            if driving is None:
                raise ValueError("a discriminator built with use_kp needs the driving keypoints")
            heatmap = gaussian_heatmap(driving.value, *image.shape[2:], variance=self.kp_variance, corners=True)
            out = torch.cat((image, heatmap), dim=1)  # [B, 3 + K, H, W]
        features = []
        for block in self.down_blocks:
            out = block(out)
            features.append(out)
        return Judgement(self.conv(out), tuple(features))


class MultiScaleDiscriminator(nn.Module):
    """One discriminator per image scale. State-dict keys: `discs.1...`, `discs.0-5...`.

    Attributes:
        scales: the image scales, in the order of the configuration.
    """

    def __init__(self, common: CommonParams, params: DiscriminatorParams) -> None:
        super().__init__()
        self.scales = params.scales
        self.discs = nn.ModuleDict({_key(scale): Discriminator(common, params) for scale in params.scales})

    def forward(self, pyramid: Mapping[float, Tensor], driving: Keypoints | None = None) -> list[Judgement]:
        """Judge each scale's image `[B, 3, H scale, W scale]`; one judgement per scale, in order."""
        return [self.discs[_key(scale)](pyramid[scale], driving) for scale in self.scales]


def _key(scale: float) -> str:
    """Return the checkpoints' name of a scale; a module name may not contain a dot."""
    return f"{scale:g}".replace(".", "-")


def _convolution(in_features: int, out_features: int, kernel_size: int, sn: bool) -> nn.Module:
    conv = nn.Conv2d(in_features, out_features, kernel_size)
    return spectral_norm(conv) if sn else conv
