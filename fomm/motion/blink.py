"""Blinks that close: a driver with narrow eyes must still shut wide ones.

Relative motion carries over how far a lid travelled. Eyes differ, so a full blink of one face is half a blink of
another. Where keypoints are tied to eyelids, the driver's eye is measured as lid distance over eye width; as it falls
from its open value in the reference frame towards closed, the photo's upper lid is drawn to its lower lid by the same
degree. Small changes of opening are left to relative motion, so measuring noise does not make lids tremble.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

CLOSED = 0.08  # lid distance over eye width of a shut eye, as keypoints tied to lids report it
_BEGIN, _END = 0.7, 0.15  # opening, relative to the reference frame, where closing begins and where it is complete


@dataclass(frozen=True)
class Eye:
    """Which keypoints describe one eye."""

    outer: int
    inner: int
    upper: int
    lower: int

    def opening(self, value: Tensor) -> Tensor:
        """Return lid distance over eye width `[B]` for keypoints `[B, K, 2]`."""
        lids = (value[:, self.upper] - value[:, self.lower]).norm(dim=-1)
        width = (value[:, self.outer] - value[:, self.inner]).norm(dim=-1)
        opening: Tensor = lids / width.clamp_min(1e-4)
        return opening


def close_eyes(moved: Tensor, driving: Tensor, start: Tensor, eyes: Sequence[Eye]) -> Tensor:
    """Return `moved` with eyes as far closed as the driver's.

    Args:
        moved: keypoints that move the photo, `[B, K, 2]`.
        driving: the driver's keypoints in the same frames, `[B, K, 2]`.
        start: the driver's keypoints in the reference frame, `[1, K, 2]`.
        eyes: the eyes to look after.

    Returns:
        `[B, K, 2]`, new where anything changed.
    """
    closed = moved.clone()
    for eye in eyes:
        room = eye.opening(start) - CLOSED  # [1]
        if float(room) <= CLOSED / 2:
            continue  # shut in the reference frame already: nothing to compare with
        left = (eye.opening(driving) - CLOSED) / room  # [B], 1 as open as in the reference frame, 0 shut
        degree = ((_BEGIN - left) / (_BEGIN - _END)).clamp(0, 1)[:, None]  # [B, 1]
        closed[:, eye.upper] = torch.lerp(moved[:, eye.upper], moved[:, eye.lower], degree * (1 - CLOSED))
    return closed
