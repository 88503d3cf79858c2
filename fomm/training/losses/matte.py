"""Loss of the matte stage: the network that finds the person against where pictures are known to show them."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from fomm.config.training.compact import CompactSettings
from fomm.networks.compact.detector import to_blocks
from fomm.networks.compact.matte import CompactMatte

_EDGE = 2.0  # extra weight of cells near the silhouette, where all that is hard to tell is
_NEAR = 3  # cells


def matte_loss(matte: CompactMatte, settings: CompactSettings, pictures: Tensor, person: Tensor) -> Tensor:
    """Return the weighted cross-entropy of the mattes of pictures.

    Args:
        matte: what learns.
        settings: of its model.
        pictures: `[B, 3, H, W]` in [0, 1].
        person: where they show the person, float `[B, 1, h, w]` in [0, 1].
    """
    found = matte(to_blocks(pictures, settings.motion_side, settings.matte_detail))  # [B, 1, S, S]
    person = F.interpolate(person.to(found.dtype), size=found.shape[2:], mode="area")
    reach = 2 * _NEAR + 1
    most, least = (sign * F.max_pool2d(sign * person, reach, stride=1, padding=_NEAR) for sign in (1, -1))
    wrong = F.binary_cross_entropy_with_logits(found, person, reduction="none")
    return (wrong * (1 + _EDGE * (most - least))).mean()
