"""Pull-push interpolation: gaps of a picture filled from around them, by ever coarser averages."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

LEAST = 1e-6


def pull_push(colours: Tensor, weights: Tensor) -> Tensor:
    """Return colours `[B, C, h, w]`, replaced by those around them as far as their weight `[B, 1, h, w]` is below 1."""
    if max(colours.shape[2:]) == 1:
        return colours
    pooled = F.avg_pool2d(weights, 2, ceil_mode=True)
    coarse = F.avg_pool2d(colours * weights, 2, ceil_mode=True) / pooled
    coarse = pull_push(coarse, (4 * pooled).clamp_max(1.0))
    around = F.interpolate(coarse, size=colours.shape[2:], mode="bilinear", align_corners=False)
    return torch.lerp(around, colours, weights)
