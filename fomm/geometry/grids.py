"""The coordinate grids that keypoints, flows and pictures share, and resizing on them.

Coordinates are (x, y) in [-1, 1], x to the right and y down. Two grid conventions exist side by side:

- corner grids (`corners=True`): the first and last pixel *centres* lie on -1 and 1, `2 i / (n - 1) - 1`. The paper's
  code builds all its grids this way and keeps doing so for parity with its checkpoints.
- edge grids (`corners=False`): -1 and 1 are the *outer edges* of the frame, `(2 i + 1) / n - 1`, which is what
  `grid_sample(align_corners=False)` expects and does not depend on the resolution. The compact networks use these.

`fomm.geometry.motion.Motion.displacement` removes the difference, so everything
downstream (full-resolution warping, metrics) is shared.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

_KEPT_CELLS = 256 * 256  # of the largest identity grid that is kept


def coordinate_grid(height: int, width: int, like: Tensor, *, corners: bool) -> Tensor:
    """Return the identity grid `[H, W, 2]` (x, y), on the device and in the floating type of `like`; not to be changed.

    Every frame needs a dozen small ones, so those are kept.
    """
    make = _kept_grid if height * width <= _KEPT_CELLS else _grid
    return make(height, width, like.device, like.dtype, corners)


def _grid(height: int, width: int, device: torch.device, dtype: torch.dtype, corners: bool) -> Tensor:
    with torch.inference_mode(False):  # a tensor made for inference could not serve training
        x = _axis(width, device, dtype, corners)
        y = _axis(height, device, dtype, corners)
        return torch.stack((x.view(1, -1).expand(height, -1), y.view(-1, 1).expand(-1, width)), dim=-1)


_kept_grid = lru_cache(maxsize=32)(_grid)


def _axis(length: int, device: torch.device, dtype: torch.dtype, corners: bool) -> Tensor:
    index = torch.arange(length, device=device, dtype=dtype)
    return 2.0 * index / (length - 1) - 1.0 if corners else (2.0 * index + 1.0) / length - 1.0


def resize(maps: Tensor, height: int, width: int) -> Tensor:
    """Resize maps bilinearly (align_corners False): `[B, C, h, w]` to `[B, C, H, W]`."""
    if maps.shape[2:] == (height, width):
        return maps
    return F.interpolate(maps, size=(height, width), mode="bilinear", align_corners=False)


def resize_flow(flow: Tensor, height: int, width: int) -> Tensor:
    """Resize a flow field bilinearly (align_corners False): `[B, h, w, 2]` to `[B, H, W, 2]`."""
    return resize(flow.permute(0, 3, 1, 2), height, width).permute(0, 2, 3, 1)


def on_axes(points: Tensor, axes: Tensor) -> Tensor:
    """Return points `[..., 2]` on axes `[..., 2, 2]`; written out, because autocast would round a matrix product."""
    return (points.unsqueeze(-2) * axes).sum(-1)


def cells_between(low: Tensor, high: Tensor, side: int) -> tuple[slice, slice]:
    """Return the rows and columns of a grid of `side` that hold all from one corner to another.

    Working on all others would take longer.

    Args:
        low: left and top, `[2]` in [-1, 1].
        high: right and bottom, likewise.
        side: cells along either side, corners not aligned.
    """
    cells = ((torch.stack((low, high)).detach() + 1) * (side / 2)).nan_to_num().clamp(0, side).int().tolist()
    (left, top), (right, bottom) = cells
    return slice(top, bottom + 1), slice(left, right + 1)
