"""Edit a consented photo by hand: one marked still, or the motion from the photo as it is to the edit and back."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fomm.arguments import given_instance, given_path, given_settings
from fomm.errors import OutputError, SettingsError
from fomm.face.windows import FaceSettings
from fomm.motion.anatomy import Anatomy
from fomm.motion.edit import Directions, EditSettings
from fomm.motion.expression import FPS, MOVE_SECONDS, STAY_SECONDS, there_and_back
from fomm.motion.gaze import look
from fomm.motion.track import MotionTrack
from fomm.motion.track_builder import TrackBuilder
from fomm.nn.geometry import Keypoints
from fomm.render.animator import Portrait
from fomm.render.gaze import move_gaze
from fomm.render.refine import PasteBack, RefineSettings
from fomm.render.settings import RenderSettings
from fomm.scenes.animate import Pipeline
from fomm.scenes.directions import directions_of, keypoints_of, tied_anatomy
from fomm.scenes.doors import TRACK_SUFFIX, face_area, tell_reduced
from fomm.scenes.sealed import sealed
from fomm.scenes.settings import AnimateSettings
from fomm.settings import Settings, option
from fomm.trust.authorise import Authorisation
from fomm.trust.consent import USE
from fomm.trust.delivery import check_destination
from fomm.trust.formats import check_still_name
from fomm.trust.label import LabelSettings
from fomm.trust.legible import exit_label
from fomm.trust.release import Receipt, release_still
from fomm.weights.registry import DEFAULT_MODEL

PATHS = ("return", "hold")


@dataclass(frozen=True)
class EditMotionSettings(Settings):
    """How an edit becomes a motion."""

    path: str = option("return", "return goes back to the photo as it is; hold stays at the edit.", choices=PATHS)
    move_seconds: float = option(MOVE_SECONDS, "How long the face takes to get there, in seconds.", low=0.1, high=10.0)
    stay_seconds: float = option(STAY_SECONDS, "How long it stays there, in seconds.", low=0.04, high=60.0)


@dataclass(frozen=True)
class EditPhotoSettings(Settings):
    """How a photo is edited, stage by stage."""

    model: str = option(DEFAULT_MODEL, "Name of a bundled model, or path of a checkpoint.")
    edit: EditSettings = field(default_factory=EditSettings)
    motion: EditMotionSettings = field(default_factory=EditMotionSettings)
    face: FaceSettings = field(default_factory=FaceSettings)
    render: RenderSettings = field(default_factory=RenderSettings)
    refine: RefineSettings = field(default_factory=RefineSettings)
    label: LabelSettings = field(default_factory=LabelSettings)
    use: str = option("private", "Where the result will be shown; the consent must allow it.", choices=USE)

    def scene(self) -> AnimateSettings:
        """Return the settings that an edit shares with an animation."""
        return AnimateSettings(
            model=self.model, face=self.face, render=self.render, refine=self.refine, label=self.label, use=self.use
        )


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
