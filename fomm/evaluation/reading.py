"""One pass over a clip: its keypoints, the landmarks that judge outputs, and those that drive the baselines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from fomm.errors import MediaError
from fomm.evaluation.clips import Clip
from fomm.evaluation.curves import needed_landmarks, openings
from fomm.evaluation.features import Features
from fomm.evaluation.landmarks import Landmarker, Points
from fomm.evaluation.pictures import Picture
from fomm.evaluation.settings import EvaluateSettings
from fomm.motion.track import MotionTrack, TrackBuilder
from fomm.nn.landmarks import TIED_LANDMARKS
from fomm.scenes.animate import Pipeline

LEAST_FRAMES = 4
_BATCH = 8


@dataclass(frozen=True)
class Tools:
    """What measures: the model's pipeline, judges that are independent of it, and how much to look at.

    Attributes:
        pipeline: the model under test.
        landmarker: the independent landmark detector.
        features: the perceptual backbone, None where it is not installed.
        settings: how much is measured.
    """

    pipeline: Pipeline
    landmarker: Landmarker
    features: Features | None
    settings: EvaluateSettings

    @property
    def side(self) -> int:
        """Side of the frames in px."""
        return self.pipeline.animator.image_size

    @property
    def reads_expression(self) -> bool:
        """Whether lips and lids can be read off a picture at all."""
        return self.landmarker.mesh or self.pipeline.anatomy is not None

    def expression_points(self, picture: Picture, found: Points | None) -> Points:
        """Return the landmarks of `needed_landmarks` in a picture, `[N, 2]` in px, NaN where there are none.

        Args:
            picture: the frame.
            found: what the landmarker found in it.
        """
        wanted = needed_landmarks()
        if self.landmarker.mesh:
            return np.full((len(wanted), 2), np.nan) if found is None else found[list(wanted)]
        value = self.pipeline.animator.detect([picture]).value[0].double().numpy()  # [K, 2]
        return value[[TIED_LANDMARKS.index(landmark) for landmark in wanted]]


@dataclass(frozen=True, eq=False)
class Reading:
    """What one pass over a clip found; no pictures but the first.

    Attributes:
        clip: the clip, to stream it again.
        first: its first frame.
        track: the model's keypoints of every frame.
        landmarks: the landmarker's points of every frame in px, None where it found no face.
        guide: points that drive the baselines, `[T, K, 2]` in [-1, 1].
        guide_name: what those are.
        curves: openings of mouth and eyes, `[T]` each; empty where nothing can read them.
    """

    clip: Clip
    first: Picture
    track: MotionTrack
    landmarks: list[Points | None]
    guide: NDArray[np.float64]
    guide_name: str
    curves: dict[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.track)

    def frames(self) -> Iterator[Picture]:
        """Stream the frames that were read again."""
        return self.clip.frames(len(self))


def read_clip(clip: Clip, tools: Tools) -> Reading:
    """Read a clip once.

    Raises:
        MediaError: it has too few frames, or cannot be read.
    """
    track = TrackBuilder(clip.fps, tools.pipeline.detector)
    landmarks: list[Points | None] = []
    points: list[Points] = []
    first: Picture | None = None
    frames = clip.frames(tools.settings.frames)
    while batch := list(islice(frames, _BATCH)):
        first = batch[0] if first is None else first
        track.append(tools.pipeline.animator.detect(batch))
        for frame in batch:
            landmarks.append(tools.landmarker.find(frame))
            if clip.truth is None and tools.reads_expression:
                points.append(tools.expression_points(frame, landmarks[-1]))
    if first is None or len(landmarks) < LEAST_FRAMES:
        raise MediaError(f"{clip.path} has {len(landmarks)} frames; at least {LEAST_FRAMES} are needed to measure.")
    built = track.build()
    guide, name = _guide(clip, built, landmarks, tools)
    return Reading(clip, first, built, landmarks, guide, name, _curves(clip, points, len(landmarks)))


def curves_of(points: list[Points]) -> dict[str, NDArray[np.float64]]:
    """Return openings from each frame's `Tools.expression_points`."""
    stacked = np.stack(points)  # [T, N, 2]
    return openings({landmark: stacked[:, place] for place, landmark in enumerate(needed_landmarks())})


def _curves(clip: Clip, points: list[Points], count: int) -> dict[str, NDArray[np.float64]]:
    if clip.truth is not None:
        return curves_of(list(clip.truth.landmarks[:count, list(needed_landmarks())]))
    return curves_of(points) if points else {}


def _guide(
    clip: Clip, track: MotionTrack, landmarks: list[Points | None], tools: Tools
) -> tuple[NDArray[np.float64], str]:
    """Choose the best points there are: true ones, the landmarker's mesh, or the model's own keypoints."""
    if clip.truth is not None:
        return clip.truth.landmarks[: len(track), list(_skin(TIED_LANDMARKS, clip.truth.landmarks))], "true landmarks"
    if tools.landmarker.mesh and landmarks[0] is not None:
        held, last = [], landmarks[0]
        for found in landmarks:
            last = last if found is None else found
            held.append(last[list(TIED_LANDMARKS)])
        return np.stack(held) / (tools.side / 2) - 1, f"landmarks of {tools.landmarker.name}"
    tied = tools.pipeline.anatomy.face if tools.pipeline.anatomy else None
    return track.value[:, :tied].double().numpy(), "keypoints of the model under test"


def _skin(wanted: tuple[int, ...], landmarks: NDArray[np.float64]) -> tuple[int, ...]:
    """Leave out landmarks of the irises where a set does not hold them."""
    return tuple(landmark for landmark in wanted if landmark < landmarks.shape[1])
