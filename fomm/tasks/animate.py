"""The main job: one consented photo, one driving clip or motion track, one marked video.

The order matters. Consent and destination are checked before anything is computed; the driving clip is read once into
a motion track; frames are made from the track and leave one by one through `fomm.trust.release.film`. Nothing holds a
whole clip.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from fomm.config.animate import DEFAULT_MODEL, TRACK_SUFFIX, AnimateSettings
from fomm.config.arguments import given_function, given_instance, given_path, given_settings
from fomm.config.render import RenderSettings
from fomm.config.settings import Settings
from fomm.config.training.compact import CompactSettings
from fomm.errors import CheckpointError, OutputError
from fomm.face.locate import FaceFinder
from fomm.face.windows import portrait_window
from fomm.geometry.anatomy import anatomy_of
from fomm.geometry.keypoints import Keypoints
from fomm.media.limits import PHOTO_LIMITS, check_file
from fomm.render.animator import Animator, Portrait
from fomm.render.paste_back import PasteBack, enlarge
from fomm.retarget.expression import expression_motion
from fomm.retarget.transfer import Transfer
from fomm.tasks.directions import start_of
from fomm.tasks.doors import check_driving, check_sound, face_area, tell_reduced
from fomm.tasks.progress import Progress
from fomm.tasks.sealed import sealed
from fomm.tasks.tracking import extract_track, naming, no_progress
from fomm.track.smoothing import smooth
from fomm.track.track import MotionTrack
from fomm.trust.consent.authorise import Authorisation, authorise
from fomm.trust.consent.bound import BoundModel
from fomm.trust.consent.ledger import Ledger
from fomm.trust.marks.formats import is_still_name
from fomm.trust.marks.legible import check_quality, exit_label
from fomm.trust.release.delivery import check_destination
from fomm.trust.release.film import Provenance, Receipt, Rendered, open_release, release_still
from fomm.weights.fingerprint import detector_fingerprint
from fomm.weights.loading import CheckpointInfo, load_model

_PAPER_SIDE = 256
_CHUNK = 16


class Pipeline:
    """A loaded model and a face finder, ready for any number of photos and clips.

    Args:
        model: name of a bundled model, or path of a checkpoint; the bundled model if not given.
        render: device, precision and batch size; chosen for the machine if not given.
        ledger: where consents are recorded; the user's own by default.

    Attributes:
        model: SHA-256 of the checkpoint, as it goes into registry and manifest.
        checkpoint: the checkpoint's file.
        detector: fingerprint of the keypoint detector, as it goes into motion tracks.
        anatomy: what its training tied keypoints to, if it did.
        bound: to whose consent the model is bound, if it was fine-tuned on one person.

    Raises:
        CheckpointError: the model cannot be loaded.
        ConsentError: the model is bound to a consent that does not stand here and now.
        SettingsError: an argument is of the wrong kind.
    """

    def __init__(
        self, model: str | Path = DEFAULT_MODEL, render: RenderSettings | None = None, ledger: Ledger | None = None
    ) -> None:
        given_path(model, "model", CheckpointError)
        render = given_settings(render, RenderSettings)
        self.ledger = Ledger() if ledger is None else given_instance(ledger, Ledger, "ledger")
        self.bound: BoundModel | None = None
        loaded = load_model(model, admit=self._admit)
        self.model = loaded.info.sha256
        self.checkpoint = loaded.info.path
        self.detector = detector_fingerprint(loaded.model)
        config = loaded.model.config
        side = config.image_size if isinstance(config, CompactSettings) else _PAPER_SIDE
        self.anatomy = anatomy_of(config)
        self._animator = Animator(loaded.model, side, render)
        self.finder = FaceFinder()

    def _admit(self, info: CheckpointInfo) -> None:
        self.bound = BoundModel.read(str(info.path), info.header.binding, info.sha256)
        self.bound.check_standing(self.ledger)

    def track(
        self, driving: str | Path, settings: AnimateSettings | None = None, progress: Progress = no_progress
    ) -> MotionTrack:
        """Return the motion of a driving clip, or load it when `driving` is a motion track already.

        Raises:
            SettingsError: an argument is of the wrong kind.
            MediaError, FaceError: the clip is unreadable or shows no face.
            MotionError: the track is damaged or belongs to another detector.
        """
        driving, settings = given_path(driving, "driving clip"), given_settings(settings, AnimateSettings)
        given_function(progress, "progress")
        if driving.suffix == TRACK_SUFFIX:
            track = MotionTrack.load(driving, self.detector)
            stop = None if settings.max_seconds is None else max(1, round(settings.max_seconds * track.fps))
            return track.slice(0, stop)
        return extract_track(
            driving,
            self._animator,
            self.detector,
            finder=self.finder,
            face=settings.face,
            max_seconds=settings.max_seconds,
            progress=progress,
        )

    def animate(
        self,
        photo: str | Path,
        driving: str | Path,
        output: str | Path,
        settings: AnimateSettings | None = None,
        *,
        audio: str | Path | None = None,
        silent: bool = False,
        force: bool = False,
        progress: Progress = no_progress,
    ) -> Receipt:
        """Animate `photo` with the motion of `driving` and write `output`.

        Paths are text or `pathlib.Path`; a leading `~/` is the home folder.

        Args:
            photo: the consented source photo.
            driving: a clip, a motion track made by `track`, or a single picture, whose expression is taken.
            output: the file to make; its suffix chooses the container. With a single picture as driver it may be a
                picture, too.
            settings: how, stage by stage; the defaults if not given.
            audio: file whose sound replaces the driving clip's.
            silent: leave the sound out.
            force: replace an existing output.
            progress: told about every few frames.

        Raises:
            FommError: each failure in one sentence; nothing is left half-written.
        """
        photo, driving = given_path(photo, "photo"), given_path(driving, "driving clip")
        output = given_path(output, "output", OutputError)
        audio = None if audio is None else given_path(audio, "sound file")
        settings = given_settings(settings, AnimateSettings)
        given_function(progress, "progress")
        inputs = [path for path in (photo, driving, audio) if path is not None]
        check_destination(output, inputs, force=force)
        check_sound(audio, silent)
        check_driving(driving, output, settings.encode, self.detector)
        authorisation = self.authorise(photo, settings)
        tell_reduced(authorisation, photo, settings)
        portrait = self.portrait(authorisation, photo, settings)
        paste = PasteBack(portrait, settings.refine)
        if not is_still_name(output):
            check_quality(output, settings.encode, paste.size)
        face_box = face_area(portrait.window, settings)
        exit_label(settings.label, paste.size, face_box)  # one that cannot be drawn is refused now, not after an hour
        start = start_of(self, portrait, settings.mood)
        track = smooth(self.track(driving, settings, progress), settings.smooth)
        with naming(driving):
            transfer = self.transfer(start, track, settings)
        provenance = self.provenance(photo, driving, settings, composite=not settings.refine.crop_only)
        if is_still_name(output):
            middle = len(transfer) // 2
            made = next(self._animator.frames(portrait, transfer.driving(middle, middle + 1)))
            return release_still(
                output,
                sealed(paste, made),
                authorisation,
                label=settings.label,
                provenance=provenance,
                face_box=face_box,
                force=force,
            )
        if audio is None and not silent and driving.suffix != TRACK_SUFFIX and track.audio:
            audio = driving
        with open_release(
            output,
            authorisation,
            size=paste.size,
            fps=transfer.fps,
            encode=settings.encode,
            audio=audio,
            label=settings.label,
            provenance=provenance,
            face_box=face_box,
            force=force,
        ) as release:
            release.bridged = track.bridged_line
            for frames in self.frames(portrait, transfer, paste):
                release.write(frames)
                progress("render", release.frames, len(transfer))
        return release.receipt

    def transfer(self, start: Keypoints, track: MotionTrack, settings: AnimateSettings) -> Transfer:
        """Return how a motion is carried over to a photo with keypoints `start`; one frame's is its expression alone.

        Raises:
            MotionError: they do not belong together, or the settings ask for what the track does not have.
        """
        motion = track if len(track) > 1 else expression_motion(start, track, self.anatomy)
        return Transfer(start, motion, settings.carried, self.anatomy)

    def provenance(self, photo: Path, driving: Path | None, settings: Settings, *, composite: bool) -> Provenance:
        """Return what an output of this pipeline is made of; see `Provenance`."""
        return Provenance(
            photo, driving, self.model, settings.digest(), composite, precision=self._animator.compute.precision
        )

    def authorise(
        self, photo: str | Path, settings: AnimateSettings | None = None, purpose: str = "animate"
    ) -> Authorisation:
        """Return leave to animate a photo, or with the purpose "live" to show it live.

        Raises:
            ConsentError: no consent covers it.
            MediaError, TrustError: it cannot be read, or is an output of fomm itself.
        """
        photo, settings = given_path(photo, "photo"), given_settings(settings, AnimateSettings)
        with check_file(photo).open("rb") as file:
            data = file.read(PHOTO_LIMITS.max_image_bytes + 1)  # one byte too many says that it is too large
        return authorise(
            data,
            purpose=purpose,
            ledger=self.ledger,
            name=str(photo),
            use=settings.use,
            model=self.bound,
            fit=settings.refine.fit,
        )

    def portrait(self, authorisation: Authorisation, photo: Path, settings: AnimateSettings) -> Portrait:
        """Find the face in an authorised photo and encode it; small photos are enlarged to `refine.min_side` first.

        Raises:
            FaceError: there is no such face.
        """
        picture = authorisation.image
        with naming(photo):
            window = portrait_window(
                picture, self.finder, settings.face, self._animator.person, authorisation.photo.size
            )
        scale = 1.0 if settings.refine.crop_only else settings.refine.min_side / min(picture.shape[:2])
        if scale > 1:
            picture = enlarge(picture, scale)
            window = window.scaled(scale)
        return self._animator.portrait(picture, window, authorisation)

    def frames(self, portrait: Portrait, transfer: Transfer, paste: PasteBack, first: int = 0) -> Iterator[Rendered]:
        """Yield composed frames from `first` on, a few at a time, for the exit alone to open.

        While the caller marks and encodes one, the next are made.
        """
        starts = range(first, len(transfer), _CHUNK)
        driving = (transfer.driving(start, min(start + _CHUNK, len(transfer))) for start in starts)
        with contextlib.closing(
            self._animator.finished(portrait, driving, lambda made: sealed(paste, made))
        ) as finished:
            yield from finished
