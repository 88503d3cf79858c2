"""The same functions as an HTTP API with stable names, for `gradio_client` or plain HTTP.

Files travel as gradio_client's `handle_file(...)`. `settings` is a mapping as in a settings file of the command line,
such as `{"transfer": {"strength": 0.8}}`; unknown keys are refused by name. Every failure is a sentence. What takes
long answers again and again until it is done, so that a caller sees how far it is, and cancelling the call ends it.

The endpoints hang on components that no page shows, because components check that a path is an upload of this server;
Gradio's bare endpoints would hand any path on.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.exceptions import InvalidPathError

from fomm.config.animate import AnimateSettings
from fomm.config.edit_photo import EditPhotoSettings
from fomm.errors import FommError
from fomm.studio import words
from fomm.studio.parts import file_input, session_of
from fomm.studio.service import Studio
from fomm.studio.work import StoppedError
from fomm.trust.consent.terms import ConsentTerms

Json = dict[str, Any]

_NOT_SENT = (
    "A file is not one that was sent to this studio; upload it first and name the path that the upload returned."
)
_NO_INPUTS = "The inputs are not those of this endpoint; its page of the manual, docs/api.md, lists them in order."


def add_api(studio: Studio) -> None:
    """Add the endpoints to the page that is being built."""

    def faces(photo: str, settings: Json, request: gr.Request) -> Json:
        """Find the faces of a photo, from the left: boxes x0,y0,x1,y1 in pixels, and the window that will move."""
        seen = studio.look(session_of(studio, request, photo), Path(photo), _settings(settings))
        window = seen.window
        return {
            "size": list(seen.size),
            "faces": [{"box": list(face.box), "score": face.score} for face in seen.faces],
            "window": [window.x, window.y, window.side] if window else None,
            "problem": seen.problem,
        }

    def consents(photo: str, request: gr.Request) -> list[Json]:
        """List the active consents of exactly this photo, newest first."""
        found = studio.consents(session_of(studio, request, photo), Path(photo))
        return [{"id": entry.consent.id, "used": entry.used, **entry.consent.terms.to_mapping()} for entry in found]

    def grant(photo: str, terms: Json, request: gr.Request) -> str:
        """Record a consent for a photo and return its id; `terms` has the keys of a consent file."""
        session_of(studio, request, photo)
        return studio.grant(Path(photo), ConsentTerms.from_mapping(terms, "the consent")).id

    def preview(photo: str, driving: str, settings: Json, request: gr.Request) -> str:
        """Return one marked frame of the animation."""
        session = session_of(studio, request, photo, driving)
        return str(studio.preview(session, Path(photo), Path(driving), _settings(settings)).path)

    def animate(photo: str, driving: str, settings: Json, request: gr.Request) -> Iterator[tuple[str | None, Json]]:
        """Animate a consented photo with a clip or a motion track: progress, then the file and the report on it."""
        session = session_of(studio, request, photo, driving)
        work = studio.render(session, Path(photo), Path(driving), _settings(settings))
        for step in work.watch():
            yield None, {"progress": asdict(step)}
        receipt = work.result()
        yield str(receipt.path), {**studio.verify(receipt.path).to_mapping(), "file": receipt.path.name}

    def track(driving: str, settings: Json, request: gr.Request) -> Iterator[str | None]:
        """Read a clip's motion into a motion track: nothing until it is done, then the file."""
        session = session_of(studio, request, driving)
        work = studio.track(session, Path(driving), _settings(settings))
        for _ in work.watch():
            yield None
        yield str(work.result())

    def stop(request: gr.Request) -> bool:
        """End what is being computed for this caller, and say whether anything was."""
        session = session_of(studio, request)
        running = bool(session.works)
        session.stop()
        return running

    def verify(file: str, request: gr.Request) -> Json:
        """Say what a video, picture or GIF carries: the object that `fomm verify --json` prints."""
        session_of(studio, request, file)
        return {**studio.verify(Path(file)).to_mapping(), "file": Path(file).name}

    with gr.Column(visible=False):
        photo, driving, file = (file_input(label=name) for name in ("Photo", "Driving", "File"))
        settings, terms = gr.JSON(value={}, label="Settings"), gr.JSON(label="Terms")
        answer, made, text = gr.JSON(label="Answer"), gr.File(label="Made"), gr.Textbox(label="Id")
        running = gr.Checkbox(label="Running")
    quick, model = "preview", "model"
    _endpoint(faces, [photo, settings], answer, quick)
    _endpoint(consents, [photo], answer, quick)
    _endpoint(grant, [photo, terms], text, quick)
    _endpoint(preview, [photo, driving, settings], made, quick)
    _endpoint(animate, [photo, driving, settings], [made, answer], model)
    _endpoint(track, [driving, settings], made, model)
    _endpoint(verify, [file], answer, "verify")
    _endpoint(stop, [], running, "stop")
    _add_edits(studio)


def answer_in_words(page: gr.Blocks) -> None:
    """Make a page say in a sentence why inputs are refused before a function sees them; Gradio says nothing then."""
    read = page.preprocess_data

    @functools.wraps(read)
    async def told(*arguments: Any, **more: Any) -> Any:
        try:
            return await read(*arguments, **more)
        except InvalidPathError as error:
            raise gr.Error(_NOT_SENT, print_exception=False) from error
        except (ValueError, TypeError, LookupError, AttributeError) as error:  # what does not fit its components
            raise gr.Error(_NO_INPUTS, print_exception=False) from error

    page.__dict__["preprocess_data"] = told


def _add_edits(studio: Studio) -> None:
    def edit(photo: str, settings: Json, request: gr.Request) -> tuple[str, Json]:
        """Edit a consented photo, such as `{"edit": {"yaw": 10}}`; returns the PNG and the report on it."""
        session = session_of(studio, request, photo)
        receipt = studio.edit(session, Path(photo), _edit_settings(settings), ".png")
        return str(receipt.path), {**studio.verify(receipt.path).to_mapping(), "file": receipt.path.name}

    def edit_motion(photo: str, settings: Json, request: gr.Request) -> str:
        """Save an edit of a consented photo as a motion track."""
        return str(studio.edit_motion(session_of(studio, request, photo), Path(photo), _edit_settings(settings)))

    with gr.Column(visible=False):
        photo, made = file_input(label="Photo"), gr.File(label="Made")
        settings, answer = gr.JSON(value={}, label="Settings"), gr.JSON(label="Answer")
    _endpoint(edit, [photo, settings], [made, answer], "model")
    _endpoint(edit_motion, [photo, settings], made, "model")


def _endpoint(function: Callable[..., Any], inputs: list[Any], outputs: Any, worker: str) -> None:
    """Hang a function on a button that no page shows."""

    @contextmanager
    def telling(values: tuple[Any, ...]) -> Iterator[None]:
        if any(value is None and isinstance(part, gr.File) for part, value in zip(inputs, values, strict=False)):
            raise gr.Error(_NO_INPUTS, print_exception=False)
        try:
            yield
        except FommError as error:
            paths = [Path(value) for value in values if isinstance(value, str)]
            raise gr.Error(words.explain(error, *paths), print_exception=False) from error
        except StoppedError as error:
            raise gr.Error("Stopped; nothing of it was kept.", print_exception=False) from error

    @functools.wraps(function)
    def answer(*values: Any, **more: Any) -> Any:
        with telling(values):
            return function(*values, **more)

    @functools.wraps(function)
    def answers(*values: Any, **more: Any) -> Any:
        with telling(values):
            yield from function(*values, **more)

    told = answers if inspect.isgeneratorfunction(function) else answer
    gr.Button(visible=False).click(
        told, inputs, outputs, api_name=function.__name__, concurrency_id=worker, show_progress="hidden"
    )


def _settings(mapping: Json | None) -> AnimateSettings:
    return AnimateSettings.from_mapping(mapping or {})


def _edit_settings(mapping: Json | None) -> EditPhotoSettings:
    return EditPhotoSettings.from_mapping(mapping or {})
