"""Live motion: where the driver rests, and what they did while recording.

Live, the driver chooses the reference frame by calibrating, and whatever they change for good afterwards (another
chair, another pose) stays in the result. So the resting pose is watched: the median of the last seconds, which speech
and gestures hardly move. A recording keeps keypoints and their times, no pictures, and becomes an ordinary track.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from fractions import Fraction

import torch
from torch import Tensor

from fomm.errors import MotionError
from fomm.geometry.keypoints import Keypoints
from fomm.retarget.reference import normalised
from fomm.track.builder import TrackBuilder
from fomm.track.track import MotionTrack

NEAR, FAR, ASIDE, TURNED = "near", "far", "aside", "turned"
"""How the resting pose differs from the reference."""

RECORD_FPS = Fraction(25)
"""Frame rate of recordings."""

_REST_SECONDS = 4.0
_EVERY = 0.2  # seconds between the samples that the median is taken of
# In octaves, face radii, and root mean square of face radii. Over the bundled talking clip the median of four seconds
# strays by at most 0.03, 0.15 and 0.04; over clips of heads that turn and stay turned by 0, 0.9 and 0.2.
_SCALE, _SHIFT, _TURN = 0.2, 0.5, 0.14


class RestingPose:
    """Tells whether the driver rests where they did when they calibrated.

    Args:
        reference: their keypoints at that moment, `[1, K, 2]`.
        face: how many keypoints, the first ones, lie on the face; all of them when None.
    """

    def __init__(self, reference: Tensor, face: int | None = None) -> None:
        self._face = face
        self._reference = reference[:, :face]
        self._seen: deque[tuple[float, Tensor]] = deque()

    def add(self, value: Tensor, now: float) -> None:
        """Feed the keypoints `[1, K, 2]` of a frame that shows the driver, at a time in seconds."""
        if self._seen and now - self._seen[-1][0] < _EVERY:
            return
        self._seen.append((now, value[:, : self._face]))
        while now - self._seen[0][0] > _REST_SECONDS:
            self._seen.popleft()

    def drift(self) -> str:
        """Return how the resting pose differs from the reference, empty when it does not or is not known yet."""
        if len(self._seen) < 3 or self._seen[-1][0] - self._seen[0][0] < 0.8 * _REST_SECONDS:
            return ""
        rest = torch.cat([value for _, value in self._seen]).median(dim=0, keepdim=True).values  # [1, K, 2]
        radius, before = _radius(rest), _radius(self._reference)
        octaves = float(torch.log2(radius / before))
        if abs(octaves) > _SCALE:
            return NEAR if octaves > 0 else FAR
        if float((rest.mean(1) - self._reference.mean(1)).norm() / before) > _SHIFT:
            return ASIDE
        bent = (normalised(rest) - normalised(self._reference)).square().sum(-1).mean().sqrt()
        return TURNED if float(bent) > _TURN else ""


class Recorder:
    """Keeps live keypoints with their times.

    Args:
        reference: keypoints that count as the photo's pose, `[1, K, 2]`.
        detector: fingerprint of the keypoint detector.
        max_seconds: what comes later is not kept.
    """

    def __init__(self, reference: Keypoints, detector: str, max_seconds: float) -> None:
        self._reference, self._detector, self._most = reference, detector, max_seconds
        self._times: list[float] = []
        self._parts: list[Keypoints] = []
        self._found: list[bool] = []

    @property
    def seconds(self) -> float:
        """How much is recorded."""
        return self._times[-1] - self._times[0] if self._times else 0.0

    def add(self, keypoints: Keypoints, found: bool, now: float) -> None:
        """Add a frame `[1, K, 2]`; times in seconds must rise."""
        if self._times and not self._times[-1] < now <= self._times[0] + self._most:
            return
        self._times.append(now)
        self._parts.append(keypoints)
        self._found.append(found)

    def reference(self) -> MotionTrack:
        """Return the reference as a track of one frame, to be joined in front of `track`."""
        return still(self._reference, self._detector)

    def track(self) -> MotionTrack:
        """Return the recording at an even frame rate.

        Raises:
            MotionError: less than two frames, or none that shows the face.
        """
        if len(self._times) < 2:
            raise MotionError("The recording is too short; record for a second or longer.")
        builder = TrackBuilder(RECORD_FPS, self._detector)
        builder.append(Keypoints.cat(self._parts), self._found)
        uneven = builder.build()  # one row per live frame, gaps bridged
        times = torch.tensor(self._times, dtype=torch.float64)
        even = torch.arange(round((times[-1] - times[0]).item() * RECORD_FPS) + 1) / float(RECORD_FPS) + times[0]
        after = torch.searchsorted(times, even).clamp(1, len(times) - 1)
        before = after - 1
        part = ((even - times[before]) / (times[after] - times[before])).clamp(0, 1).float()  # [T]
        jacobian = uneven.jacobian
        return replace(
            uneven,
            value=_between(uneven.value, before, after, part),
            jacobian=None if jacobian is None else _between(jacobian, before, after, part),
            found=torch.where(part < 0.5, uneven.found[before], uneven.found[after]),
            reference=0,
        )


def still(keypoints: Keypoints, detector: str) -> MotionTrack:
    """Return keypoints `[1, K, 2]` as a track of one frame."""
    builder = TrackBuilder(RECORD_FPS, detector)
    builder.append(keypoints)
    return builder.build()


def _radius(value: Tensor) -> Tensor:
    """Return the root mean square distance of keypoints `[1, K, 2]` from their centre, `[]`."""
    return (value - value.mean(1, keepdim=True)).square().sum(-1).mean().sqrt().clamp_min(1e-6)


def _between(rows: Tensor, before: Tensor, after: Tensor, part: Tensor) -> Tensor:
    """Interpolate rows `[N, ...]` linearly to `[T, ...]`."""
    weight = part.view(-1, *([1] * (rows.dim() - 1)))
    return torch.lerp(rows[before], rows[after], weight)
