"""Warping: a picture sampled along a displacement."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.geometry.grids import coordinate_grid


def warp(image: Tensor, displacement: Tensor, padding: str = "border") -> Tensor:
    """Sample `image` `[B, C, H, W]` at identity plus `displacement` `[B, 2, h, w]` (resized bilinearly; edge grid).

    What lies beyond the edge is the last pixel (`border`), or the image mirrored (`reflection`).
    """
    height, width = image.shape[2:]
    if displacement.shape[2:] != (height, width):
        displacement = F.interpolate(displacement, size=(height, width), mode="bilinear", align_corners=False)
    flow = displacement.permute(0, 2, 3, 1) + coordinate_grid(height, width, displacement, corners=False)
    # Coordinates keep float32: in bfloat16 they would be off by half a pixel at 128 px.
    fast = image.dtype == torch.bfloat16 and image.device.type == "cpu" and padding == "border"
    if fast and not torch.is_grad_enabled():
        return _sample_rows(image, flow.float())
    sampled = F.grid_sample(image.float(), flow.float(), padding_mode=padding, align_corners=False)
    return sampled.to(image.dtype)


def _sample_rows(image: Tensor, flow: Tensor) -> Tensor:
    """Sample as `grid_sample` with border padding does, in bfloat16 and channels last on a CPU, three times as fast.

    A sample is a weighted sum of four pixels, and channels last a pixel is one row of a table: an embedding lookup.
    """
    batch, channels, height, width = image.shape
    size = flow.new_tensor((width, height))
    place = ((flow + 1) * (size / 2) - 0.5).clamp_min(0).minimum(size - 1)  # [B, h, w, 2] in pixels
    low = place.floor().minimum(size - 2).clamp_min(0)
    part = place - low
    corner = low.int()
    first = corner[..., 1] * width + corner[..., 0]  # [B, h, w]
    first = first + torch.arange(batch, dtype=torch.int32).mul(height * width).view(-1, 1, 1)
    rows = first.unsqueeze(-1) + torch.tensor((0, 1, width, width + 1), dtype=torch.int32)  # [B, h, w, 4]
    x, y = part.unbind(-1)
    right, below = x * (1 - y), y * (1 - x)
    both = x * y
    shares = torch.stack((1 - x - below, right, below, both), dim=-1)  # [B, h, w, 4]
    table = image.permute(0, 2, 3, 1).reshape(-1, channels)
    sampled = F.embedding_bag(
        rows.view(-1, 4), table, mode="sum", per_sample_weights=shares.view(-1, 4).to(image.dtype)
    )
    return sampled.view(batch, *flow.shape[1:3], channels).permute(0, 3, 1, 2)
