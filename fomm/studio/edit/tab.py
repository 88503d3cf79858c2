"""The Edit tab: sliders that change the face on a still photo, exported as a picture or as a motion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from fomm.config.edit_photo import EditPhotoSettings
from fomm.studio import words
from fomm.studio.animate.events import AnimateEvents
from fomm.studio.animate.layout import PhotoStep, consent_step, photo_step
from fomm.studio.consent_form import ConsentForm, follow_photo
from fomm.studio.controls import Control, build
from fomm.studio.edit.events import EditEvents
from fomm.studio.gallery import Example
from fomm.studio.remember import forget, reset_button
from fomm.studio.service import Studio

_PRIVATE: dict[str, Any] = {"api_visibility": "private"}
_QUICK: dict[str, Any] = {**_PRIVATE, "show_progress": "hidden"}
_AT_ONCE: dict[str, Any] = {**_QUICK, "queue": False}
_PREVIEW: dict[str, Any] = {
    **_PRIVATE,
    "concurrency_id": "preview",
    "show_progress": "minimal",
    "trigger_mode": "always_last",
}
_MODEL: dict[str, Any] = {**_PRIVATE, "concurrency_id": "model", "show_progress": "minimal"}
_INTRO = (
    '<p class="hint">Move a slider and look at the preview. Sliders go as far as photos usually bear it; a photo from '
    "the front bears most.</p>"
)


def _control(path: str, label: str, step: float = 0.05) -> Control:
    return Control(path, label, step, root=EditPhotoSettings)


HEAD = (
    _control("edit.yaw", "Turn", 0.5),
    _control("edit.pitch", "Nod", 0.5),
    _control("edit.roll", "Tilt", 0.5),
)
FACE = (
    _control("edit.gaze_x", "Look left or right"),
    _control("edit.gaze_y", "Look down or up"),
    _control("edit.blink", "Close the eyes"),
    _control("edit.brows", "Brows"),
    _control("edit.mouth", "Open the mouth"),
    _control("edit.smile", "Smile"),
)
EXPORT = (
    _control("face.any_face", "Crop by hand without a face"),
    _control("use", "Where it will be shown"),
    _control("label.corner", "Label corner"),
)
MOTION = (
    _control("motion.path", "As a motion"),
    _control("motion.move_seconds", "Seconds to get there", 0.1),
    _control("motion.stay_seconds", "Seconds to stay", 0.1),
)
EDIT_CONTROLS = HEAD + FACE + EXPORT + MOTION


@dataclass(frozen=True)
class _Output:
    """Preview and export."""

    preview: gr.Image
    note: gr.HTML
    still: gr.Button
    form: gr.Radio
    motion: gr.Button
    reset: gr.Button
    status: gr.HTML
    track: gr.File


@dataclass(frozen=True)
class _Result:
    """The saved picture."""

    group: gr.Column
    picture: gr.Image
    download: gr.DownloadButton
    report: gr.HTML


def build_edit_tab(studio: Studio, portraits: list[Example]) -> list[Any]:
    """Put the tab on the page, wire it, and return its settings; a model that cannot edit says so instead."""
    problem = studio.why_no_edit()
    if problem:
        with gr.Column(elem_classes="card"):
            gr.HTML(words.note(problem), elem_id="edit-problem", padding=False)
        return []
    with gr.Row():
        with gr.Column(min_width=300):
            photo = photo_step(portraits, "edit-")
            consent, form = consent_step("edit-", number=2)
        strokes, back = _sliders()
        shared, out = _export()
    result = _result()
    _wire_photo(photo, portraits)
    follow_photo(form, photo.image, photo.gallery)
    _wire(studio, photo, (consent, form), [*strokes, *shared], (strokes, back), out, result)
    return [*shared, out.form]


def _sliders() -> tuple[list[Any], gr.Button]:
    with gr.Column(elem_classes="card", min_width=300):
        gr.HTML(words.heading(3, "Face"), padding=False)
        gr.HTML(_INTRO, padding=False)
        strokes = build((*HEAD, *FACE))
        back = gr.Button("Back to the photo as it is", size="sm", elem_id="edit-back")
    return strokes, back


def _export() -> tuple[list[Any], _Output]:
    with gr.Column(elem_classes="card", min_width=300):
        gr.HTML(words.heading(4, "Preview and export"), padding=False)
        preview = gr.Image(
            type="filepath", show_label=False, height=330, interactive=False, elem_id="edit-preview",
            buttons=["fullscreen"], alt_text="The edited photo, marked",
        )  # fmt: skip
        note = gr.HTML(words.note("A preview appears once photo and consent are there."), padding=False)
        with gr.Row():
            shared = build(EXPORT)
        form = gr.Radio(
            [("PNG", ".png"), ("JPEG", ".jpg")], value=".png", label="Picture format",
            info="PNG keeps every pixel; JPEG is smaller.", elem_id="edit-format",
        )  # fmt: skip
        with gr.Accordion("Motion", open=False):
            shared += build(MOTION)
        reset = reset_button("edit")
        with gr.Row():
            still = gr.Button("Save the picture", variant="primary", size="lg", elem_id="edit-save")
            motion = gr.Button("Save as a motion", size="lg", elem_id="edit-motion")
        status = gr.HTML(elem_id="edit-status", padding=False)
        track = gr.File(
            label="Motion track: drives this and other photos in the Animate tab", visible=False, interactive=False,
            elem_id="edit-track",
        )  # fmt: skip
    return shared, _Output(preview, note, still, form, motion, reset, status, track)


def _result() -> _Result:
    with gr.Column(elem_classes="card", visible=False, elem_id="edit-result") as group:
        gr.HTML(words.heading(5, "Result"), padding=False)
        with gr.Row():
            picture = gr.Image(
                type="filepath", show_label=False, interactive=False, height=420, buttons=[], elem_id="edit-picture",
                alt_text="The saved picture, marked",
            )  # fmt: skip
            with gr.Column(min_width=300):
                report = gr.HTML(elem_id="edit-report", padding=False)
                download = gr.DownloadButton("Download the picture", variant="primary", elem_id="edit-download")
    return _Result(group, picture, download, report)


def _wire_photo(photo: PhotoStep, portraits: list[Example]) -> None:
    def portrait(event: gr.SelectData) -> str:
        return str(portraits[int(event.index)].path)

    photo.gallery.select(portrait, None, photo.image, **_AT_ONCE)
    photo.change.click(lambda: None, None, photo.image, **_AT_ONCE)


def _wire(
    studio: Studio,
    photo: PhotoStep,
    consent: tuple[gr.HTML, ConsentForm],
    controls: list[Any],
    sliders: tuple[list[Any], gr.Button],
    out: _Output,
    result: _Result,
) -> None:
    """Say which event is answered by which method."""
    events, shared = EditEvents(studio, EDIT_CONTROLS), AnimateEvents(studio)
    state, form = consent
    crop = [photo.face, photo.zoom, photo.box]
    everything = [photo.image, *crop, *controls]

    looked = gr.on(
        [photo.image.change, photo.face.input, photo.zoom.release, photo.box.submit],
        shared.look,
        [photo.image, *crop],
        [photo.drop, photo.stage, photo.change, photo.face, state, form.group],
        **_QUICK,
    )
    recorded = form.button.click(shared.record, [photo.image, *form.inputs], [state, form.group], **_QUICK)
    shown = [out.preview, out.note]
    strokes, back = sliders
    rest = [control.value for control in strokes]
    rested = back.click(lambda: rest, None, strokes, **_AT_ONCE)
    reset = forget(out.reset, "edit", [*controls[len(strokes) :], out.form])
    for earlier in (looked, recorded, rested, reset):
        earlier.then(events.preview, everything, shown, show_progress_on=out.preview, **_PREVIEW)
    changed = [part.release if isinstance(part, gr.Slider) else part.change for part in controls]
    gr.on(changed, events.preview, everything, shown, show_progress_on=out.preview, **_PREVIEW)
    made = [out.status, result.group, result.picture, result.download, result.report]
    out.still.click(events.still, [out.form, *everything], made, show_progress_on=out.status, **_MODEL)
    out.motion.click(events.motion, everything, [out.status, out.track], show_progress_on=out.status, **_MODEL)
