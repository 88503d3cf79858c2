"""Random changes of a pair of frames, the same for both: flip, rotation, resize, crop, colour jitter.

They are the `augmentation_params` of the paper's configurations, in the paper's order.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.config.training.paper_views import (
    AugmentationParams,
    CropParams,
    FlipParams,
    JitterParams,
    ResizeParams,
    RotationParams,
)
from fomm.geometry.grids import coordinate_grid

_LUMA = (0.299, 0.587, 0.114)
# RGB to luma and two chroma axes (NTSC's YIQ); turning the chroma plane shifts the hue.
_TO_YIQ = ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))


def augment_pair(pair: Tensor, params: AugmentationParams, generator: torch.Generator) -> Tensor:
    """Return a random change of frames `[2, 3, H, W]` in [0, 1]; the sides change only by a crop."""
    if params.flip_param is not None:
        pair = _flip(pair, params.flip_param, generator)
    if params.rotation_param is not None:
        pair = _rotate(pair, params.rotation_param, generator)
    if params.resize_param is not None:
        pair = _resize(pair, params.resize_param, generator)
    if params.crop_param is not None:
        pair = _crop(pair, params.crop_param, generator)
    if params.jitter_param is not None:
        pair = _jitter(pair, params.jitter_param, generator)
    return pair.clamp(0, 1)


def _number(low: float, high: float, generator: torch.Generator) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator))


def _flip(pair: Tensor, params: FlipParams, generator: torch.Generator) -> Tensor:
    back_in_time, mirrored = torch.rand(2, generator=generator) < 0.5
    if params.time_flip and back_in_time:
        pair = pair.flip(0)
    return pair.flip(3) if params.horizontal_flip and mirrored else pair


def _rotate(pair: Tensor, params: RotationParams, generator: torch.Generator) -> Tensor:
    height, width = pair.shape[2:]
    angle = math.radians(_number(-params.degrees, params.degrees, generator))
    cos, sin = math.cos(angle), math.sin(angle)
    # In pixels, so that a frame that is not square keeps its shape.
    turn = torch.tensor([[cos, -sin * height / width], [sin * width / height, cos]])
    where = coordinate_grid(height, width, pair, corners=False) @ turn.T
    return F.grid_sample(pair, where.expand(2, -1, -1, -1), padding_mode="border", align_corners=False)


def _resize(pair: Tensor, params: ResizeParams, generator: torch.Generator) -> Tensor:
    scale = _number(*params.ratio, generator)
    size = [max(1, round(side * scale)) for side in pair.shape[2:]]
    return F.interpolate(pair, size=size, mode=params.interpolation)


def _crop(pair: Tensor, params: CropParams, generator: torch.Generator) -> Tensor:
    height, width = params.size
    missing = [max(0, wanted - side) for wanted, side in zip(params.size, pair.shape[2:], strict=True)]
    if any(missing):
        around = (missing[1] // 2, missing[1] - missing[1] // 2, missing[0] // 2, missing[0] - missing[0] // 2)
        pair = F.pad(pair, around, mode="replicate")
    top = int(torch.randint(pair.shape[2] - height + 1, (), generator=generator))
    left = int(torch.randint(pair.shape[3] - width + 1, (), generator=generator))
    return pair[:, :, top : top + height, left : left + width]


def _jitter(pair: Tensor, params: JitterParams, generator: torch.Generator) -> Tensor:
    """Change brightness, contrast, saturation and hue in random order."""
    for change in torch.randperm(4, generator=generator).tolist():
        if change == 0:
            pair = pair * _number(1 - params.brightness, 1 + params.brightness, generator)
        elif change == 1:
            mean = _grey(pair).mean()
            pair = mean + (pair - mean) * _number(1 - params.contrast, 1 + params.contrast, generator)
        elif change == 2:
            grey = _grey(pair)
            pair = grey + (pair - grey) * _number(1 - params.saturation, 1 + params.saturation, generator)
        else:
            pair = _turn_hue(pair, _number(-params.hue, params.hue, generator))
        pair = pair.clamp(0, 1)
    return pair


def _grey(pair: Tensor) -> Tensor:
    """Return the luma `[2, 1, H, W]`."""
    return (pair * torch.tensor(_LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)


def _turn_hue(pair: Tensor, turns: float) -> Tensor:
    cos, sin = math.cos(2 * math.pi * turns), math.sin(2 * math.pi * turns)
    to_yiq = torch.tensor(_TO_YIQ)
    chroma = torch.tensor([[1.0, 0.0, 0.0], [0.0, cos, -sin], [0.0, sin, cos]])
    return torch.einsum("ij,njhw->nihw", torch.linalg.inv(to_yiq) @ chroma @ to_yiq, pair)
