"""What happens behind the Edit tab: each method answers one event with what the page shows next.

Methods that take `*values` take photo, face, zoom, crop by hand, then one value per control.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from fomm.config.edit_photo import EditPhotoSettings
from fomm.errors import FommError
from fomm.studio import words
from fomm.studio.controls import Control, settings_from
from fomm.studio.parts import path_or_none, session_of
from fomm.studio.service import Studio

_WAITING = "A preview appears once photo and consent are there."


class EditEvents:
    """The tab's answers for one studio.

    Args:
        studio: answers the questions.
        controls: which settings the tab's values are.
    """

    def __init__(self, studio: Studio, controls: Sequence[Control]) -> None:
        self._studio, self._controls = studio, controls

    def preview(self, request: gr.Request, *values: Any) -> tuple[str | None, str]:
        """Show the edited photo, marked, as soon as there is a consent."""
        session, photo = session_of(self._studio, request, values[0]), path_or_none(values[0])
        if photo is None:
            return None, words.note(_WAITING)
        try:
            if not self._studio.consents(session, photo):
                return None, words.note(_WAITING)
            receipt = self._studio.preview_edit(session, photo, self._settings(values))
        except FommError as error:
            return None, words.note(words.explain(error, photo), "bad")
        return str(receipt.path), ""

    def still(self, request: gr.Request, suffix: str, *values: Any) -> tuple[Any, ...]:
        """Release the edited photo, and show it with the report on it."""
        keep = (gr.skip(),) * 4
        photo = path_or_none(values[0])
        if photo is None:
            return words.note("Choose a photo first.", "bad"), *keep
        try:
            receipt = self._studio.edit(
                session_of(self._studio, request, values[0]), photo, self._settings(values), suffix
            )
            found = words.report(self._studio.verify(receipt.path))
        except FommError as error:
            return words.note(words.explain(error, photo), "bad"), *keep
        made = str(receipt.path)
        return words.note(words.still_line(receipt), "good"), gr.Column(visible=True), made, made, found

    def motion(self, request: gr.Request, *values: Any) -> tuple[str, Any]:
        """Save the edit as a motion that drives this and other photos."""
        photo = path_or_none(values[0])
        if photo is None:
            return words.note("Choose a photo first.", "bad"), gr.skip()
        try:
            path = self._studio.edit_motion(session_of(self._studio, request, values[0]), photo, self._settings(values))
        except FommError as error:
            return words.note(words.explain(error, photo), "bad"), gr.skip()
        told = "The motion is ready for download; the Animate tab takes it as 'A saved motion instead'."
        return words.note(told, "good"), gr.File(str(path), visible=True)

    def _settings(self, values: Sequence[Any]) -> EditPhotoSettings:
        _, face, zoom, box, *controls = values
        return settings_from(EditPhotoSettings, self._controls, controls, face or "largest", zoom, box)
