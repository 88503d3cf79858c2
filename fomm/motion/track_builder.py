"""How a motion track is collected while a clip streams by."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import torch
from torch import Tensor

from fomm.errors import MotionError
from fomm.motion.track import MotionTrack
from fomm.nn.geometry import Keypoints


class TrackBuilder:
    """Collects keypoints while a clip streams by.

    Args:
        fps: frames per second of what is appended.
        detector: fingerprint of the keypoint detector.
        audio: see `MotionTrack.audio`.
        size: see `MotionTrack.size`.
    """

    def __init__(
        self, fps: Fraction, detector: str, audio: str | None = None, size: tuple[int, int] | None = None
    ) -> None:
        self._fps, self._detector, self._audio, self._size = fps, detector, audio, size
        self._parts: list[Keypoints] = []
        self._found: list[bool] = []

    def __len__(self) -> int:
        return len(self._found)

    def append(self, keypoints: Keypoints, found: Sequence[bool] | None = None) -> None:
        """Add a batch of frames `[B, K, 2]`; `found` says which show the face, all of them if not given.

        Raises:
            MotionError: `found` has another length than the batch.
        """
        flags = [True] * len(keypoints) if found is None else [bool(flag) for flag in found]
        if len(flags) != len(keypoints):
            raise MotionError(f"{len(keypoints)} frames of keypoints came with {len(flags)} found flags; give as many.")
        jacobian = keypoints.jacobian
        self._parts.append(Keypoints(_own(keypoints.value), None if jacobian is None else _own(jacobian)))
        self._found.extend(flags)

    def build(self) -> MotionTrack:
        """Return the track, with frames that do not show the face bridged.

        Raises:
            MotionError: nothing was appended, or no frame shows the face.
        """
        if not self._found:
            raise MotionError("The driving clip gave no frames; check its start and stop times.")
        every = Keypoints.cat(self._parts)
        found = torch.tensor(self._found)
        reference = int(found.nonzero()[0]) if bool(found.any()) else 0
        track = MotionTrack(
            every.value, every.jacobian, self._fps, reference, self._detector, found, self._audio, self._size
        )
        return track.bridged()


def _own(part: Tensor) -> Tensor:
    """Return a CPU copy, so the caller may reuse its buffer."""
    return part.detach().to("cpu", torch.float32, copy=True)
