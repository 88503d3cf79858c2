"""Drawings: what keypoints tell of a frame better than a flow can, as colours and how far they cover the rest.

A drawing is `[B, 4, H, W]` in [0, 1], the share of a pixel that it covers and its colour there.
"""

from __future__ import annotations

import torch
from torch import Tensor


def over(front: Tensor | None, back: Tensor | None) -> Tensor | None:
    """Return two drawings as one, the first before the second; None is a drawing of nothing."""
    if front is None or back is None:
        return back if front is None else front
    share, rest = front[:, :1], (1 - front[:, :1]) * back[:, :1]
    cover = share + rest  # [B, 1, H, W]
    colour = (share * front[:, 1:] + rest * back[:, 1:]) / cover.clamp_min(1e-6)
    return torch.cat((cover, colour), dim=1)
