"""Smooth colours for what the source hides: those of the visible surroundings that move alike.

A head that moves away uncovers wall the source never shows. Pull-push interpolation (Gortler et al., "The Lumigraph",
1996, section 3.4) continues the visible colours into such holes: weighted averages are pulled up a pyramid, and pushed
back down into whatever has little weight of its own. It is done twice, for what hardly moves and for what does, so that
a wall is continued by the wall and a cheek by the cheek.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.nn.geometry import Motion

_SLOW = 0.03  # displacement in [-1, 1] units at which half of a cell counts as moving
_LEAST = 1e-6  # weight of what is hidden, so that a picture without anything visible has colours, too


def fill_hidden(warped: Tensor, motion: Motion) -> Tensor:
    """Return the moved source with smooth colours where it hides what belongs there, float32 `[B, 3, H, W]`.

    Args:
        warped: the source's pixels moved by the flow, `[B, 3, H, W]`; H and W are multiples of the field's sides.
        motion: how they were moved; `shown` says where they are right.

    Raises:
        ValueError: the motion does not say what is shown.
    """
    if motion.shown is None:
        raise ValueError("Only a motion that says what the source shows can be filled; set model.hidden_margin.")
    shown = motion.shown.float()
    height, width = shown.shape[2:]
    colours = F.adaptive_avg_pool2d(warped.float(), (height, width))  # [B, 3, h, w]
    displacement = motion.displacement().detach().permute(0, 3, 1, 2)
    step = F.adaptive_avg_pool2d(displacement, (height, width)).square().sum(1, keepdim=True)  # [B, 1, h, w]
    moving = step.square() / (step.square() + _SLOW**4)
    weights = torch.cat((shown * (1 - moving), shown * moving)).clamp_min(_LEAST)  # [2 B, 1, h, w]
    still, moved = _pull_push(colours.repeat(2, 1, 1, 1), weights).chunk(2)
    fill = torch.lerp(still, moved, moving)
    size = warped.shape[2:]
    fill, shown = (F.interpolate(x, size=size, mode="bilinear", align_corners=False) for x in (fill, shown))
    return torch.lerp(fill, warped.float(), shown)


def _pull_push(colours: Tensor, weights: Tensor) -> Tensor:
    """Return colours `[B, 3, h, w]`, replaced by those around them as far as their weight `[B, 1, h, w]` is below 1."""
    if max(colours.shape[2:]) == 1:
        return colours
    pooled = F.avg_pool2d(weights, 2, ceil_mode=True)
    coarse = F.avg_pool2d(colours * weights, 2, ceil_mode=True) / pooled
    coarse = _pull_push(coarse, (4 * pooled).clamp_max(1.0))
    around = F.interpolate(coarse, size=colours.shape[2:], mode="bilinear", align_corners=False)
    return torch.lerp(around, colours, weights)
