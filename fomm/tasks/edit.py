"""Edit a consented photo by hand: one marked still, or the motion from the photo as it is to the edit and back."""

from __future__ import annotations

from pathlib import Path

from fomm.config.animate import TRACK_SUFFIX
from fomm.config.arguments import given_instance, given_path, given_settings
from fomm.config.edit import EditSettings
from fomm.config.edit_photo import EditPhotoSettings
from fomm.errors import OutputError, SettingsError
from fomm.geometry.anatomy import Anatomy
from fomm.geometry.keypoints import Keypoints
from fomm.render.animator import Portrait
from fomm.render.gaze import move_gaze
from fomm.render.paste_back import PasteBack
from fomm.retarget.edit import Directions
from fomm.retarget.expression import FPS, there_and_back
from fomm.retarget.gaze import look
from fomm.tasks.animate import Pipeline
from fomm.tasks.directions import directions_of, keypoints_of, tied_anatomy
from fomm.tasks.doors import face_area, tell_reduced
from fomm.tasks.sealed import sealed
from fomm.track.builder import TrackBuilder
from fomm.track.track import MotionTrack
from fomm.trust.consent.authorise import Authorisation
from fomm.trust.marks.formats import check_still_name
from fomm.trust.marks.legible import exit_label
from fomm.trust.release.delivery import check_destination
from fomm.trust.release.film import Receipt, release_still


def edit_still(
    pipeline: Pipeline,
    photo: str | Path,
    output: str | Path,
    settings: EditPhotoSettings | None = None,
    *,
    authorisation: Authorisation | None = None,
    force: bool = False,
) -> Receipt:
    """Edit a consented photo and release it as a marked picture.

    Args:
        pipeline: model and face finder.
        photo: the consented photo.
        output: the picture to make, PNG, JPEG or WebP.
        settings: the edit, and how it is rendered; the photo as it is if not given.
        authorisation: from `Pipeline.authorise`, if the caller has one already.
        force: replace an existing output.

    Raises:
        FommError: each failure in one sentence; nothing is left half-written.
    """
    given_instance(pipeline, Pipeline, "pipeline")
    photo, output = given_path(photo, "photo"), given_path(output, "output", OutputError)
    settings = given_settings(settings, EditPhotoSettings)
    check_destination(output, [photo], force=force)
    check_still_name(output)
    scene = settings.scene()
    authorisation = authorisation or pipeline.authorise(photo, scene)
    directions = directions_of(pipeline)
    tell_reduced(authorisation, photo, scene, moves=False)
    portrait = _portrait(pipeline, authorisation, photo, settings)
    paste = PasteBack(portrait, settings.refine)
    box = face_area(portrait.window, scene)
    exit_label(settings.label, paste.size, box)  # one that cannot be drawn is refused before the work
    edited = directions.apply(keypoints_of(portrait), settings.edit, tied_anatomy(pipeline))
    made = next(pipeline._animator.frames(portrait, edited))
    return release_still(
        output,
        sealed(paste, made),
        authorisation,
        label=settings.label,
        provenance=pipeline.provenance(photo, None, settings, composite=not settings.refine.crop_only),
        face_box=box,
        force=force,
    )  # fmt: skip


def edit_motion(pipeline: Pipeline, photo: str | Path, settings: EditPhotoSettings | None = None) -> MotionTrack:
    """Return the edit as a motion for this and other photos: from the photo as it is to the edit, and back or not.

    It holds keypoints and no picture; still the photo's consent is asked for, because they are those of its face.

    Raises:
        ConsentError: no consent covers the photo.
        SettingsError: the gaze is to move and the model has no keypoints on the irises, or nothing is to change.
        FommError: any other failure, in one sentence.
    """
    given_instance(pipeline, Pipeline, "pipeline")
    photo, settings = given_path(photo, "photo"), given_settings(settings, EditPhotoSettings)
    edit = settings.edit
    if (edit.gaze_x or edit.gaze_y) and not tied_anatomy(pipeline).irises:
        raise SettingsError(
            "A motion of this model cannot carry the gaze, because none of its keypoints follows the irises; set it to "
            "0, make a still, or choose the bundled model."
        )
    if edit == EditSettings():
        raise SettingsError("Nothing is changed yet, so there is no motion to save; choose an edit first.")
    authorisation = pipeline.authorise(photo, settings.scene())
    directions = directions_of(pipeline)
    source = keypoints_of(pipeline.portrait(authorisation, photo, settings.scene()))
    motion = settings.motion
    shares = there_and_back(motion.move_seconds, motion.stay_seconds, back=motion.path == "return")
    frames = [_edited(source, directions, edit, share, tied_anatomy(pipeline)) for share in shares]
    builder = TrackBuilder(FPS, pipeline.detector)
    builder.append(Keypoints.cat(frames))
    return builder.build()


def save_edit_motion(
    pipeline: Pipeline,
    photo: str | Path,
    output: str | Path,
    settings: EditPhotoSettings | None = None,
    *,
    force: bool = False,
) -> MotionTrack:
    """Write what `edit_motion` returns to a motion track file and return it.

    Raises:
        OutputError: the file cannot be written, or its name does not end as a motion track's.
        FommError: as `edit_motion`.
    """
    photo, output = given_path(photo, "photo"), given_path(output, "output", OutputError)
    if output.suffix != TRACK_SUFFIX:
        raise OutputError(f"{output} must end in {TRACK_SUFFIX}: a motion track is a safetensors file.")
    check_destination(output, [photo], force=force)
    track = edit_motion(pipeline, photo, settings)
    track.save(output)
    return track


def _portrait(
    pipeline: Pipeline, authorisation: Authorisation, photo: Path, settings: EditPhotoSettings
) -> Portrait:  # fmt: skip
    """Encode the photo, with its eyes looking where they should."""
    portrait = pipeline.portrait(authorisation, photo, settings.scene())
    edit = settings.edit
    if not (edit.gaze_x or edit.gaze_y):
        return portrait
    placed = keypoints_of(portrait).value[0].double().numpy()
    eyes = tied_anatomy(pipeline).eyes
    looking = move_gaze(portrait.photo, portrait.window, placed, eyes, (edit.gaze_x, edit.gaze_y))
    return pipeline._animator.portrait(looking, portrait.window, authorisation)


def _edited(source: Keypoints, directions: Directions, edit: EditSettings, share: float, anatomy: Anatomy) -> Keypoints:
    """Return keypoints with a share of the edit, gaze included."""
    part = EditSettings(**{name: value * share for name, value in edit.to_mapping().items()})
    moved = directions.apply(source, part, anatomy)
    return Keypoints(look(moved.value, anatomy, (part.gaze_x, part.gaze_y)), moved.jacobian)
