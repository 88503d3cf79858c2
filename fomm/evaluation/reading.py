"""One pass over a clip: its keypoints, the landmarks that judge outputs, and those that drive the baselines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from fomm.config.evaluate import EvaluateSettings
from fomm.errors import MediaError
from fomm.evaluation.clips import Clip
from fomm.evaluation.measures.curves import needed_landmarks, openings
from fomm.evaluation.measures.features import Features
from fomm.evaluation.measures.landmarks import Landmarker, Points
from fomm.evaluation.measures.pictures import Picture
from fomm.geometry.landmarks import TIED_LANDMARKS
from fomm.tasks.animate import Pipeline
from fomm.tasks.tracking import surface_tracker
from fomm.track.builder import TrackBuilder
from fomm.track.track import MotionTrack

LEAST_FRAMES = 4
OWN_KEYPOINTS = "keypoints of the model under test"
TRUE_LANDMARKS = "true landmarks"
_BATCH = 8


@dataclass(frozen=True)
class Tools:
    """What measures: the model's pipeline, judges that are independent of it, and how much to look at.

    Attributes:
        model: name or path of the model under test.
        pipeline: that model, loaded.
        landmarker: the independent landmark detector.
        features: the perceptual backbone, None where it is not installed.
        settings: how much is measured.
    """

    model: str
    pipeline: Pipeline
    landmarker: Landmarker
    features: Features | None
    settings: EvaluateSettings

    @property
    def side(self) -> int:
        """Side of the frames in px."""
        return self.pipeline._animator.image_size

    @property
    def reads_expression(self) -> bool:
        """Whether lips and lids can be read off a picture at all."""
        return self.landmarker.mesh or self.pipeline.anatomy is not None

    def expression_points(self, pictures: Sequence[Picture], found: Sequence[Points | None]) -> list[Points]:
        """Return the landmarks of `needed_landmarks` in each picture, `[N, 2]`, NaN where there are none.

        Args:
            pictures: frames, read by the model's own keypoints where the landmarker sees neither lips nor lids.
            found: what the landmarker found in each.
        """
        wanted = needed_landmarks()
        if self.landmarker.mesh:
            blind = np.full((len(wanted), 2), np.nan)
            return [blind if points is None else points[list(wanted)] for points in found]
        value = self.pipeline._animator.detect(pictures).value.double().numpy()  # [B, K, 2]
        return list(value[:, [TIED_LANDMARKS.index(landmark) for landmark in wanted]])


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
        seen: openings of mouth and eyes as the judge reads them off the frames, `[T]` each; empty where it cannot.
    """

    clip: Clip
    first: Picture
    track: MotionTrack
    landmarks: list[Points | None]
    guide: NDArray[np.float64]
    guide_name: str
    seen: dict[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.track)

    @property
    def true_points(self) -> NDArray[np.float64] | None:
        """All true landmarks of the frames that were read, `[T, L, 2]` in [-1, 1], where they are known."""
        truth = self.clip.truth
        return None if truth is None else truth.landmarks[: len(self)]

    @property
    def curves(self) -> dict[str, NDArray[np.float64]]:
        """Openings of mouth and eyes, `[T]` each: the true ones where they are known, else the seen ones."""
        truth = self.clip.truth
        return self.seen if truth is None else curves_of(list(truth.landmarks[: len(self), list(needed_landmarks())]))

    def frames(self) -> Iterator[Picture]:
        """Stream the frames that were read again."""
        return self.clip.frames(len(self))


def read_clip(clip: Clip, tools: Tools) -> Reading:
    """Read a clip once.

    Raises:
        MediaError: it has too few frames, or cannot be read.
    """
    track = TrackBuilder(clip.fps, tools.pipeline.detector)
    surface = surface_tracker(tools.pipeline._animator)
    landmarks: list[Points | None] = []
    points: list[Points] = []
    first: Picture | None = None
    frames = clip.frames(tools.settings.frames)
    while batch := list(islice(frames, _BATCH)):
        first = batch[0] if first is None else first
        track.append(surface.follow(batch, tools.pipeline._animator.detect(batch)))
        found = [tools.landmarker.find(frame) for frame in batch]
        landmarks += found
        if tools.reads_expression:
            points += tools.expression_points(batch, found)
    if first is None or len(landmarks) < LEAST_FRAMES:
        raise MediaError(f"{clip.path} has {len(landmarks)} frames; at least {LEAST_FRAMES} are needed to measure.")
    built = track.build()
    guide, name = found_guide(built, landmarks, tools)
    reading = Reading(clip, first, built, landmarks, guide, name, curves_of(points) if points else {})
    return _told(reading) if name == OWN_KEYPOINTS else reading


def with_like_guides(tools: Tools, clip: Reading, driver: Reading) -> tuple[Reading, Reading]:
    """Return both readings with points of the same kind to drive the baselines.

    Where the landmarker finds the face of only one of them, these are the true landmarks, if known, or else keypoints
    of the model under test.
    """
    if clip.guide_name == driver.guide_name:
        return clip, driver
    if clip.clip.truth is not None and driver.clip.truth is not None:
        return _told(clip), _told(driver)
    return unaided(clip, tools), unaided(driver, tools)


def unaided(reading: Reading, tools: Tools) -> Reading:
    """Return a reading whose baselines are driven by the keypoints of the model under test."""
    guide, name = found_guide(reading.track, [None], tools)
    return replace(reading, guide=guide, guide_name=name)


def curves_of(points: list[Points]) -> dict[str, NDArray[np.float64]]:
    """Return openings from each frame's `Tools.expression_points`."""
    stacked = np.stack(points)  # [T, N, 2]
    return openings({landmark: stacked[:, place] for place, landmark in enumerate(needed_landmarks())})


def found_guide(
    track: MotionTrack, landmarks: Sequence[Points | None], tools: Tools
) -> tuple[NDArray[np.float64], str]:
    """Return points to drive baselines with that need no labels, `[T, K, 2]` in [-1, 1], and their name.

    They are the landmarker's mesh, or else the model's own keypoints.
    """
    if tools.landmarker.mesh and landmarks[0] is not None:
        held, last = [], landmarks[0]
        for found in landmarks:
            last = last if found is None else found
            held.append(last[list(TIED_LANDMARKS)])
        return np.stack(held) / (tools.side / 2) - 1, f"landmarks of {tools.landmarker.name}"
    tied = tools.pipeline.anatomy.face if tools.pipeline.anatomy else None
    return track.value[:, :tied].double().numpy(), OWN_KEYPOINTS


def _told(reading: Reading) -> Reading:
    """Return a reading whose baselines are driven by the true landmarks, where they are known."""
    points = reading.true_points
    if points is None:
        return reading
    known = [landmark for landmark in TIED_LANDMARKS if landmark < points.shape[1]]
    return replace(reading, guide=points[:, known], guide_name=TRUE_LANDMARKS)
