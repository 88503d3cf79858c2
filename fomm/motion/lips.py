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

_LACKING, _LACKED = (
    0.06,
    0.12,
)  # face sizes by which a driver's mouth is further open: from where it tells, and for sure

SHUT = 0.03  # gap in face sizes that keypoints report of lips which touch, at most


@dataclass(frozen=True)
class LipColumn:
    """The keypoints across both lips at one place along the mouth, from the upper lip's outer edge down."""

    upper_outer: int
    upper_inner: int
    lower_inner: int
    lower_outer: int

    def down(self, value: Tensor) -> Tensor:
        """Return unit vectors from upper to lower lip, `[B, 2]`, for keypoints `[B, K, 2]`."""
        across = value[:, self.lower_outer] - value[:, self.upper_outer]
        unit: Tensor = across / across.norm(dim=-1, keepdim=True).clamp_min(1e-4)
        return unit

    def gap(self, value: Tensor) -> Tensor:
        """Return how far apart the lips are, `[B]`, for keypoints `[B, K, 2]`; below 0 they overlap."""
        return ((value[:, self.lower_inner] - value[:, self.upper_inner]) * self.down(value)).sum(-1)


def close_lips(
    moved: Tensor, source: Tensor, driving: Tensor, start: Tensor, size: Tensor, lips: Sequence[LipColumn]
) -> Tensor:
    """Return `moved` with lips as far closed as the driver's.

    Args:
        moved: keypoints that move the photo, `[B, K, 2]`.
        source: the photo's own, `[1, K, 2]`.
        driving: the driver's keypoints in the same frames, `[B, K, 2]`.
        start: the driver's keypoints in the reference frame, `[1, K, 2]`.
        size: of the driver's face in the reference frame, `[1]`.
        lips: the columns of the lips.

    Returns:
        `[B, K, 2]`, new where anything changed.
    """
    closed = moved.clone()
    for column in lips:
        was, own = column.gap(start), column.gap(source)  # [1]
        gap = column.gap(moved)  # [B]
        surely_open = ((was - SHUT * size) / (SHUT * size)).clamp(0, 1)
        left = (column.gap(driving) / was.clamp_min(1e-6)).clamp(0, 1)
        wanted = torch.where(left < 1, torch.lerp(gap, own.clamp_min(0) * left, surely_open), gap)
        wanted = torch.maximum(wanted, own.clamp_max(0))  # as measured of a shut mouth, it may be a little below 0
        half = ((wanted - gap) / 2)[:, None] * column.down(moved)  # [B, 2]
        closed[:, [column.upper_outer, column.upper_inner]] -= half[:, None]
        closed[:, [column.lower_inner, column.lower_outer]] += half[:, None]
    return closed


def drop_jaw(
    moved: Tensor,
    source: Tensor,
    driving: Tensor,
    start: Tensor,
    size: Tensor,
    lips: Sequence[LipColumn],
    jaw: Sequence[tuple[int, float]],
    factor: float,
) -> Tensor:
    """Return `moved` with a mouth as far open as the driver's, if the driver's was further open from the start.

    Args:
        moved: keypoints that move the photo, `[B, K, 2]`.
        source: the photo's own, `[1, K, 2]`.
        driving: the driver's keypoints in the same frames, `[B, K, 2]`.
        start: the driver's keypoints in the reference frame, `[1, K, 2]`.
        size: of the photo's face, `[1]`.
        lips: the columns of the lips.
        jaw: other keypoints that go with the lower lip, and what part of its way.
        factor: steps of the photo's expression per step of the driver's.

    Returns:
        `[B, K, 2]`, new where anything changed.
    """
    dropped, ways = moved.clone(), []
    for column in lips:
        was, own = column.gap(start), column.gap(source)  # [1]
        lacking = factor * was - own.clamp_min(0)
        surely = ((lacking - _LACKING * size) / ((_LACKED - _LACKING) * size)).clamp(0, 1)
        left = (column.gap(driving) / was.clamp_min(1e-6)).clamp(0, 1)  # [B]
        way = (surely * lacking.clamp_min(0) * left)[:, None] * column.down(moved)  # [B, 2]
        dropped[:, [column.lower_inner, column.lower_outer]] += way[:, None]
        ways.append(way)
    mean = torch.stack(ways).mean(0)  # [B, 2]
    for place, part in jaw:
        dropped[:, place] += part * mean
    return dropped
