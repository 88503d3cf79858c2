"""Building blocks of the paper's networks: convolutional blocks, the hourglass, anti-alias downsampling and warping.

Attribute names are those of the published checkpoints (`down_blocks.0.conv.weight`, `r0.norm1`, ...), so that their
state dicts load strictly. Normalisation is always batch normalisation with eps 1e-5, activation always ReLU.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fomm.geometry.grids import resize_flow


class SameBlock(nn.Module):
    """Convolution, normalisation and ReLU at unchanged resolution: `[B, C, H, W]` to `[B, D, H, W]`."""

    def __init__(self, in_features: int, out_features: int, kernel_size: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_features, out_features, kernel_size, padding=kernel_size // 2)
        self.norm = nn.BatchNorm2d(out_features)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output; see the class."""
        return F.relu(self.norm(self.conv(x)), inplace=True)


class DownBlock(SameBlock):
    """A `SameBlock` followed by 2x2 averaging: `[B, C, H, W]` to `[B, D, H / 2, W / 2]`."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output; see the class."""
        return F.avg_pool2d(super().forward(x), 2)


class UpBlock(SameBlock):
    """Nearest-neighbour doubling followed by a `SameBlock`: `[B, C, H, W]` to `[B, D, 2 H, 2 W]`."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output; see the class."""
        return super().forward(F.interpolate(x, scale_factor=2, mode="nearest"))


class ResidualBlock(nn.Module):
    """Pre-activation residual block, `x + conv2(relu(norm2(conv1(relu(norm1(x))))))`; the shape stays."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(features)
        self.norm2 = nn.BatchNorm2d(features)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output; see the class."""
        out: Tensor = self.conv1(F.relu(self.norm1(x), inplace=True))
        out = self.conv2(F.relu(self.norm2(out), inplace=True))
        return out + x


class Encoder(nn.Module):
    """Halve the resolution `num_blocks` times, keeping every scale for the decoder."""

    def __init__(self, block_expansion: int, in_features: int, num_blocks: int, max_features: int) -> None:
        super().__init__()
        widths = [in_features, *(min(max_features, block_expansion * 2 ** (i + 1)) for i in range(num_blocks))]
        self.down_blocks = nn.ModuleList(DownBlock(a, b) for a, b in pairwise(widths))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the input and the output of every block, finest first."""
        scales = [x]
        for block in self.down_blocks:
            scales.append(block(scales[-1]))
        return scales


class Decoder(nn.Module):
    """Double the resolution `num_blocks` times, joining the encoder's features of each scale."""

    def __init__(self, block_expansion: int, in_features: int, num_blocks: int, max_features: int) -> None:
        super().__init__()
        blocks = []
        for level in reversed(range(num_blocks)):
            joined = 1 if level == num_blocks - 1 else 2  # all but the deepest block also read a skip connection
            width = joined * min(max_features, block_expansion * 2 ** (level + 1))
            blocks.append(UpBlock(width, min(max_features, block_expansion * 2**level)))
        self.up_blocks = nn.ModuleList(blocks)
        self.out_features = min(max_features, block_expansion) + in_features

    def forward(self, scales: list[Tensor]) -> Tensor:
        """Return features at the finest scale, `[B, out_features, H, W]`."""
        *skips, out = scales
        for block, skip in zip(self.up_blocks, reversed(skips), strict=True):
            out = torch.cat((block(out), skip), dim=1)
        return out


class Hourglass(nn.Module):
    """A U-Net: `[B, in_features, H, W]` to `[B, out_features, H, W]`; sides are multiples of `2 ** num_blocks`.

    Attributes:
        out_features: width of the result, the last block's plus the input's own channels.
    """

    def __init__(self, block_expansion: int, in_features: int, num_blocks: int, max_features: int) -> None:
        super().__init__()
        self.encoder = Encoder(block_expansion, in_features, num_blocks, max_features)
        self.decoder = Decoder(block_expansion, in_features, num_blocks, max_features)
        self.out_features = self.decoder.out_features

    def forward(self, x: Tensor) -> Tensor:
        """Return the features; see the class."""
        out: Tensor = self.decoder(self.encoder(x))
        return out


class AntiAliasDownsample(nn.Module):
    """Blur with a Gaussian and keep every `1 / scale`-th pixel: `[B, C, H, W]` to `[B, C, H scale, W scale]`.

    The kernel has standard deviation `(1 / scale - 1) / 2` and is a buffer, because the checkpoints carry it.
    """

    weight: Tensor

    def __init__(self, channels: int, scale: float) -> None:
        super().__init__()
        self.stride = round(1 / scale)
        sigma = (1 / scale - 1) / 2
        radius = round(4 * sigma)
        offset = torch.arange(-radius, radius + 1, dtype=torch.float32)
        bell = torch.exp(-offset.square() / (2 * sigma**2)) if sigma > 0 else torch.ones(1)
        kernel = torch.outer(bell, bell)
        self.register_buffer("weight", (kernel / kernel.sum()).repeat(channels, 1, 1, 1))  # [C, 1, k, k]

    def forward(self, image: Tensor) -> Tensor:
        """Return the smaller image; see the class."""
        weight = self.weight
        # Only the kept pixels are computed: a strided convolution instead of blurring all of them first.
        return F.conv2d(image, weight, stride=self.stride, padding=weight.shape[-1] // 2, groups=len(weight))


def convolve_together(features: Tensor, heads: Sequence[nn.Conv2d]) -> tuple[Tensor, ...]:
    """Apply heads of one kernel size and padding to the same features `[B, C, H, W]` as one convolution.

    A kernel with one output channel takes as long as one with sixteen, because both fill one vector register.
    """
    weight = torch.cat([head.weight for head in heads])
    bias = torch.cat([head.bias for head in heads if head.bias is not None])
    # Heads are read plane by plane: laid out so once here, not at every step.
    out = F.conv2d(features, weight, bias, padding=heads[0].padding).contiguous()
    return torch.split(out, [head.out_channels for head in heads], dim=1)


def warp(features: Tensor, flow: Tensor) -> Tensor:
    """Sample `features` `[B, C, H, W]` where `flow` `[B, h, w, 2]` points, bilinear, zero outside, align_corners False.

    A flow of another resolution is resized to that of the features; the result has the type of the features.
    """
    flow = resize_flow(flow, *features.shape[2:])
    # Interpolation weights stay in the flow's precision even when the features are bfloat16.
    moved = F.grid_sample(features.to(flow.dtype), flow, padding_mode="zeros", align_corners=False)
    return moved.to(features.dtype)
