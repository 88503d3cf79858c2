"""What the Animate tab shows: five steps and the result, as Gradio components; nothing here computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from fomm.config.animate import TRACK_SUFFIX
from fomm.config.studio import StudioSettings
from fomm.media.limits import PHOTO_LIMITS
from fomm.studio import words
from fomm.studio.consent_form import ConsentForm, build_form
from fomm.studio.controls import FINE, MAIN, build
from fomm.studio.gallery import Example
from fomm.studio.parts import file_input, photo_input
from fomm.studio.remember import reset_button

_PHOTO_HINT = (
    f"JPEG, HEIC, PNG, WebP or TIFF, up to {PHOTO_LIMITS.max_pixels // 1_000_000} megapixels; a face seen from the "
    "front works best."
)


@dataclass(frozen=True)
class PhotoStep:
    """Step 1."""

    drop: gr.Column
    image: gr.Image
    gallery: gr.Gallery
    stage: gr.HTML
    change: gr.Button
    face: gr.Radio
    zoom: gr.Slider
    box: gr.Textbox


@dataclass(frozen=True)
class MotionStep:
    """Step 2."""

    clip: gr.Video
    gallery: gr.Gallery
    track: gr.File
    shelf: gr.Accordion
    saved: gr.Radio
    note: gr.HTML


@dataclass(frozen=True)
class PreviewStep:
    """Step 5."""

    preview: gr.Image
    preview_note: gr.HTML
    render: gr.Button
    stop: gr.Button
    status: gr.HTML


@dataclass(frozen=True)
class ResultStep:
    """Step 6."""

    group: gr.Column
    video: gr.Video
    beside: gr.Video
    photo: gr.HTML
    download: gr.DownloadButton
    report: gr.HTML
    save: gr.Button
    saved: gr.File


def photo_step(portraits: list[Example], prefix: str = "") -> PhotoStep:
    """Put step 1 on the page; the elements' ids begin with `prefix`."""
    with gr.Column(elem_classes="card", min_width=300):
        gr.HTML(words.heading(1, "Photo"), padding=False)
        with gr.Column() as drop:
            image = photo_input(
                sources=["upload", "webcam", "clipboard"],
                show_label=False,
                height=250,
                elem_id=f"{prefix}photo",
                elem_classes="drop",
                buttons=[],
                alt_text="The photo to animate",
            )
        stage = gr.HTML(visible=False, elem_id=f"{prefix}photo-stage", padding=False)
        change = gr.Button("Choose another photo", size="sm", visible=False)
        gr.HTML('<p class="hint">Or take one that shows nobody:</p>', padding=False)
        gallery = gr.Gallery(
            [(str(example.path), example.title) for example in portraits],
            label="Portraits that show nobody",
            columns=4,
            height=96,
            fit_columns=False,
            show_label=False,
            allow_preview=False,
            object_fit="cover",
            buttons=[],
            elem_id=f"{prefix}portraits",
        )
        gr.HTML(f'<p class="hint">{_PHOTO_HINT}</p>', padding=False)
        face = gr.Radio([], label="Which face?", visible=False, elem_id=f"{prefix}face")
        with gr.Accordion("Crop", open=False):
            zoom = gr.Slider(0.5, 1.5, 1.0, step=0.05, label="Closer or wider", info="Above 1 shows the face larger.")
            box = gr.Textbox(label="Crop by hand", info="x,y,width,height in px; empty finds the face.", max_lines=1)
    return PhotoStep(drop, image, gallery, stage, change, face, zoom, box)


def motion_step(allowed: StudioSettings, clips: list[Example]) -> MotionStep:
    """Put step 2 on the page."""
    with gr.Column(elem_classes="card", min_width=300):
        gr.HTML(words.heading(2, "Motion"), padding=False)
        clip = gr.Video(
            sources=["upload", "webcam"], show_label=False, height=250, elem_id="clip", elem_classes="drop", buttons=[],
        )  # fmt: skip
        gr.HTML('<p class="hint">Or take one of ours:</p>', padding=False)
        gallery = gr.Gallery(
            [(str(example.path), example.title) for example in clips],
            label="Driving clips that show nobody",
            columns=4,
            height=96,
            fit_columns=False,
            show_label=False,
            allow_preview=False,
            object_fit="cover",
            buttons=[],
            elem_id="clips",
        )
        gr.HTML(
            f'<p class="hint">A clip of one face, up to {allowed.max_seconds:g} s and {allowed.max_upload_mb} MB. '
            "Only its motion and sound are used.</p>",
            padding=False,
        )
        with gr.Accordion("A saved motion instead", open=False, elem_id="saved") as shelf:
            saved = gr.Radio(
                [], label="Saved in this visit", info="From a result below, or from the Edit tab.", visible=False,
                elem_id="saved-motions",
            )  # fmt: skip
            track = file_input(label="Motion track", file_types=[TRACK_SUFFIX], height=150, elem_id="track")
        note = gr.HTML(elem_id="clip-note", padding=False)
    return MotionStep(clip, gallery, track, shelf, saved, note)


def preview_step() -> PreviewStep:
    """Put step 5 on the page."""
    with gr.Column(elem_classes="card", min_width=300):
        gr.HTML(words.heading(5, "Preview and render"), padding=False)
        preview = gr.Image(
            type="filepath",
            show_label=False,
            height=320,
            interactive=False,
            elem_id="preview",
            buttons=["fullscreen"],
            alt_text="One marked frame of the animation",
        )
        preview_note = gr.HTML(words.note("A preview appears once photo, motion and consent are there."), padding=False)
        with gr.Row():
            render = gr.Button("Render", variant="primary", size="lg", elem_id="render")
            stop = gr.Button("Stop", variant="stop", size="lg", visible=False, elem_id="stop")
        status = gr.HTML(elem_id="status", padding=False)
    return PreviewStep(preview, preview_note, render, stop, status)


def result_step() -> ResultStep:
    """Put the result on the page, hidden until there is one."""
    with gr.Column(elem_classes="card", visible=False, elem_id="result") as result:
        gr.HTML(words.heading(6, "Result"), padding=False)
        with gr.Row():
            video = gr.Video(label="Animation", interactive=False, elem_id="video", height=420, buttons=[])
            beside = gr.Video(label="Driving clip", interactive=False, height=420, buttons=[])
            photo = gr.HTML(elem_id="result-photo", padding=False)
        with gr.Row():
            download = gr.DownloadButton("Download", variant="primary", elem_id="download")
            save = gr.Button("Save the motion for other photos")
        saved = gr.File(label="Motion track: holds no picture of the driver", visible=False, interactive=False)
        report = gr.HTML(elem_id="report", padding=False)
    return ResultStep(result, video, beside, photo, download, report, save, saved)


def consent_step(prefix: str = "", number: int = 3) -> tuple[gr.HTML, ConsentForm]:
    """Put the consent step on the page; the elements' ids begin with `prefix`."""
    with gr.Column(elem_classes="card", min_width=300):
        gr.HTML(words.heading(number, "Consent"), padding=False)
        state = gr.HTML(words.note("Choose a photo first."), elem_id=f"{prefix}consent-note", padding=False)
        form = build_form(f"{prefix}consent")
    return state, form


def settings_step() -> tuple[list[Any], gr.Button]:
    """Put step 4 on the page; return its controls, in the order of `CONTROLS`, and what brings their defaults back."""
    with gr.Column(elem_classes="card", min_width=300):
        gr.HTML(words.heading(4, "How it moves"), padding=False)
        shown = build(MAIN)
        with gr.Accordion("Fine tuning", open=False):
            hidden = build(FINE)
        reset = reset_button("animate")
    return [*shown, *hidden], reset
