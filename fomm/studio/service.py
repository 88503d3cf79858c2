"""What the page and the HTTP API ask for: one shared model, one method per question, everything through the pipeline.

Methods take a visitor's session and paths of files; they raise `FommError` with a sentence, and release every generated
picture through `fomm.trust.release.film`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from fomm.config.animate import TRACK_SUFFIX, AnimateSettings
from fomm.config.edit_photo import EditPhotoSettings
from fomm.config.studio import StudioSettings
from fomm.errors import FaceError, FommError, MediaError, SettingsError
from fomm.face.locate import choose
from fomm.face.windows import portrait_window
from fomm.media.limits import check_file
from fomm.media.photo.image import Photo, read_photo
from fomm.media.probe import VideoInfo, probe
from fomm.studio.live.streams import LiveStreams
from fomm.studio.photo_look import PhotoLook
from fomm.studio.serve.asked import check_asked
from fomm.studio.session import Session, Sessions
from fomm.studio.work import Work
from fomm.tasks.animate import Pipeline
from fomm.tasks.directions import directions_of
from fomm.tasks.edit import edit_still, save_edit_motion
from fomm.tasks.preview import preview, sample_motion
from fomm.tasks.progress import PASSES, passes_of
from fomm.track.track import MotionTrack
from fomm.trust.consent.authorise import Authorisation
from fomm.trust.consent.ledger import ConsentEntry
from fomm.trust.consent.terms import Consent, ConsentTerms
from fomm.trust.keys.canonical import sha256_hex
from fomm.trust.marks.verify import Report, verify
from fomm.trust.release.film import Receipt


class Studio:
    """One model and one ledger for all visitors.

    Args:
        pipeline: model, face finder and ledger.
        settings: what visitors may do.

    Attributes:
        sessions: what each visitor has.
        live: who shows a photo live.
    """

    def __init__(self, pipeline: Pipeline, settings: StudioSettings | None = None) -> None:
        self.pipeline = pipeline
        self.settings = settings or StudioSettings()
        self.sessions = Sessions(self.settings.idle_minutes * 60)
        self.live = LiveStreams(pipeline, self.settings.live)

    def look(self, session: Session, photo: Path, settings: AnimateSettings) -> PhotoLook:
        """Find the faces of a photo and the window that will move.

        Raises:
            MediaError: it cannot be read.
            SettingsError: a setting is not a visitor's to choose; so in all methods that take settings.
        """
        check_asked(settings)
        seen = self._photo(session, photo)
        image, size = seen.pixels, (seen.width, seen.height)
        larger = seen.width / image.shape[1]  # all that is told is in the photo's own pixels
        finder = self.pipeline.finder
        found = session.remember(("faces", photo), lambda: [face.scaled(larger) for face in finder.find(image)])
        faces = sorted(found, key=lambda face: face.center[0])
        try:
            window = portrait_window(image, finder, settings.face, self.pipeline._animator.person, size).scaled(larger)
        except FaceError as error:
            return PhotoLook(size, faces, None, None, str(error))
        by_hand = settings.face.source_box is not None or not faces
        return PhotoLook(size, faces, None if by_hand else choose(faces, settings.face.source_face, size), window)

    def clip(self, driving: Path) -> VideoInfo | MotionTrack:
        """Return what a driving file is.

        Raises:
            MediaError, MotionError: it cannot be used.
        """
        if driving.suffix == TRACK_SUFFIX:
            return MotionTrack.load(driving, self.pipeline.detector)
        return probe(check_file(driving))

    def check_length(self, driving: Path, settings: AnimateSettings) -> AnimateSettings:
        """Refuse a clip that is too long for this studio; one that does not tell its length is cut there.

        Raises:
            MediaError: it is, and `max_seconds` does not shorten it.
        """
        check_asked(settings)
        info = self.clip(driving)
        seconds = len(info) / info.fps if isinstance(info, MotionTrack) else info.duration
        most = self.settings.max_seconds
        if seconds is None:
            return replace(settings, max_seconds=min(most, settings.max_seconds or most))
        if min(seconds, settings.max_seconds or seconds) > most:
            raise MediaError(
                f"{driving.name} is {float(seconds):.0f} s long and this studio renders up to {most:g} s; set "
                f"'Stop after' to {most:g} or less, or cut the clip."
            )
        return settings

    def consents(self, session: Session, photo: Path) -> list[ConsentEntry]:
        """Return the active consents of exactly this photo, newest first."""
        self._photo(session, photo)  # says what is wrong with the file
        exact, _ = self.pipeline.ledger.find(photo.read_bytes(), photo.name)
        return [entry for entry in exact if entry.state == "active"]

    def grant(self, photo: Path, terms: ConsentTerms, *, renew: bool = False) -> Consent:
        """Record a consent for a photo.

        Raises:
            SettingsError: the terms are contradictory or have ended.
            ConsentError: an earlier consent was revoked and `renew` is false.
        """
        return self.pipeline.ledger.grant(check_file(photo).read_bytes(), terms, name=photo.name, renew=renew)

    def preview(self, session: Session, photo: Path, driving: Path, settings: AnimateSettings) -> Receipt:
        """Release one marked picture of the animation into the session's folder.

        Raises:
            FommError: each failure in one sentence.
        """
        check_asked(settings)
        if isinstance(self.clip(driving), MotionTrack):
            most = self.settings.max_seconds
            settings = replace(settings, max_seconds=min(most, settings.max_seconds or most))
        key = ("motion", driving, settings.face.driving_face, settings.face.driving_box, settings.max_seconds)
        authorised = self._leave_to_preview(photo, settings)  # a refusal comes before any work
        motion = session.remember(key, lambda: sample_motion(self.pipeline, driving, settings))
        output = session.new_path("preview.jpg")
        return preview(self.pipeline, authorised, photo, driving, motion, output, settings)

    def render(self, session: Session, photo: Path, driving: Path, settings: AnimateSettings) -> Work[Receipt]:
        """Begin to render; the result lies in the session's folder.

        Raises:
            MediaError: the clip cannot be used or is too long.
        """
        settings = self.check_length(driving, settings)
        output = session.new_path(f"{photo.stem[:40]}-{driving.stem[:40]}.mp4")
        return Work(
            session,
            lambda progress: self.pipeline.animate(photo, driving, output, settings, progress=progress),
            passes_of(driving),
        )

    def track(self, session: Session, driving: Path, settings: AnimateSettings) -> Work[Path]:
        """Begin to read a clip's motion into a track file in the session's folder.

        Raises:
            MediaError: the clip cannot be used or is too long.
        """
        settings = self.check_length(driving, settings)
        output = session.new_path(f"{driving.stem[:40]}{TRACK_SUFFIX}")

        def extract(progress: Callable[[str, int, int | None], None]) -> Path:
            self.pipeline.track(driving, settings, progress).save(output)
            session.motions.append(output)
            return output

        return Work(session, extract, PASSES[:1])

    def preview_edit(self, session: Session, photo: Path, settings: EditPhotoSettings) -> Receipt:
        """Release one marked picture of an edit into the session's folder, to look at.

        Raises:
            FommError: each failure in one sentence.
        """
        check_asked(settings)
        authorised = self._leave_to_preview(photo, settings.scene())
        output = session.new_path("preview.jpg")
        return edit_still(self.pipeline, photo, output, settings, authorisation=authorised)

    def edit(self, session: Session, photo: Path, settings: EditPhotoSettings, suffix: str) -> Receipt:
        """Release an edited photo into the session's folder.

        Args:
            session: the visitor's.
            photo: the consented photo.
            settings: the edit.
            suffix: `.png` or `.jpg`.

        Raises:
            FommError: each failure in one sentence.
        """
        check_asked(settings)
        return edit_still(self.pipeline, photo, session.new_path(f"{photo.stem[:40]}-edit{suffix}"), settings)

    def edit_motion(self, session: Session, photo: Path, settings: EditPhotoSettings) -> Path:
        """Write an edit as a motion track into the session's folder.

        Raises:
            FommError: each failure in one sentence.
        """
        check_asked(settings)
        output = session.new_path(f"{photo.stem[:40]}-edit{TRACK_SUFFIX}")
        save_edit_motion(self.pipeline, photo, output, settings)
        session.motions.append(output)
        return output

    def why_no_edit(self) -> str:
        """Return why this model cannot edit, empty when it can."""
        try:
            directions_of(self.pipeline)
        except FommError as error:
            return str(error)
        return ""

    def verify(self, path: Path) -> Report:
        """Say what a file carries."""
        return verify(path, self.pipeline.ledger, deep=False)

    def close(self) -> None:
        """Stop everything and delete what visitors left."""
        self.sessions.close_all()

    def _leave_to_preview(self, photo: Path, settings: AnimateSettings) -> Authorisation:
        authorised = self.pipeline.authorise(photo, settings)
        if authorised.consent.terms.outputs is not None:
            raise SettingsError(
                f"Consent {authorised.consent.id} allows a fixed number of outputs and a preview would count as one; "
                "render when you are ready."
            )
        return authorised

    def _photo(self, session: Session, photo: Path) -> Photo:
        return session.remember(("image", photo), lambda: read_photo(photo, fit=AnimateSettings().refine.fit))


def evidence_digest(path: Path | None) -> str:
    """Return the SHA-256 of a signed form or recording, empty when there is none."""
    return sha256_hex(check_file(path).read_bytes()) if path else ""
