"""One marked picture of what an animation will look like, before the whole clip is read.

A few frames spread over the driving clip stand in for its motion. The picture shows the one that moves the photo most,
so that the effect of a setting is easy to see.
"""

from __future__ import annotations

from pathlib import Path

from fomm.config.animate import TRACK_SUFFIX, AnimateSettings
from fomm.media.photo.still import is_still_picture
from fomm.media.probe import probe
from fomm.media.video import sample_frames
from fomm.render.paste_back import PasteBack
from fomm.tasks.animate import Pipeline
from fomm.tasks.directions import start_of
from fomm.tasks.doors import face_area
from fomm.tasks.sealed import sealed
from fomm.tasks.tracking import naming, sampled_track
from fomm.track.track import MotionTrack
from fomm.trust.consent.authorise import Authorisation
from fomm.trust.release.film import Receipt, release_still

_SAMPLES = 6


def sample_motion(pipeline: Pipeline, driving: Path, settings: AnimateSettings) -> MotionTrack:
    """Return the motion of a few frames spread over a clip, or a whole motion track, or that of a picture.

    Raises:
        MediaError, FaceError: the clip is unreadable or shows no face.
        MotionError: the track is damaged or belongs to another detector.
    """
    if driving.suffix == TRACK_SUFFIX or is_still_picture(driving):
        return pipeline.track(driving, settings)
    fps = probe(driving).fps
    frames = [frame for _, frame in sample_frames(driving, _SAMPLES)]
    animator, finder = pipeline._animator, pipeline.finder
    return sampled_track(driving, frames, fps, animator, pipeline.detector, finder=finder, face=settings.face)


def preview(
    pipeline: Pipeline,
    authorisation: Authorisation,
    photo: Path,
    driving: Path,
    motion: MotionTrack,
    output: Path,
    settings: AnimateSettings,
) -> Receipt:
    """Render the frame of `motion` that moves the photo most, and release it as a marked picture.

    Args:
        pipeline: model and face finder.
        authorisation: of the photo, from `Pipeline.authorise`.
        photo: where the photo lies, for messages and the record.
        driving: where `motion` comes from, likewise.
        motion: from `sample_motion`.
        output: the picture to make; its suffix chooses the format.
        settings: as for `Pipeline.animate`; smoothing and encoding do not show in one picture.

    Raises:
        FommError: each failure in one sentence; nothing is left half-written.
    """
    portrait = pipeline.portrait(authorisation, photo, settings)
    start = start_of(pipeline, portrait, settings.mood)
    with naming(driving):
        transfer = pipeline.transfer(start, motion, settings)
    moved = (transfer.driving().value - start.value.cpu()).square().sum(dim=(1, 2))  # [T]
    most = int(moved.argmax())
    made = next(pipeline._animator.frames(portrait, transfer.driving(most, most + 1)))
    return release_still(
        output,
        sealed(PasteBack(portrait, settings.refine), made),
        authorisation,
        label=settings.label,
        provenance=pipeline.provenance(photo, driving, settings, composite=not settings.refine.crop_only),
        face_box=face_area(portrait.window, settings),
    )
