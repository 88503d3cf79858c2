"""The Live tab put together: which event of `live_layout` is answered by which method of `live_events`."""

from __future__ import annotations

from typing import Any

import gradio as gr

from fomm.studio.gallery import Example
from fomm.studio.live.events import LiveEvents, live_buttons
from fomm.studio.live.layout import LivePhoto, LiveView, photo_card, result_card, view_card
from fomm.studio.remember import forget
from fomm.studio.service import Studio

_QUICK: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
_AT_ONCE: dict[str, Any] = {**_QUICK, "queue": False}
_MODEL: dict[str, Any] = {"api_visibility": "private", "concurrency_id": "model", "show_progress": "minimal"}


def build_live_tab(studio: Studio, portraits: list[Example]) -> list[Any]:
    """Put the tab on the page, wire it, and return its settings.

    Args:
        studio: answers the questions.
        portraits: bundled photos to choose from.
    """
    with gr.Row():
        photo, view = photo_card(portraits), view_card()
    result = result_card()
    events = LiveEvents(studio)
    _wire_photo(events, photo, portraits)
    _wire_live(events, photo, view)

    buttons = [view.start, view.stop, view.calibrate, view.record, view.save]
    view.record.click(events.record, None, [view.status, *buttons], **_AT_ONCE)
    shown = [view.status, result.group, result.video, result.download, result.report]
    saving = view.save.click(live_buttons, None, buttons, **_AT_ONCE)
    saving.then(events.save, None, shown, show_progress_on=view.status, **_MODEL)
    reset = forget(view.reset, "live", view.settings)
    reset.then(events.adjust, view.strength, view.status, **_AT_ONCE)
    return view.settings


def _wire_photo(events: LiveEvents, photo: LivePhoto, portraits: list[Example]) -> None:
    def portrait(event: gr.SelectData) -> str:
        return str(portraits[int(event.index)].path)

    photo.gallery.select(portrait, None, photo.image, **_AT_ONCE)
    photo.image.change(events.look, photo.image, [photo.note, photo.consent, photo.form.group], **_QUICK)
    recorded = [photo.consent, photo.form.group]
    photo.form.button.click(events.consent, [photo.image, *photo.form.inputs], recorded, **_QUICK)


def _wire_live(events: LiveEvents, photo: LivePhoto, view: LiveView) -> None:
    """Start and stop on both sides: the studio's place, and the page's camera."""
    changed = [view.key, view.status, view.start, view.stop, view.calibrate, view.record, view.save]
    chosen = [photo.image, view.view, view.strength, view.use]
    begun = view.start.click(events.start, chosen, changed, concurrency_id="live", **_QUICK)
    begun.then(None, [view.key, view.mirror], None, js="(begun, mirror) => fommLive.start(begun, mirror)")
    view.stop.click(events.stop, view.key, changed, js="() => [fommLive.stop()]", **_AT_ONCE)
    view.calibrate.click(events.calibrate, None, view.status, **_AT_ONCE)
    view.strength.release(events.adjust, view.strength, view.status, **_AT_ONCE)
    view.mirror.change(None, view.mirror, None, js="(mirror) => fommLive.mirror(mirror)")
