"""What happens behind the Live tab: each method answers one event with what the page shows next.

Frames do not come this way, see `live_route`: an event only opens, changes and ends what they go through.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from fomm.config.animate import AnimateSettings
from fomm.config.live import LiveSettings
from fomm.config.motion import TransferSettings
from fomm.errors import FommError
from fomm.studio import words
from fomm.studio.consent_form import consent_state, terms_of
from fomm.studio.live.route import PATH
from fomm.studio.live.streams import LiveStream
from fomm.studio.live.words import CHOOSE, HINTS, NO_STREAM, RECORDING, STOPPED
from fomm.studio.parts import path_or_none, session_of
from fomm.studio.service import Studio
from fomm.studio.work import StoppedError, Work
from fomm.tasks.recording import release_recording


class LiveEvents:
    """The tab's answers for one studio."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def look(self, request: gr.Request, file: str | None) -> tuple[str, str, gr.Column]:
        """Say what is wrong with a photo, if anything, and show the state of its consent to live use."""
        consent, form = self._consent(request, file)
        path = path_or_none(file)
        if path is None:
            return "", consent, form
        try:
            seen = self._studio.look(session_of(self._studio, request, file), path, AnimateSettings())
        except FommError as error:
            return words.note(words.explain(error, path), "bad"), "", gr.Column(visible=False)
        problem = "No face was found in this photo; use one that shows a face from the front." if seen.problem else ""
        return words.note(problem, "bad"), consent, form

    def consent(self, request: gr.Request, file: str | None, *values: Any) -> tuple[str, gr.Column]:
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

    def start(self, request: gr.Request, file: str | None, view: str, strength: float, use: str) -> tuple[Any, ...]:
        """Take a live place; the page gets the key under which it may send camera frames."""
        path = path_or_none(file)
        if path is None:
            return "", words.note(CHOOSE, "bad"), *idle_buttons()
        try:
            settings = LiveSettings(view=view, use=use, transfer=TransferSettings(strength=strength))
            stream = self._studio.live.open(session_of(self._studio, request, file), path, settings)
        except FommError as error:
            return "", words.note(words.explain(error, path), "bad"), *idle_buttons()
        begun = json.dumps({"key": stream.key, "path": PATH, "hints": HINTS})
        return begun, "", *live_buttons()

    def stop(self, request: gr.Request, reason: str) -> tuple[Any, ...]:
        """Give the live place back.

        Args:
            request: the visitor's.
            reason: why the page itself stopped, empty when the visitor did.
        """
        stream = self._stream(request)
        if stream is not None:
            stream.close()
        return "", words.note(reason, "bad") if reason else words.note(STOPPED), *idle_buttons()

    def calibrate(self, request: gr.Request) -> str:
        """Make the driver's present pose the photo's."""
        return self._tell(request, LiveStream.calibrate, "")

    def adjust(self, request: gr.Request, strength: float) -> str:
        """Change the strength of the motion, if the visitor is live."""
        stream = self._stream(request)
        if stream is not None:
            stream.adjust(TransferSettings(strength=strength))
        return ""

    def record(self, request: gr.Request) -> tuple[Any, ...]:
        """Begin to record, if the consent covers a file, too."""
        stream = self._stream(request)
        if stream is None:
            return words.note(NO_STREAM, "bad"), *idle_buttons()
        try:
            self._studio.pipeline.authorise(stream.photo, stream.settings)
            stream.record()
        except FommError as error:
            return words.note(words.explain(error, stream.photo), "bad"), *live_buttons()
        return words.note(RECORDING, "busy"), *live_buttons(recording=True)

    def save(self, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        """End the recording, render it through the release, and show the file and the report on it."""
        keep = (gr.skip(),) * 4
        session, stream = session_of(self._studio, request), self._stream(request)
        recorded = stream.stop_recording() if stream is not None else None
        if stream is None or recorded is None:
            yield words.note("The live session ended, and its recording with it.", "bad"), *keep
            return
        recorder, settings = recorded
        photo, output = stream.photo, session.new_path(f"{stream.photo.stem[:40]}-live.mp4")
        try:
            work = Work(
                session,
                lambda tell: release_recording(self._studio.pipeline, photo, recorder, output, settings, tell),
            )
            for step in work.watch():
                yield words.progress(step), *keep
            receipt = work.result()
            found = words.report(self._studio.verify(receipt.path))
        except StoppedError:
            yield words.note("Stopped; nothing of the recording was kept."), *keep
        except FommError as error:
            yield words.note(words.explain(error, photo), "bad"), *keep
        else:
            made = str(receipt.path)
            yield words.note(words.receipt_line(receipt), "good"), gr.Column(visible=True), made, made, found

    def _tell(self, request: gr.Request, what: Any, done: str) -> str:
        stream = self._stream(request)
        if stream is None:
            return words.note(NO_STREAM, "bad")
        try:
            what(stream)
        except FommError as error:
            return words.note(words.explain(error), "bad")
        return words.note(done)

    def _stream(self, request: gr.Request) -> LiveStream | None:
        return self._studio.live.of(session_of(self._studio, request))

    def _consent(self, request: gr.Request, file: str | None) -> tuple[str, gr.Column]:
        session = session_of(self._studio, request, file)
        text, needed = consent_state(self._studio, session, path_or_none(file), "live")
        return text, gr.Column(visible=needed)


def idle_buttons() -> tuple[gr.Button, ...]:
    """Return the buttons (start, stop, calibrate, record, save) while nothing is live."""
    return (
        gr.Button(visible=True), gr.Button(visible=False), gr.Button(interactive=False),
        gr.Button(visible=True, interactive=False), gr.Button(visible=False),
    )  # fmt: skip


def live_buttons(*, recording: bool = False) -> tuple[gr.Button, ...]:
    """Return the same while a photo is live."""
    return (
        gr.Button(visible=False), gr.Button(visible=True), gr.Button(interactive=not recording),
        gr.Button(visible=not recording, interactive=True), gr.Button(visible=recording),
    )  # fmt: skip
