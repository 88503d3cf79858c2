"""Loss of the matte stage: the network that finds the person against where the clips say they are."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from fomm.nn.compact_motion import to_blocks
from fomm.nn.matte import CompactMatte
from fomm.training.augment import TransferSample


def matte_loss(matte: CompactMatte, sample: TransferSample, side: int) -> Tensor:
    """Return the cross-entropy of both moments' mattes of person 0, with the noise and blur that the detector sees.

    Args:
        matte: what learns.
        sample: the batch.
        side: of the motion field.
    """
    pictures = sample.seen[: 2 * len(sample.clean)]  # both moments of person 0 come first
    found = matte(to_blocks(pictures, side))  # [2 B, 1, S, S]
    person = F.interpolate(sample.person.flatten(0, 1)[:, None], size=found.shape[2:], mode="area")
    return F.binary_cross_entropy_with_logits(found, person.to(found.dtype))
