"""Cross-entropy of shares, also under autocast: on GPUs that refuses it, even for float32."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def share_entropy(share: Tensor, target: Tensor) -> Tensor:
    """Return the binary cross-entropy of each element of `share` against `target`, both in [0, 1], in float32."""
    with torch.autocast(share.device.type, enabled=False):
        return F.binary_cross_entropy(share.float(), target.float(), reduction="none")
