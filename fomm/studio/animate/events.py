"""What happens behind the Animate tab: each method answers one event with what the page shows next.

A failure is a sentence in the step it belongs to, never a dialog. Methods that take `*inputs` take all inputs of the
tab, in the order of `Inputs`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from fomm.config.animate import AnimateSettings
from fomm.errors import FommError
from fomm.studio import words
from fomm.studio.consent_form import consent_state, terms_of
from fomm.studio.controls import CONTROLS, settings_of
from fomm.studio.parts import path_or_none, session_of
from fomm.studio.service import Studio
from fomm.studio.work import StoppedError
from fomm.track.track import MotionTrack

_WAITING = "A preview appears once photo, motion and consent are there."
_STOPPED = "Stopped; nothing of it was kept."


@dataclass(frozen=True)
class Inputs:
    """All inputs of the tab: photo, clip, motion track, face, zoom, crop by hand, then one value per control."""

    photo: Path | None
    clip: Path | None
    track: Path | None
    settings: AnimateSettings

    @classmethod
    def read(cls, values: tuple[Any, ...]) -> Inputs:
        """Read the tab's values.

        Raises:
            SettingsError: one is out of range.
        """
        photo, clip, track, face, zoom, box, *controls = values
        settings = settings_of(controls, face or "largest", zoom, box)
        return cls(path_or_none(photo), path_or_none(clip), path_or_none(track), settings)

    @property
    def driving(self) -> Path | None:
        """Where the motion comes from; a motion track goes before a clip."""
        return self.track or self.clip


class AnimateEvents:
    """The tab's answers for one studio."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def look(self, request: gr.Request, file: str | None, face: str | None, zoom: float, box: str) -> tuple[Any, ...]:
        """Show a photo's faces and crop (or the empty input) and the state of its consent."""
        path = path_or_none(file)
        consent = self._consent(request, file)
        hidden = gr.Radio(visible=False)
        if path is None:
            return gr.Column(visible=True), gr.HTML(visible=False), gr.Button(visible=False), hidden, *consent
        try:
            settings = settings_of([None] * len(CONTROLS), face or "largest", zoom, box)
            seen = self._studio.look(session_of(self._studio, request, file), path, settings)
        except FommError as error:
            told = gr.HTML(words.note(words.explain(error, path), "bad"), visible=True)
            return gr.Column(visible=False), told, gr.Button(visible=True), hidden, "", gr.Column(visible=False)
        stage = words.photo_stage(path, seen.size, seen.faces, seen.chosen, seen.window)
        if seen.problem:
            stage += words.note(words.explain(FommError(seen.problem)), "bad")
        numbers = [str(number) for number in range(1, len(seen.faces) + 1)]
        chooser = gr.Radio(
            [("Largest", "largest"), *((number, number) for number in numbers)],
            value=face if face in numbers else "largest",
            visible=len(numbers) > 1,
        )
        return gr.Column(visible=False), gr.HTML(stage, visible=True), gr.Button(visible=True), chooser, *consent

    def clip(self, request: gr.Request, clip: str | None, track: str | None) -> str:
        """Say what the driving clip is, or what is wrong with it."""
        file = path_or_none(track or clip)
        session_of(self._studio, request, clip, track)
        if file is None:
            return ""
        try:
            info = self._studio.clip(file)
        except FommError as error:
            return words.note(words.explain(error, file), "bad")
        if isinstance(info, MotionTrack):
            return words.note(f"A saved motion of {float(len(info) / info.fps):.1f} s, without picture or sound.")
        seconds = f"{float(info.duration):.1f} s, " if info.duration else ""
        sound = "with sound" if info.has_audio else "without sound"
        what = f"{seconds}{info.width} x {info.height} px, {float(info.fps):.4g} fps, {sound}."
        try:
            self._studio.check_length(file, AnimateSettings())
        except FommError as error:
            return words.note(f"{what} {words.explain(error, file)}", "bad")
        return words.note(what)

    def record(self, request: gr.Request, file: str | None, *values: Any) -> tuple[str, gr.Column]:
        """Record the consent that the form states."""
        *stated, renew = values
        session_of(self._studio, request, file, stated[-1])
        if not file:
            return words.note("Choose a photo first.", "bad"), gr.Column(visible=True)
        try:
            self._studio.grant(Path(file), terms_of(*stated), renew=renew)
        except FommError as error:
            return words.note(words.explain(error, Path(file)), "bad"), gr.Column(visible=True)
        return self._consent(request, file)

    def preview(self, request: gr.Request, *values: Any) -> tuple[str | None, str]:
        """Show one marked frame as soon as there is enough to make it."""
        session = session_of(self._studio, request, *values[:3])
        photo, driving = path_or_none(values[0]), path_or_none(values[2] or values[1])
        if photo is None or driving is None:
            return None, words.note(_WAITING)
        try:
            if not self._studio.consents(session, photo):
                return None, words.note(_WAITING)
            receipt = self._studio.preview(session, photo, driving, Inputs.read(values).settings)
        except FommError as error:
            return None, words.note(words.explain(error, photo, driving), "bad")
        return str(receipt.path), ""

    def render(self, request: gr.Request, *values: Any) -> Iterator[tuple[Any, ...]]:
        """Render, telling how far it is; then show the result beside the clip, and the report on it."""
        keep = (gr.skip(),) * 6
        photo, driving = path_or_none(values[0]), path_or_none(values[2] or values[1])
        if photo is None or driving is None:
            yield words.note("Choose a photo and a motion first.", "bad"), *keep
            return
        try:
            work = self._studio.render(
                session_of(self._studio, request, *values[:3]), photo, driving, Inputs.read(values).settings
            )
            for step in work.watch():
                yield words.progress(step), *keep
            receipt = work.result()
            yield words.note("Checking the finished file.", "busy"), *keep
            found = words.report(self._studio.verify(receipt.path))
        except StoppedError:
            yield words.note(_STOPPED), *keep
        except FommError as error:
            yield words.note(words.explain(error, photo, driving), "bad"), *keep
        else:
            beside = gr.Video(values[1], visible=bool(values[1]) and not values[2])
            done, path = words.note(words.receipt_line(receipt), "good"), str(receipt.path)
            yield done, gr.Column(visible=True), path, beside, path, found, words.photo_beside(photo)

    def save(self, request: gr.Request, *values: Any) -> Iterator[tuple[str, Any]]:
        """Read the clip's motion into a file that drives other photos."""
        driving = path_or_none(values[2] or values[1])
        if driving is None:
            yield words.note("Choose a motion first.", "bad"), gr.skip()
            return
        try:
            work = self._studio.track(
                session_of(self._studio, request, *values[:3]), driving, Inputs.read(values).settings
            )
            for step in work.watch():
                yield words.progress(step), gr.skip()
            path = work.result()
        except StoppedError:
            yield words.note(_STOPPED), gr.skip()
        except FommError as error:
            yield words.note(words.explain(error, driving), "bad"), gr.skip()
        else:
            told = words.note("The motion is ready for download beside the result.", "good")
            yield told, gr.File(str(path), visible=True)

    def saved(self, request: gr.Request) -> Any:
        """Offer the motions that the visitor saved."""
        motions = session_of(self._studio, request).motions
        offered = [(f"{number}. {path.stem}", str(path)) for number, path in enumerate(motions, 1)]
        return gr.Radio(offered, value=None, visible=bool(offered))

    def pick(self, request: gr.Request, chosen: str | None) -> str | None:
        """Take one of them for the motion."""
        path = path_or_none(chosen)
        return str(path) if path in session_of(self._studio, request).motions else None

    def stop(self, request: gr.Request) -> str:
        """Stop this visitor's render."""
        session_of(self._studio, request).stop()
        return words.note(_STOPPED)

    def _consent(self, request: gr.Request, file: str | None) -> tuple[str, gr.Column]:
        session = session_of(self._studio, request, file)
        text, needed = consent_state(self._studio, session, path_or_none(file))
        return text, gr.Column(visible=needed)
