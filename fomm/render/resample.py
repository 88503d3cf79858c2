"""Bring pictures from the model's resolution onto the photo's pixels, the same way for every frame.

The photo's pixels form an upright grid in the window, so bicubic interpolation separates into four taps along x and
four along y whose places and weights never change. Each pass is a weighted sum of four rows of a table, which an
embedding lookup computes ten times faster on a CPU than `grid_sample` finds sixteen neighbours for every pixel.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_SHARPNESS = -0.75  # Keys' parameter, as in torch's own bicubic kernels


class Resampler:
    """Bicubic interpolation at fixed places, equal to `grid_sample(mode="bicubic", padding_mode="border")`.

    Args:
        grid: where to sample, `[h, w, 2]` (x, y) in [-1, 1] between the picture's outer edges; rows share their y and
            columns their x.
        side: side of the square pictures to be sampled, in pixels.
    """

    def __init__(self, grid: Tensor, side: int) -> None:
        self._columns, self._column_weights = _taps(grid[0, :, 0], side)
        self._rows, self._row_weights = _taps(grid[:, 0, 1], side)

    def __call__(self, planes: Tensor) -> Tensor:
        """Return `[C, h, w]` for float32 planes `[C, side, side]`."""
        channels, side = planes.shape[:2]
        width, height = len(self._columns), len(self._rows)
        by_column = planes.permute(2, 0, 1).contiguous().view(side, channels * side)  # [side x, C * side y]
        wide = F.embedding_bag(self._columns, by_column, mode="sum", per_sample_weights=self._column_weights)
        by_row = wide.view(width, channels, side).permute(2, 1, 0).reshape(side, channels * width)
        sampled = F.embedding_bag(self._rows, by_row, mode="sum", per_sample_weights=self._row_weights)
        return sampled.view(height, channels, width).transpose(0, 1)


def _taps(coordinate: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Return indices `[n, 4]` and weights `[n, 4]` of the pixels around coordinates `[n]` in [-1, 1]."""
    place = ((coordinate.double() + 1) * side - 1) / 2
    first = place.floor()
    offset = torch.arange(-1, 3, device=place.device)
    distance = (place - first).unsqueeze(-1) - offset  # [n, 4], in (-2, 2)
    index = (first.unsqueeze(-1) + offset).clamp(0, side - 1).long()
    return index, _keys(distance.abs()).float()


def _keys(distance: Tensor) -> Tensor:
    """Return Keys' cubic convolution kernel for distances in [0, 2]."""
    a = _SHARPNESS
    near = ((a + 2) * distance - (a + 3)) * distance.square() + 1
    far = a * (((distance - 5) * distance + 8) * distance - 4)
    return torch.where(distance <= 1, near, far)
