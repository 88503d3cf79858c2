"""The Animate tab put together: which event of `animate_layout` is answered by which method of `animate_events`."""

from __future__ import annotations

from typing import Any

import gradio as gr

from fomm.studio import words
from fomm.studio.animate.events import AnimateEvents
from fomm.studio.animate.layout import (
    MotionStep,
    PhotoStep,
    PreviewStep,
    ResultStep,
    consent_step,
    motion_step,
    photo_step,
    preview_step,
    result_step,
    settings_step,
)
from fomm.studio.consent_form import follow_photo
from fomm.studio.gallery import Example
from fomm.studio.remember import forget
from fomm.studio.service import Studio

_PRIVATE: dict[str, Any] = {"api_visibility": "private"}
_QUICK: dict[str, Any] = {**_PRIVATE, "show_progress": "hidden"}
_AT_ONCE: dict[str, Any] = {**_QUICK, "queue": False}
_MODEL: dict[str, Any] = {**_PRIVATE, "concurrency_id": "model", "concurrency_limit": 1, "show_progress": "minimal"}
_PREVIEW: dict[str, Any] = {
    **_PRIVATE,
    "concurrency_id": "preview",
    "concurrency_limit": 1,
    "show_progress": "minimal",
    "trigger_mode": "always_last",
}


def build_animate_tab(studio: Studio, portraits: list[Example], clips: list[Example]) -> list[Any]:
    """Put the tab on the page, wire it, and return its settings.

    Args:
        studio: answers the questions.
        portraits: bundled photos to choose from.
        clips: bundled driving clips to choose from.
    """
    with gr.Row(equal_height=True):
        photo, motion = photo_step(portraits), motion_step(studio.settings, clips)
        consent, form = consent_step()
    with gr.Row(equal_height=True):
        (controls, reset), out = settings_step(), preview_step()
    result = result_step()
    _wire_galleries(photo, motion, portraits, clips)
    follow_photo(form, photo.image, photo.gallery)

    events = AnimateEvents(studio)
    crop = [photo.face, photo.zoom, photo.box]
    everything = [photo.image, motion.clip, motion.track, *crop, *controls]
    looked = gr.on(
        [photo.image.change, photo.face.input, photo.zoom.release, photo.box.submit],
        events.look,
        [photo.image, *crop],
        [photo.drop, photo.stage, photo.change, photo.face, consent, form.group],
        **_QUICK,
    )
    told = gr.on(
        [motion.clip.change, motion.track.change], events.clip, [motion.clip, motion.track], motion.note, **_QUICK
    )
    recorded = form.button.click(events.record, [photo.image, *form.inputs], [consent, form.group], **_QUICK)

    shown = [out.preview, out.preview_note]
    for earlier in (looked, told, recorded, forget(reset, "animate", controls)):
        earlier.then(events.preview, everything, shown, show_progress_on=out.preview, **_PREVIEW)
    changed = [control.release if isinstance(control, gr.Slider) else control.change for control in controls]
    gr.on(changed, events.preview, everything, shown, show_progress_on=out.preview, **_PREVIEW)
    motion.shelf.expand(events.saved, None, motion.saved, **_AT_ONCE)
    motion.saved.input(events.pick, motion.saved, motion.track, **_AT_ONCE)
    _wire_render(events, out, result, everything, motion.saved)
    return controls


def _wire_render(
    events: AnimateEvents, out: PreviewStep, result: ResultStep, everything: list[Any], saved: gr.Radio
) -> None:
    """Swap the Render and Stop buttons around a computation; Stop also takes it out of the queue."""
    buttons = [out.render, out.stop]
    results = [out.status, result.group, result.video, result.beside, result.download, result.report, result.photo]
    begun = out.render.click(_busy, None, [*buttons, out.status], **_AT_ONCE)
    rendering = begun.then(events.render, everything, results, show_progress_on=out.status, **_MODEL)
    rendering.then(_idle, None, buttons, **_AT_ONCE)
    asked = result.save.click(_busy, None, [*buttons, out.status], **_AT_ONCE)
    saving = asked.then(events.save, everything, [out.status, result.saved], show_progress_on=out.status, **_MODEL)
    saving.then(_idle, None, buttons, **_AT_ONCE).then(events.saved, None, saved, **_AT_ONCE)
    stopped = out.stop.click(events.stop, None, out.status, cancels=[rendering, saving], **_AT_ONCE)
    # Said again after the events are cancelled: a step that was under way to the page may have come in between.
    stopped.then(events.stop, None, out.status, **_AT_ONCE).then(_idle, None, buttons, **_AT_ONCE)


def _wire_galleries(photo: PhotoStep, motion: MotionStep, portraits: list[Example], clips: list[Example]) -> None:
    """Let a click in a gallery fill the input above it; the bundled file itself is used, with its own hash."""

    def portrait(event: gr.SelectData) -> str:
        return str(portraits[int(event.index)].path)

    def clip(event: gr.SelectData) -> str:
        return str(clips[int(event.index)].path)

    photo.gallery.select(portrait, None, photo.image, **_AT_ONCE)
    motion.gallery.select(clip, None, motion.clip, **_AT_ONCE)
    photo.change.click(lambda: None, None, photo.image, **_AT_ONCE)


def _busy() -> tuple[gr.Button, gr.Button, str]:
    return gr.Button(visible=False), gr.Button(visible=True), words.note("Waiting for your turn.", "busy")


def _idle() -> tuple[gr.Button, gr.Button]:
    return gr.Button(visible=True), gr.Button(visible=False)
