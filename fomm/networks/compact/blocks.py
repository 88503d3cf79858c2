"""Building blocks of the compact networks, chosen for two CPU cores.

Every convolution is followed by batch normalisation (folded away for inference) and ReLU. Upsampling happens after
the convolution, not before it as in the paper: a quarter of the arithmetic for the same receptive field.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConvBlock(nn.Sequential):
    """Convolution, batch normalisation, ReLU; `stride=2` halves the sides."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(channels_in, channels_out, kernel, stride=stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
        )


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a skip connection, `[B, C, H, W]` to the same shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvBlock(channels, channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return `relu(x + f(x))`; the block starts out as the identity on positive features."""
        changed: Tensor = self.norm(self.second(self.first(x)))
        return F.relu(x + changed)


def blocks_of(image: Tensor, detail: int) -> Tensor:
    """Fold D x D pixels into channels, `[B, C, H, W]` to `[B, C D D, h, w]`: `pixel_unshuffle`, but channels last."""
    batch, channels, height, width = image.shape
    parts = image.reshape(batch, channels, height // detail, detail, width // detail, detail)
    return parts.permute(0, 2, 4, 1, 3, 5).flatten(3).permute(0, 3, 1, 2)  # one copy instead of two


class CompactHourglass(nn.Module):
    """U-Net over `levels` halvings whose output keeps the input's sides and has `width` channels."""

    def __init__(self, channels_in: int, width: int, max_width: int, levels: int) -> None:
        super().__init__()
        widths = [min(max_width, width * 2**level) for level in range(levels + 1)]
        self.stem = ConvBlock(channels_in, widths[0])
        self.down = nn.ModuleList(ConvBlock(widths[i], widths[i + 1], stride=2) for i in range(levels))
        self.middle = ResidualBlock(widths[-1])
        self.up = nn.ModuleList(ConvBlock(widths[i + 1], widths[i]) for i in reversed(range(levels)))
        self.merge = nn.ModuleList(ConvBlock(2 * widths[i], widths[i]) for i in reversed(range(levels)))
        self.channels_out = widths[0]

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, C, H, W]` to `[B, width, H, W]`; H and W must be multiples of `2 ** levels`."""
        skips = [self.stem(x)]
        for down in self.down:
            skips.append(down(skips[-1]))
        out: Tensor = self.middle(skips.pop())
        for up, merge in zip(self.up, self.merge, strict=True):
            out = F.interpolate(up(out), scale_factor=2.0, mode="nearest")
            out = merge(torch.cat((out, skips.pop()), dim=1))
        return out
