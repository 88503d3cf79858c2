"""Blinks that close: a driver with narrow eyes must still shut wide ones.

Relative motion carries over how far a lid travelled. Eyes differ, so a full blink of one face is half a blink of
another. Where keypoints are tied to eyelids, the driver's eye is measured as lid distance over eye width; as it falls
from its open value in the reference frame, the photo's falls in the same proportion, and both shut together. Small
changes of opening are left to relative motion, so measuring noise does not make lids tremble.

The reference frame is chosen for more than its eyes. If they are half shut there and the photo's are not, every look of
the driver would be a wide-eyed one of the photo, and each eye by itself, as one lid hangs lower than the other. So
motion starts from that frame with its eyes as open as the photo's, as far as the driver's usually are.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from fomm.geometry.anatomy import Eye

CLOSED = 0.08  # lid distance over eye width of a shut eye, as keypoints tied to lids report it
_BEGIN, _FULLY = 0.8, 0.5  # opening, relative to the reference frame, from where proportion tells, and tells alone
_NEARLY, _SHUT = 0.35, 0.15  # where eyes begin to close faster than the driver's, and where they are shut
_USUAL = 0.75  # the quantile of a driver's eye openings that counts as open


def usual_opening(eye: Eye, values: Tensor) -> Tensor:
    """Return how far a driver's eye is open when it is open, a number, from all frames' keypoints `[T, K, 2]`."""
    return eye.opening(values).quantile(_USUAL)


def open_eyes(start: Tensor, source: Tensor, driving: Tensor, eyes: Sequence[Eye]) -> Tensor:
    """Return the reference frame's keypoints with eyes no further from open than the photo's, `[1, K, 2]`.

    Args:
        start: the driver's keypoints in the reference frame, `[1, K, 2]`.
        source: the photo's, likewise.
        driving: the driver's in all frames that show the face, `[T, K, 2]`.
        eyes: the eyes to look after.
    """
    opened = start.clone()
    for eye in eyes:
        own, usual, now = eye.opening(source), usual_opening(eye, driving), eye.opening(start)
        wanted = now.clamp(torch.minimum(own, usual), torch.maximum(own, usual))  # [1]
        along = start[:, eye.inner] - start[:, eye.outer]
        up = torch.stack((along[:, 1], -along[:, 0]), dim=-1) * _side(source, eye)  # [1, 2], as long as the eye is wide
        opened[:, eye.upper] += (wanted - now) * up
    return opened


def _side(value: Tensor, eye: Eye) -> Tensor:
    """Return 1 if the upper lid is to the left of the way from the eye's outer to its inner corner, else -1, `[B]`."""
    along, up = value[:, eye.inner] - value[:, eye.outer], value[:, eye.upper] - value[:, eye.lower]
    return torch.where(along[:, 1] * up[:, 0] - along[:, 0] * up[:, 1] < 0, -1.0, 1.0)


def close_eyes(
    moved: Tensor, driving: Tensor, start: Tensor, source: Tensor, eyes: Sequence[Eye], strength: float = 1.0
) -> Tensor:
    """Return `moved` with eyes as far closed as the driver's.

    Args:
        moved: keypoints that move the photo, `[B, K, 2]`.
        driving: the driver's keypoints in the same frames, `[B, K, 2]`.
        start: the driver's keypoints in the reference frame, `[1, K, 2]`.
        source: the photo's own, `[1, K, 2]`.
        eyes: the eyes to look after.
        strength: what part of half closed eyes is wanted; shut ones are shut.

    Returns:
        `[B, K, 2]`, new where anything changed.
    """
    closed = moved.clone()
    for eye in eyes:
        room = eye.opening(start) - CLOSED  # [1]
        if float(room) <= CLOSED / 2:
            continue  # shut in the reference frame already: nothing to compare with
        left = (eye.opening(driving) - CLOSED) / room  # [B], 1 as open as in the reference frame, 0 shut
        nearly = ((left - _SHUT) / (_NEARLY - _SHUT)).clamp(0, 1)
        wanted = eye.opening(source) * (1 - min(strength, 1.0) * (1 - left.clamp_min(_NEARLY))) * nearly
        degree = (1 - wanted / eye.opening(moved).clamp_min(1e-4)).clamp(0, 1 - CLOSED)
        degree = degree * ((_BEGIN - left) / (_BEGIN - _FULLY)).clamp(0, 1)
        closed[:, eye.upper] = torch.lerp(moved[:, eye.upper], moved[:, eye.lower], degree[:, None])
    return closed
