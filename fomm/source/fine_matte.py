"""The matte at the picture's own resolution: its edge moved to where the picture's edge is.

The network finds the person in cells of four pixels. Between cells the matte is taken to be, around every pixel, a
linear function of the picture's colours there: the guided filter of He, Sun and Tang, "Guided Image Filtering" (2010),
equations 11 to 14 and, for colours, 19 and 20. Once per photo.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.geometry.grids import resize

_RADIUS = 6  # pixels of the picture around each that are fitted: one and a half cells
_PLAIN = 1e-4  # variance of colours in [0, 1] below which they tell nothing


@torch.no_grad()
def fine_matte(source: Tensor, matte: Tensor) -> Tensor:
    """Return the matte at the source's resolution.

    Args:
        source: `[B, 3, H, W]` in [0, 1].
        matte: where the person is, `[B, 1, h, w]` in [0, 1].

    Returns:
        `[B, 1, H, W]` in [0, 1].
    """
    guide = source.float()
    batch, _, height, width = guide.shape
    coarse = resize(matte.float(), height, width)  # [B, 1, H, W]
    mean, mean_matte = _around(guide), _around(coarse)
    pairs = (guide[:, :, None] * guide[:, None]).flatten(1, 2)  # [B, 9, H, W]
    cross = (mean[:, :, None] * mean[:, None]).flatten(1, 2)
    covariance = (_around(pairs) - cross).permute(0, 2, 3, 1).reshape(batch, height, width, 3, 3)
    covariance = covariance + _PLAIN * torch.eye(3, device=guide.device)
    along = (_around(guide * coarse) - mean * mean_matte).permute(0, 2, 3, 1)  # [B, H, W, 3]
    slope = torch.linalg.solve(covariance, along).permute(0, 3, 1, 2)  # [B, 3, H, W]
    start = mean_matte - (slope * mean).sum(1, keepdim=True)
    return ((_around(slope) * guide).sum(1, keepdim=True) + _around(start)).clamp(0, 1)


def _around(planes: Tensor) -> Tensor:
    """Return means over a square around each pixel of `[B, C, H, W]`."""
    return F.avg_pool2d(planes, 2 * _RADIUS + 1, 1, _RADIUS, count_include_pad=False)
