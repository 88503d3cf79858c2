"""What makes tensors a motion track."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from fomm.errors import MotionError

if TYPE_CHECKING:
    from fomm.track.track import MotionTrack


def check_track(track: MotionTrack, name: str) -> None:
    """Refuse tensors that would only fail much later."""
    check_kinds(track, name)
    value, jacobian, found = track.value, track.jacobian, track.found
    if value.dim() != 3 or value.shape[-1] != 2 or not value.shape[0] or not value.shape[1]:
        raise MotionError(f"{name} must hold keypoints of shape [T, K, 2], not {list(value.shape)}.")
    if jacobian is not None and jacobian.shape != (*value.shape, 2):
        raise MotionError(f"{name} must hold Jacobians {[*value.shape, 2]}, not {list(jacobian.shape)}.")
    if found.shape != value.shape[:1] or found.dtype != torch.bool:
        raise MotionError(f"{name} must hold {len(value)} true-or-false found flags, not {list(found.shape)}.")
    for part in (value, jacobian):
        if part is not None and part.dtype != torch.float32:
            raise MotionError(f"{name} must hold float32 numbers, not {part.dtype}.")
        if part is not None and not bool(part.isfinite().all()):
            raise MotionError(f"{name} holds numbers that are not finite; extract it again.")
    if not 0 <= track.reference < len(value):
        raise MotionError(f"{name} names reference frame {track.reference} but has {len(value)} frames.")
    begun = (0, *track.shots, len(value))
    if any(start >= stop for start, stop in pairwise(begun)):
        raise MotionError(f"{name} has {len(value)} frames, among which no shots can begin at {track.shots!s:.80}.")
    if not 0 < track.fps <= 1000:
        raise MotionError(f"{name} has {track.fps} frames per second; it must be above 0 and at most 1000.")


def check_kinds(track: MotionTrack, name: str) -> None:
    """Check the kinds of what a track is made of."""
    kinds: dict[str, Any] = {"value": Tensor, "jacobian": Tensor | None, "fps": Fraction, "reference": int}
    kinds |= {"detector": str, "found": Tensor, "audio": str | None, "size": tuple | None}
    kinds |= {"shots": tuple, "bridges": tuple}
    for part, kind in kinds.items():
        if not isinstance(getattr(track, part), kind):
            raise MotionError(f"{name} cannot have {getattr(track, part)!r:.80} for its {part}.")
