"""From a driving clip to a motion track: find the face once, stream the frames, keep the keypoints.

The detector looks at every frame alone; what it is too vague for, hair and clothes, is followed through the clip.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Generator, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fomm.errors import FaceError, MotionError
from fomm.face.locate import FaceFinder
from fomm.face.watch import FaceWatcher
from fomm.face.windows import DrivingWindow, FaceSettings, driving_window, steady_window
from fomm.media.image import read_image
from fomm.media.probe import VideoInfo, probe
from fomm.media.still import is_still_picture
from fomm.media.video import CHROMA_STEP, read_video
from fomm.motion.anatomy import anatomy_of
from fomm.motion.expression import FPS
from fomm.motion.surface import SurfaceTracker
from fomm.motion.track import MotionTrack
from fomm.motion.track_builder import TrackBuilder
from fomm.render.ahead import one_ahead
from fomm.render.animator import Animator

Progress = Callable[[str, int, int | None], None]
"""Called with the stage ("track" or "render"), the frames done and, where it is known, how many there are."""

Frame = NDArray[np.uint8]
_BATCH = 16


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
    with naming(video):
        driving = driving_window(video, finder, face)
    stop = None if max_seconds is None else max(1, round(Fraction(max_seconds) * info.fps))
    total = info.frame_count if stop is None else min(stop, info.frame_count or stop)
    surface = surface_tracker(animator)
    builder = TrackBuilder(info.fps, detector, str(video) if info.has_audio else None, (info.width, info.height))
    with contextlib.closing(_squares(info, driving, animator.image_size, stop)) as frames:
        watched = FaceWatcher(finder, driving, face.interval).watch(frames)
        # The face is watched on a thread while the networks look for keypoints here.
        with contextlib.closing(one_ahead(_batches(watched))) as batches:
            for batch, found in batches:
                builder.append(surface.follow(batch, animator.detect(batch), found), found)
                progress("track", len(builder), total)
    progress("track", len(builder), len(builder))
    with naming(video):
        return builder.build()


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
    """Return the keypoints of a few pictures `uint8 [H, W, 3]` of one size, all in one steady window.

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
        window = steady_window(frames, finder, face).window
        squares = [window.crop(frame, animator.image_size) for frame in frames]
        height, width = frames[0].shape[:2]
        builder = TrackBuilder(fps, detector, None, (width, height))
        builder.append(surface_tracker(animator).follow(squares, animator.detect(squares)))
        return builder.build()


def surface_tracker(animator: Animator) -> SurfaceTracker:
    """Return what follows the driver's hair and clothes through one clip, as far as the animator's model lets it."""
    anatomy = anatomy_of(animator.config)
    return SurfaceTracker(animator.person, None if anatomy is None else anatomy.face)


def _batches(watched: Iterator[tuple[Frame, bool]]) -> Iterator[tuple[list[Frame], list[bool]]]:
    """Gather frames, and whether each shows the face, a batch at a time."""
    while batch := list(itertools.islice(watched, _BATCH)):
        yield [frame for frame, _ in batch], [seen for _, seen in batch]


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the file's name in front of what rooms that see only its pixels or keypoints complain about."""
    try:
        yield
    except (FaceError, MotionError) as error:
        raise type(error)(f"{path}: {error}") from error


def _squares(info: VideoInfo, driving: DrivingWindow, size: int, stop: int | None) -> Generator[Frame, None, None]:
    """Stream the driving window as squares of `size` pixels; ffmpeg crops and scales."""
    window = driving.window
    side = max(CHROMA_STEP, _even(window.side))
    crop = (_even(window.x), _even(window.y), side, side)
    return read_video(info.path, crop=crop, size=(size, size), stop=stop)


def _even(length: float) -> int:
    """Return pixels rounded to what ffmpeg cuts at once."""
    return CHROMA_STEP * round(length / CHROMA_STEP)
