"""How a motion track is collected while a clip streams by."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import torch
from torch import Tensor

from fomm.errors import MotionError
from fomm.geometry.keypoints import Keypoints
from fomm.track.doubt import NO_FACE, SEEN, in_words, settled
from fomm.track.track import MotionTrack


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
        self._why: list[int] = []
        self._shots: list[int] = []
        self._judged = False

    def __len__(self) -> int:
        return len(self._found)

    def append(
        self, keypoints: Keypoints, found: Sequence[bool] | None = None, why: Sequence[int] | None = None
    ) -> None:
        """Add a batch of frames `[B, K, 2]`.

        Args:
            keypoints: of the frames.
            found: which of them show the face, all if it is not given.
            why: what speaks against each by itself, see `fomm.track.doubt`; if not given, what `found` says is final.

        Raises:
            MotionError: `found` has another length than the batch.
        """
        flags = [True] * len(keypoints) if found is None else [bool(flag) for flag in found]
        if len(flags) != len(keypoints):
            raise MotionError(f"{len(keypoints)} frames of keypoints came with {len(flags)} found flags; give as many.")
        jacobian = keypoints.jacobian
        self._parts.append(Keypoints(_own(keypoints.value), None if jacobian is None else _own(jacobian)))
        self._found.extend(flags)
        self._why.extend([SEEN if flag else NO_FACE for flag in flags] if why is None else why)
        self._judged = self._judged or why is not None

    def cut(self) -> None:
        """Say that what is appended next is another shot, whose motion is told from a reference of its own."""
        self._shots.append(len(self._found))

    def build(self) -> MotionTrack:
        """Return the track, with frames that do not show the face bridged.

        Raises:
            MotionError: nothing was appended, or no frame shows the face.
        """
        if not self._found:
            raise MotionError("The driving clip gave no frames; check its start and stop times.")
        every = Keypoints.cat(self._parts)
        found = torch.tensor(self._found)
        bridges: tuple[tuple[str, int], ...] = ()
        if self._judged:
            why = settled(self._why, self._shots)
            trusted = torch.tensor([reason == SEEN for reason in why])
            if bool(trusted.any()):  # else what the finder saw has to do
                found, bridges = trusted, in_words(why)
        shots = self._shown_shots(found)
        reference = int(found.nonzero()[0]) if bool(found.any()) else 0
        track = MotionTrack(
            every.value,
            every.jacobian,
            self._fps,
            reference,
            self._detector,
            found,
            self._audio,
            self._size,
            shots,
            bridges,
        )
        return track.bridged()

    def _shown_shots(self, found: Tensor) -> tuple[int, ...]:
        """Return where shots begin; one that never shows the face is a gap in the shot before it, or after it."""
        starts: list[int] = []
        for start, stop in pairwise((*self._shots, len(found))):
            begun = starts[-1] if starts else 0
            if bool(found[start:stop].any()) and bool(found[begun:start].any()):
                starts.append(start)
        return tuple(starts)


def _own(part: Tensor) -> Tensor:
    """Return a CPU copy, so the caller may reuse its buffer."""
    return part.detach().to("cpu", torch.float32, copy=True)
