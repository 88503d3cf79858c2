"""A live recording released as a file: what the driver did, rendered anew in full quality."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fomm.config.animate import AnimateSettings
from fomm.render.paste_back import PasteBack
from fomm.retarget.live import Recorder
from fomm.retarget.transfer import Transfer
from fomm.tasks.animate import Pipeline
from fomm.tasks.directions import start_of
from fomm.tasks.doors import face_area, tell_reduced
from fomm.tasks.progress import Progress
from fomm.tasks.tracking import no_progress
from fomm.track.smoothing import smooth
from fomm.track.track import MotionTrack
from fomm.trust.release.film import Receipt, open_release


def release_recording(
    pipeline: Pipeline,
    photo: Path,
    recorder: Recorder,
    output: Path,
    settings: AnimateSettings,
    progress: Progress = no_progress,
) -> Receipt:
    """Render a live recording into a marked, signed file.

    Args:
        pipeline: the one it was recorded with.
        photo: the photo, asked about anew: a file is an animation, so its consent must cover that.
        recorder: the motion.
        output: the file to make; its suffix chooses the container.
        settings: how, stage by stage.
        progress: told about every few frames.

    Raises:
        FommError: each failure in one sentence; nothing is left half-written.
    """
    authorisation = pipeline.authorise(photo, settings)
    moved = smooth(recorder.track(), settings.smooth)
    tell_reduced(authorisation, photo, settings, moves=False)
    portrait = pipeline.portrait(authorisation, photo, settings)
    paste = PasteBack(portrait, settings.refine)
    track = MotionTrack.concat([recorder.reference(), moved])
    start = start_of(pipeline, portrait, settings.mood)
    transfer = Transfer(start, track, replace(settings.transfer, reference="0"), pipeline.anatomy)
    with open_release(
        output,
        authorisation,
        size=paste.size,
        fps=track.fps,
        encode=settings.encode,
        label=settings.label,
        provenance=pipeline.provenance(photo, None, settings, composite=not settings.refine.crop_only),
        face_box=face_area(portrait.window, settings),
    ) as release:
        for frames in pipeline.frames(portrait, transfer, paste, first=1):
            release.write(frames)
            progress("render", release.frames, len(moved))
    return release.receipt
