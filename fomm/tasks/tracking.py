"""From a driving clip to a motion track: find the face once, stream the frames, keep the keypoints.

The detector looks at every frame alone; what it is too vague for, hair and clothes, is followed through the clip.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fomm.config.face import FaceSettings
from fomm.errors import FaceError, FommWarning, MotionError
from fomm.face.crop import CropWindow
from fomm.face.locate import FaceFinder
from fomm.face.windows import SAMPLES, DrivingWindow, steady_window
from fomm.geometry.anatomy import anatomy_of
from fomm.geometry.keypoints import Keypoints
from fomm.media.photo.image import read_image
from fomm.media.photo.still import is_still_picture
from fomm.media.probe import probe
from fomm.media.video import sample_frames
from fomm.render.ahead import one_ahead
from fomm.render.animator import Animator
from fomm.retarget.expression import FPS
from fomm.tasks.orientation import quarter_turns, upright
from fomm.tasks.planning import ClipFrame, plan_clip
from fomm.tasks.progress import Progress
from fomm.track.builder import TrackBuilder
from fomm.track.doubt import BESIDE, NO_FACE, SEEN, brightness, judge
from fomm.track.surface import SurfaceTracker
from fomm.track.track import MotionTrack

Frame = NDArray[np.uint8]
_BATCH = 16
_FADING = 0.03  # by how much of itself a face's brightness changes in a frame of a fade; .017 in the demo's clips
_MANY = 0.1  # share of bridged frames from which a user is warned


class MotionWarning(FommWarning):
    """Much of a driving clip does not show the face."""


def no_progress(stage: str, done: int, total: int | None) -> None:
    """Report nothing."""


def extract_track(
    video: Path,
    animator: Animator,
    detector: str,
    *,
    finder: FaceFinder,
    face: FaceSettings | None = None,
    max_seconds: float | None = None,
    progress: Progress = no_progress,
) -> MotionTrack:
    """Return the motion of the face in a clip, at the clip's own frame rate; of a picture, a track of one frame.

    Args:
        video: any clip ffmpeg reads.
        animator: the model whose keypoints are wanted.
        detector: fingerprint of that model's detector, kept in the track.
        finder: finds the face.
        face: which face, and how closely it is cropped.
        max_seconds: read no more than this.
        progress: told about every batch.

    Raises:
        MediaError: the clip cannot be read.
        FaceError, MotionError: no frame shows the face.
    """
    face = face or FaceSettings()
    if is_still_picture(video):
        return sampled_track(video, [read_image(video)], FPS, animator, detector, finder=finder, face=face)
    info = probe(video)
    stop = None if max_seconds is None else max(1, round(Fraction(max_seconds) * info.fps))
    samples = [frame for _, frame in sample_frames(video, SAMPLES)]
    with naming(video):
        plan = plan_clip(info, samples, animator, finder, face, stop)
    total = info.frame_count if stop is None else min(stop, info.frame_count or stop)
    looks = Looks(animator, plan.size, judged=plan.driving.face is not None and face.interval > 0)
    builder = TrackBuilder(info.fps, detector, str(video) if info.has_audio else None, (info.width, info.height))
    with (
        contextlib.closing(plan.frames(finder, face.interval, animator.image_size, stop)) as frames,
        # The face is watched on a thread while the networks look for keypoints here.
        contextlib.closing(one_ahead(_batches(frames))) as batches,
    ):
        for batch in batches:
            if batch[0].begins:
                builder.cut()
            builder.append(*looks.at(batch))
            progress("track", len(builder), total)
    progress("track", len(builder), len(builder))
    with naming(video):
        track = builder.build()
    tell_bridged(track, video)
    return track


def sampled_track(
    path: Path,
    frames: Sequence[Frame],
    fps: Fraction,
    animator: Animator,
    detector: str,
    *,
    finder: FaceFinder,
    face: FaceSettings,
) -> MotionTrack:
    """Return the keypoints of a few pictures `uint8 [H, W, 3]` of one size, all in one steady window if it serves.

    Args:
        path: the file they are from, for messages.
        frames: the pictures.
        fps: frame rate that the track shall have.
        animator: the model whose keypoints are wanted.
        detector: fingerprint of that model's detector, kept in the track.
        finder: finds the face.
        face: which face, and how closely it is cropped.

    Raises:
        FaceError: none of them shows the face.
    """
    with naming(path):
        turn = quarter_turns(frames, animator, finder, face)
        turned = [upright(frame, turn) for frame in frames]
        driving = steady_window(turned, finder, face)
        shown = [_sampled(frame, driving, finder, face, animator.image_size) for frame in turned]
        height, width = turned[0].shape[:2]
        builder = TrackBuilder(fps, detector, None, (width, height))
        keypoints, found, why = Looks(animator, (width, height), judged=driving.face is not None).at(shown)
        kept = [reason == SEEN for reason in why]
        builder.append(keypoints, kept if any(kept) else found)
        return builder.build()


def _sampled(frame: Frame, driving: DrivingWindow, finder: FaceFinder, face: FaceSettings, size: int) -> ClipFrame:
    """Return a picture as it is seen through the steady window, or through its own where that does not serve."""
    window, seen = driving.window, True
    if driving.unsteady:
        faces = finder.find(frame, side=480)
        seen = bool(faces)
        if seen:
            window = CropWindow.around(max(faces, key=lambda found: found.size), face.zoom)
    return ClipFrame(window.crop(frame, size), window, seen)


def surface_tracker(animator: Animator) -> SurfaceTracker:
    """Return what follows the driver's hair and clothes through one clip, as far as the animator's model lets it."""
    anatomy = anatomy_of(animator.config)
    return SurfaceTracker(animator.person, None if anatomy is None else anatomy.face)


class Looks:
    """Looks at the frames of one clip: where the keypoints are, and how far they are to be trusted.

    Args:
        animator: the model.
        size: width and height of the clip in px.
        judged: whether anything speaks against a frame; not where no human face is followed.
    """

    def __init__(self, animator: Animator, size: tuple[int, int], *, judged: bool) -> None:
        self._animator, self._size, self._judged = animator, size, judged
        anatomy = anatomy_of(animator.config)
        self._tied = None if anatomy is None else anatomy.face
        self._surface = surface_tracker(animator)
        self._good, self._lit = 0, 0.0

    def at(self, frames: Sequence[ClipFrame]) -> tuple[Keypoints, list[bool], list[int]]:
        """Return keypoints of frames of one shot, which of them the finder saw, and what speaks against each."""
        if frames[0].begins:
            self._surface, self._good, self._lit = surface_tracker(self._animator), 0, 0.0
        squares = [frame.square for frame in frames]
        keypoints, apart = self._animator.look(squares)
        seen = [frame.seen for frame in frames]
        if not self._judged:
            return self._surface.follow(squares, keypoints, seen), seen, [SEEN if flag else NO_FACE for flag in seen]
        faces = [None if self._tied is None else value[: self._tied].numpy() for value in keypoints.value]
        doubts = [None] * len(frames) if apart is None else apart.tolist()
        why = [
            judge(frame.square, face, doubt, frame.seen, self._inside(frame.window))
            for frame, face, doubt in zip(frames, faces, doubts, strict=True)
        ]
        fit = [self._fit(*look) for look in zip(squares, faces, why, strict=True)]
        return self._surface.follow(squares, keypoints, [reason == SEEN for reason in why], fit), seen, why

    def _fit(self, square: Frame, face: NDArray[np.float32] | None, why: int) -> bool:
        """Return whether a frame may be the one that others are compared with: not right after a gap, nor in a fade."""
        lit, before = brightness(square, face), self._lit
        self._lit = lit
        first = self._good == 0 and before == 0.0
        self._good = self._good + 1 if why == SEEN else 0
        return why == SEEN and (first or (self._good > BESIDE and abs(lit - before) < _FADING * lit))

    def _inside(self, window: CropWindow) -> tuple[float, float, float, float]:
        """Return the edges of the picture in [-1, 1] of a window: left, upper, right, lower."""
        width, height = self._size
        return (
            -2 * window.x / window.side - 1,
            -2 * window.y / window.side - 1,
            2 * (width - window.x) / window.side - 1,
            2 * (height - window.y) / window.side - 1,
        )


def tell_bridged(track: MotionTrack, video: Path) -> None:
    """Warn where much of a clip does not show the face."""
    missing = len(track) - int(track.found.sum())
    if missing > _MANY * len(track):
        warnings.warn(f"{video}: {track.bridged_line}", MotionWarning, stacklevel=3)


def _batches(frames: Iterator[ClipFrame]) -> Iterator[list[ClipFrame]]:
    """Gather frames of one shot, a batch at a time."""
    batch: list[ClipFrame] = []
    for frame in frames:
        if batch and (frame.begins or len(batch) == _BATCH):
            yield batch
            batch = []
        batch.append(frame)
    if batch:
        yield batch


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the file's name in front of what rooms that see only its pixels or keypoints complain about."""
    try:
        yield
    except (FaceError, MotionError) as error:
        raise type(error)(f"{path}: {error}") from error
