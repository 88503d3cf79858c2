"""What the Live tab shows: photo, consent, the live picture with its buttons, and a recording's result."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

import gradio as gr

from fomm.config.animate import USE
from fomm.studio import words
from fomm.studio.consent_form import ConsentForm, build_form
from fomm.studio.gallery import Example
from fomm.studio.live.words import CHOOSE, INTRO
from fomm.studio.parts import photo_input
from fomm.studio.remember import reset_button
from fomm.studio.theme import EDGE, GROUND, MUTED

SCRIPT = f"<script>{resources.files('fomm.studio').joinpath('live.js').read_text()}</script>"
"""The page's part of a live session, for the document's head."""

CSS = f"""
.live-view {{ position: relative; display: grid; place-items: center; min-height: 240px; background: {GROUND};
  border: 1px solid {EDGE}; border-radius: 10px; overflow: hidden; }}
.live-view canvas {{ display: block; max-width: 100%; max-height: 64vh; }}
.live-view video {{ position: absolute; right: 8px; top: 8px; width: 22%; max-width: 128px; border-radius: 8px;
  border: 1px solid {EDGE}; }}
.live-view video.mirrored {{ transform: scaleX(-1); }}
.live-view:not(.on) canvas, .live-view:not(.on) video {{ display: none; }}
.live-view:not(.on)::after {{ content: attr(data-empty); color: {MUTED}; padding: 24px; text-align: center; }}
#live-numbers {{ color: {MUTED}; font-variant-numeric: tabular-nums; min-height: 1.4em; margin: 8px 0 0; }}
#live-hint:empty {{ display: none; }}
"""

_VIEW = """
<div id="live-view" class="live-view" data-empty="The camera is off.">
  <canvas id="live-canvas" role="img" aria-label="Your photo, live: it moves as you do"></canvas>
  <video id="live-camera" muted playsinline aria-label="Your own camera picture"></video>
</div>
<p id="live-numbers"></p>
<div id="live-hint" class="note" role="status" aria-live="polite"></div>
"""


@dataclass(frozen=True)
class LivePhoto:
    """The photo, and the consent to show it live."""

    image: gr.Image
    gallery: gr.Gallery
    note: gr.HTML
    consent: gr.HTML
    form: ConsentForm


@dataclass(frozen=True)
class LiveView:
    """The live picture and what can be done with it."""

    start: gr.Button
    stop: gr.Button
    calibrate: gr.Button
    record: gr.Button
    save: gr.Button
    status: gr.HTML
    key: gr.Textbox
    view: gr.Radio
    strength: gr.Slider
    mirror: gr.Checkbox
    use: gr.Dropdown
    reset: gr.Button

    @property
    def settings(self) -> list[gr.components.Component]:
        """What the browser remembers."""
        return [self.view, self.strength, self.mirror, self.use]


@dataclass(frozen=True)
class LiveResult:
    """A saved recording."""

    group: gr.Column
    video: gr.Video
    download: gr.DownloadButton
    report: gr.HTML


def photo_card(portraits: list[Example]) -> LivePhoto:
    """Put photo and consent on the page."""
    with gr.Column(elem_classes="card", min_width=300, scale=2):
        gr.HTML(words.heading(1, "Photo and consent"), padding=False)
        image = photo_input(
            sources=["upload", "clipboard"],
            show_label=False,
            height=240,
            elem_id="live-photo",
            elem_classes="drop",
            buttons=[],
            alt_text="The photo to show live",
        )
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
            elem_id="live-portraits",
        )
        note = gr.HTML(elem_id="live-photo-note", padding=False)
        consent = gr.HTML(words.note("Choose a photo first."), elem_id="live-consent-note", padding=False)
        form = build_form("live-consent", ("animate", "live"))
    return LivePhoto(image, gallery, note, consent, form)


def view_card() -> LiveView:
    """Put the live picture, its buttons and its few settings on the page."""
    with gr.Column(elem_classes="card", min_width=300, scale=3):
        gr.HTML(words.heading(2, "Live"), padding=False)
        gr.HTML(f'<p class="hint">{INTRO}</p>', padding=False)
        gr.HTML(_VIEW, padding=False)
        with gr.Row():
            start = gr.Button("Go live", variant="primary", size="lg", elem_id="live-start")
            stop = gr.Button("Stop", variant="stop", size="lg", visible=False, elem_id="live-stop")
            calibrate = gr.Button("Calibrate", size="lg", interactive=False, elem_id="live-calibrate")
            record = gr.Button("Record", size="lg", interactive=False, elem_id="live-record")
            save = gr.Button("Stop and save", variant="primary", size="lg", visible=False, elem_id="live-save")
        status = gr.HTML(words.note(CHOOSE), elem_id="live-status", padding=False)
        key = gr.Textbox(visible=False)
        with gr.Row():
            strength = gr.Slider(
                0.0, 2.0, 1.0, step=0.05, label="Motion strength", elem_id="live-strength",
                info="Multiply the motion: below 1 calmer, above 1 exaggerated.",
            )  # fmt: skip
            view = gr.Radio(
                [("Whole photo", "photo"), ("Face", "face")], value="photo", label="Show",
                info="The face alone costs less time for each frame.",
            )  # fmt: skip
        with gr.Row():
            mirror = gr.Checkbox(True, label="Like a mirror", info="Your left is the picture's left.")
            use = gr.Dropdown(
                [(name.capitalize(), name) for name in USE], value=USE[0], label="Where it will be shown",
                info="The consent must allow it.",
            )  # fmt: skip
        reset = reset_button("live")
    return LiveView(start, stop, calibrate, record, save, status, key, view, strength, mirror, use, reset)


def result_card() -> LiveResult:
    """Put a recording's result on the page, hidden until there is one."""
    with gr.Column(elem_classes="card", visible=False, elem_id="live-result") as group:
        gr.HTML(words.heading(3, "Recording"), padding=False)
        video = gr.Video(label="Recording", interactive=False, elem_id="live-video", height=420, buttons=[])
        download = gr.DownloadButton("Download", variant="primary", elem_id="live-download")
        report = gr.HTML(elem_id="live-report", padding=False)
    return LiveResult(group, video, download, report)
