"""Keypoints that drive a batch: a person's own, or another's carried over.

Person 0 at moment i, driven by person 1 going from i to j, moves as person 0 did from i to j. The keypoints of that
case are relative, as the paper transfers them (its section 3.3), with both people's views put on common axes:
`p = p0_i + s A (p1_j - p1_i)`, `J = A J1_j J1_i^-1 A^-1 J0_i`, where `s` is how much larger person 0's face is than
person 1's.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fomm.geometry.affine import inverse_2x2
from fomm.geometry.keypoints import Keypoints
from fomm.model.compact import CompactModel
from fomm.training.augment.followed import followed
from fomm.training.augment.views import TransferSample


@dataclass(frozen=True)
class FoundKeypoints:
    """Keypoints of a batch.

    Attributes:
        everywhere: of every picture in `TransferSample.seen`.
        source: of person 0 at the source moment, B rows.
        own: of person 0 at the driving moment, B rows.
        driving: what drives person 0, B rows.
    """

    everywhere: Keypoints
    source: Keypoints
    own: Keypoints
    driving: Keypoints


def find_keypoints(model: CompactModel, sample: TransferSample) -> FoundKeypoints:
    """Look for the keypoints that a batch needs.

    Raises:
        ValueError: the model's keypoints have no Jacobians.
    """
    count, split = len(sample.clean), sample.split
    found = model.detect(sample.seen)
    if found.jacobian is None:
        raise ValueError("The motion stage needs keypoints with Jacobians.")
    source, own = found[: 2 * count : 2], found[1 : 2 * count : 2]
    driving = own
    if split < count:
        moments = [source[split:], own[split:], found[2 * count :: 2], found[2 * count + 1 :: 2]]
        lent = across(moments, sample.axes[split:], model.settings.tied_keypoints)
        driving = Keypoints.cat([own[:split], lent])
    return FoundKeypoints(found, source, own, followed(driving, source, sample, model.settings.tied_keypoints))


def across(moments: list[Keypoints], axes: Tensor, tied: int = 0) -> Keypoints:
    """Return person 0's keypoints moved as person 1 moved, on person 0's axes and at the size of person 0's face.

    Args:
        moments: keypoints of person 0 at source and driving moment, then of person 1 at the same.
        axes: turns displacements of person 1 into those of person 0, `[B, 2, 2]`.
        tied: how many keypoints, the first ones, lie on the face and tell its size; 0 for all.
    """
    here, _, before, after = moments
    if here.jacobian is None or before.jacobian is None or after.jacobian is None:
        raise ValueError("Relative transfer needs keypoints with Jacobians.")
    tied = tied or here.value.shape[1]
    size, other = spread(here.value[:, :tied]).detach(), spread(before.value[:, :tied]).detach()  # [B]
    scale = torch.where(torch.minimum(size, other) > 1e-3, size / other.clamp_min(1e-3), 1.0)
    value = here.value + scale[:, None, None] * (after.value - before.value) @ axes.transpose(-1, -2)
    change = after.jacobian @ inverse_2x2(before.jacobian)
    frame = axes[:, None]
    return Keypoints(value, frame @ change @ inverse_2x2(frame) @ here.jacobian)


def spread(value: Tensor) -> Tensor:
    """Return the root mean square distance of keypoints `[B, K, 2]` from their centre, `[B]`."""
    return (value - value.mean(1, keepdim=True)).square().sum(-1).mean(1).sqrt()
