"""Heatmaps: bumps at keypoints, and the keypoints that heatmaps mean."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.geometry.grids import coordinate_grid

_LEAST = -40.0  # exponent; exp(-80) = 1.8e-35 is still a normal float32 (from 1.2e-38 on)


def gaussian_heatmap(value: Tensor, height: int, width: int, *, variance: float, corners: bool) -> Tensor:
    """Return one Gaussian bump per keypoint, `exp(-|z - p|^2 / (2 variance))`: `[B, K, 2]` to `[B, K, H, W]`."""
    grid = coordinate_grid(height, width, value, corners=corners)
    # The bump is separable: two short exponentials instead of H * W. Neither is let so far down that their product is a
    # denormal number: processors need many times as long for arithmetic on these.
    along_x = torch.exp((-0.5 * (grid[0, :, 0] - value[..., 0:1]).square() / variance).clamp_min(_LEAST))  # [B, K, W]
    along_y = torch.exp((-0.5 * (grid[:, 0, 1] - value[..., 1:2]).square() / variance).clamp_min(_LEAST))  # [B, K, H]
    return along_y.unsqueeze(-1) * along_x.unsqueeze(-2)  # [B, K, H, W]


def full_precision(tensor: Tensor) -> Tensor:
    """Return half and bfloat16 tensors as float32 and others as they are: coordinates need all the bits."""
    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor


def normalised_heatmaps(logits: Tensor, temperature: float) -> Tensor:
    """Return heatmaps that sum to 1 each, a softmax of `logits / temperature`, `[B, K, H, W]`, in float32 at least."""
    # Channels last, a softmax over places would lay them out anew.
    planes = full_precision(logits.contiguous().flatten(2))
    return F.softmax(planes / temperature, dim=2).view(logits.shape)


def expected_position(probability: Tensor, *, corners: bool) -> Tensor:
    """Return the mean coordinate of each heatmap (soft-argmax): `[B, K, H, W]` summing to 1, to `[B, K, 2]`."""
    height, width = probability.shape[2:]
    grid = coordinate_grid(height, width, probability, corners=corners)
    x = (probability.sum(2) * grid[0, :, 0]).sum(-1)  # [B, K]
    y = (probability.sum(3) * grid[:, 0, 1]).sum(-1)  # [B, K]
    return torch.stack((x, y), dim=-1)
