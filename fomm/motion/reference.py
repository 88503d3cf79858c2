"""The driving frame whose pose and expression come nearest the photo's: where relative motion should start.

Relative motion carries over how the driver differs from the reference frame, so any difference between that frame
and the photo stays in the result for the whole clip. Our own keypoints measure it; no landmark model is needed.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fomm.errors import MotionError
from fomm.motion.track import MotionTrack
from fomm.nn.geometry import Keypoints


def best_reference(source: Keypoints, track: MotionTrack) -> int:
    """Return the index of the frame whose keypoints match the source's best, place and size aside.

    Args:
        source: keypoints of the photo, `[1, K, 2]`.
        track: the driving clip; frames where the face was not found are left out.

    Raises:
        MotionError: no frame shows the face.
    """
    if not bool(track.found.any()):
        raise MotionError("No frame of the driving clip shows the face; mark it with --driving-box.")
    target = normalised(source.value.detach().to("cpu", torch.float32))  # [1, K, 2]
    distance = (normalised(track.value) - target).square().sum(dim=(1, 2))  # [T]
    return int(distance.masked_fill(~track.found, torch.inf).argmin())


def normalised(value: Tensor) -> Tensor:
    """Centre keypoints `[B, K, 2]` and scale them to a root-mean-square radius of 1."""
    centred = value - value.mean(dim=1, keepdim=True)
    radius = centred.square().sum(dim=2).mean(dim=1).sqrt()  # [B]
    return centred / radius.clamp(min=1e-6)[:, None, None]
