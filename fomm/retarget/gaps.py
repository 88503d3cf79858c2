"""What the photo does while the driver's face cannot be seen: it eases back to rest, and out of it again.

What is not known is not made up. Across a short gap the motion goes straight from one side to the other; in a longer
one the photo returns to its own expression, as it does before the face is seen first and after it was seen last.
"""

from __future__ import annotations

from fractions import Fraction

import torch
from torch import Tensor

SHORT = 0.3
"""Seconds of a gap that motion goes straight across."""
_EASE = 0.4  # seconds in which the photo comes to rest, about as long as a head takes to turn back


def following(found: Tensor, fps: Fraction) -> Tensor | None:
    """Return how far each frame follows the driver, `[T]`: 1 as they move, 0 at rest; None if all are as they move.

    Args:
        found: which frames show the face, bool `[T]`.
        fps: frames per second.
    """
    known = found.nonzero().flatten()  # [F]
    if len(known) == len(found):
        return None
    if not len(known):
        return torch.zeros(len(found))
    frame = torch.arange(len(found))
    after = torch.searchsorted(known, frame)
    before = torch.searchsorted(known, frame, right=True) - 1
    left, right = known[before.clamp(min=0)], known[after.clamp(max=len(known) - 1)]
    away = torch.minimum(
        torch.where(before >= 0, frame - left, len(found)),
        torch.where(after < len(known), right - frame, len(found)),
    )
    held = (1 - away / float(fps) / _EASE).clamp(0, 1)
    held = held * held * (3 - 2 * held)
    short = (before >= 0) & (after < len(known)) & ((right - left - 1) / float(fps) <= SHORT)
    return torch.where(short | found, 1.0, held)
