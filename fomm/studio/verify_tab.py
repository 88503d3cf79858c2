"""The Verify tab: what any video, picture or GIF says about where it comes from."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from fomm.errors import FommError
from fomm.studio import words
from fomm.studio.parts import file_input, session_of
from fomm.studio.service import Studio

_INTRO = (
    '<p class="hint">Drop in any video, picture or GIF up to {limit} MB: also a cut, a re-encoded copy or a screen '
    "capture. The studio looks for a signed manifest, for the invisible watermark, and for the output in its "
    "registry.</p>"
)


def build_verify_tab(studio: Studio) -> None:
    """Put the tab's content on the page."""

    def check(file: str | None, request: gr.Request) -> str:
        """Say whether a file was made with fomm here, and whether it was changed since."""
        if not file:
            return ""
        session_of(studio, request, file)
        try:
            return words.report(studio.verify(Path(file)))
        except FommError as error:
            return words.note(words.explain(error, Path(file)), "bad")

    with gr.Column(elem_classes="card"):
        gr.HTML(_INTRO.format(limit=studio.settings.max_upload_mb), padding=False)
        file = file_input(label="File to check", elem_id="verify-file", elem_classes="drop")
        result = gr.HTML(elem_id="verify-report", padding=False)
    file.change(check, file, result, api_visibility="private", concurrency_id="verify", concurrency_limit=2)
