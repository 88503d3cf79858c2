"""Gradio pieces that the tabs share: inputs that keep files as they are, and the visitor behind a request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from fomm.studio.serve.callers import caller_of
from fomm.studio.service import Studio
from fomm.studio.session import Session

LOCAL = "local"  # the key of callers without a session


def photo_input(**options: Any) -> Any:
    """Return an image input that hands over the uploaded file itself, unread: consents are bound to its bytes.

    The method is replaced on the instance because Gradio writes a stub file beside every subclass of a component. An
    event must not answer with a new `gr.Image` for it, which would take its place: show and hide a column around it.
    """
    return _as_uploaded(gr.Image(type="filepath", image_mode=None, **options))


def file_input(**options: Any) -> Any:
    """Return a file input that hands over the uploaded file; Gradio's own leaves an empty temp file each time.

    The same holds for it as for `photo_input`.
    """
    return _as_uploaded(gr.File(type="filepath", **options))


def _as_uploaded(component: Any) -> Any:
    component.__dict__["preprocess"] = lambda payload: payload.path if payload is not None else None
    return component


def session_of(studio: Studio, request: gr.Request, *files: str | None) -> Session:
    """Return the visitor's session, and note files of theirs that must go with it."""
    session = studio.sessions.get(caller_of(request) or request.session_hash or LOCAL)
    for file in files:
        path = Path(file).resolve() if file else None
        if path is not None and path.is_relative_to(studio.sessions.uploads):
            session.uploads.add(path)
    return session


def path_or_none(file: str | None) -> Path | None:
    """Return a path for a file input's value."""
    return Path(file) if file else None
