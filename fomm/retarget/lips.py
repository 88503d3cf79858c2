"""Lips that meet: a driver who shuts the mouth shuts the photo's, and lips never pass through each other.

Relative motion carries over how far a lip travelled since the reference frame. If the driver's mouth stands open there,
and the photo's less or not at all, lips that close would cross, and if the photo's stands wider open they would never
meet; `m` and `b` need them to. So as the driver's gap falls from its value in the reference frame to nothing, the
photo's falls from its own to nothing, in the same proportion. Gaps wider than in the reference frame are left to
relative motion.

Who talks or laughs through the whole clip has no frame with the photo's shut mouth, and motion that starts at an open
one would keep the photo's mouth less open than the driver's by that much. So what the photo's lacks in the reference
frame is added: the jaw drops, and with it lower lip, chin and, in part, the corners of the mouth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fomm.geometry.anatomy import LipColumn

_LACKING, _LACKED = 0.06, 0.12  # face sizes that a photo's mouth lacks: from where that tells, and for sure

SHUT = 0.03  # gap in face sizes that keypoints report of lips which touch, at most


@dataclass(frozen=True)
class Mouths:
    """The keypoints that tell how far mouths are open.

    Attributes:
        source: the photo's own, `[1, K, 2]`.
        start: the driver's in the reference frame, `[1, K, 2]`.
        driving: the driver's in the frames to make, `[B, K, 2]`.
    """

    source: Tensor
    start: Tensor
    driving: Tensor

    def gaps(self, column: LipColumn) -> tuple[Tensor, Tensor, Tensor]:
        """Return the photo's gap and the driver's at the start, `[1]` each, and what share of that is left, `[B]`."""
        was = column.gap(self.start)
        return column.gap(self.source), was, (column.gap(self.driving) / was.clamp_min(1e-6)).clamp(0, 1)


def close_lips(moved: Tensor, mouths: Mouths, size: Tensor, lips: Sequence[LipColumn]) -> Tensor:
    """Return keypoints `moved`, `[B, K, 2]`, with lips as far closed as the driver's; new where anything changed.

    Args:
        moved: what moves the photo.
        mouths: what tells it.
        size: of the driver's face in the reference frame, `[1]`.
        lips: the columns of the lips.
    """
    closed = moved.clone()
    for column in lips:
        own, was, left = mouths.gaps(column)
        gap = column.gap(moved)  # [B]
        surely_open = ((was - SHUT * size) / (SHUT * size)).clamp(0, 1)
        wanted = torch.where(left < 1, torch.lerp(gap, own.clamp_min(0) * left, surely_open), gap)
        wanted = torch.maximum(wanted, own.clamp_max(0))  # as measured of a shut mouth, it may be a little below 0
        column.part(closed, wanted - gap)
    return closed


def drop_jaw(
    moved: Tensor,
    mouths: Mouths,
    size: Tensor,
    lips: Sequence[LipColumn],
    jaw: Sequence[tuple[int, float]],
    factor: float,
) -> Tensor:
    """Return `moved`, `[B, K, 2]`, with a mouth as far open as the driver's, if that was further open from the start.

    Args:
        moved: what moves the photo.
        mouths: what tells it.
        size: of the photo's face, `[1]`.
        lips: the columns of the lips.
        jaw: other keypoints that go with the lower lip, and what part of its way.
        factor: steps of the photo's expression per step of the driver's.
    """
    dropped, ways = moved.clone(), []
    for column in lips:
        own, was, left = mouths.gaps(column)
        lacking = factor * was - own.clamp_min(0)  # [1]
        surely = ((lacking - _LACKING * size) / ((_LACKED - _LACKING) * size)).clamp(0, 1)
        way = (surely * lacking * left)[:, None] * column.down(moved)  # [B, 2]
        dropped[:, [column.lower_inner, column.lower_outer]] += way[:, None]
        ways.append(way)
    mean = torch.stack(ways).mean(0)  # [B, 2]
    for place, part in jaw:
        dropped[:, place] += part * mean
    return dropped
