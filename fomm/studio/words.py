"""What the studio says: notes, progress, faces over the photo and the report on a file, as escaped HTML.

The library's sentences name command-line flags and temp paths; here they are told in the page's own terms.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from fomm.face.crop import CropWindow
from fomm.face.locate import Face
from fomm.tasks.progress import Reached
from fomm.trust.consent.ledger import ConsentEntry
from fomm.trust.consent.terms import LIVING
from fomm.trust.marks.verify import Report
from fomm.trust.release.film import Receipt

_STAGES = {"": "Getting ready", "track": "Reading the motion", "render": "Animating"}
# Advice of the library that means the command line, and what it means on the page.
_ADVICE = (
    (r"(?:if (?:the person|it may be used)[a-z ]*, )?record it: fomm consent grant.*",
     "record one in the consent step."),
    (r"say so with --renew", "tick 'They agreed again after withdrawing an earlier consent'"),
    (r"use the original file or record a consent for this one: fomm consent grant.*",
     "use the original file or record one for this file in the consent step."),
    (r"mark it yourself with --source-box x,y,width,height", "type in the crop under 'Crop by hand'"),
    (r"; mark it with --driving-box x,y,width,height", "; use one that shows a face from the front"),
    (r"inside --(?:source|driving)-box; move it onto the face, or add --any-face",
     "inside the crop by hand; move it onto the face, or tick 'Crop by hand without a face'"),
    (r"; to see what it is: fomm verify .*", "; the Verify tab tells what it is."),
    (r"--quality (\d+)", r"a quality of \1"),
    (r"(?:use|allow overwriting \()?--[a-z-]+\)?", "the setting on this page"),
)  # fmt: skip


def explain(error: Exception, *paths: Path | None) -> str:
    """Return an error's sentence for the page: file names instead of temp paths, tabs instead of commands."""
    text = str(error)
    for path in paths:
        if path is not None:
            text = text.replace(str(path), path.name)
    for pattern, words in _ADVICE:
        text = re.sub(pattern, words, text, flags=re.DOTALL)
    return text


def note(text: str, kind: str = "") -> str:
    """Return a note; `kind` is good, bad, busy or empty. Screen readers hear it when it changes."""
    role = "alert" if kind == "bad" else "status"
    return f'<div class="note {kind}" role="{role}">{escape(text)}</div>' if text else ""


def heading(number: int, title: str) -> str:
    """Return the heading of a numbered step."""
    return f'<div class="step"><i aria-hidden="true">{number}</i><h2>{escape(title)}</h2></div>'


def progress(step: Reached) -> str:
    """Return how far a render is: stage, frames and speed of it; time left, share and a bar of the whole."""
    words = [_STAGES.get(step.stage, step.stage)]
    if step.done:
        words.append(f"{step.done} of {step.total} frames" if step.total else f"{step.done} frames")
    if step.fps:
        words.append(f"{step.fps:.1f} fps")
    if step.seconds_left is not None:
        words.append(f"{_duration(step.seconds_left)} left")
    share = 100.0 * (step.share or 0.0)
    bar = f'<div class="bar"><span style="width:{share:.1f}%"></span></div>'
    return f'<div class="note busy" role="status">{escape(" · ".join(words))}{bar}</div>'


def photo_stage(
    photo: Path, size: tuple[int, int], faces: Sequence[Face], chosen: Face | None, window: CropWindow | None
) -> str:
    """Return the photo with its faces numbered from the left and the window that will move.

    Args:
        photo: a file that the page may fetch.
        size: width and height of the upright photo in pixels.
        faces: all faces, from the left.
        chosen: the one that is used.
        window: what is cropped.
    """
    width, height = size
    stroke = max(size) / 160
    shapes = []
    if window is not None:
        shapes.append(
            f'<rect class="window" x="{window.x:.1f}" y="{window.y:.1f}" width="{window.side:.1f}" '
            f'height="{window.side:.1f}" stroke-width="{stroke:.1f}" stroke-dasharray="{3 * stroke:.1f}"/>'
        )
    for number, face in enumerate(faces, 1):
        x0, y0, x1, y1 = face.box
        kind = "face chosen" if face is chosen else "face"
        shapes.append(
            f'<rect class="{kind}" x="{x0:.1f}" y="{y0:.1f}" width="{x1 - x0:.1f}" height="{y1 - y0:.1f}" '
            f'rx="{2 * stroke:.1f}" stroke-width="{stroke:.1f}"/>'
        )
        if len(faces) > 1:
            tag = 9 * stroke
            shapes.append(
                f'<rect class="tag" x="{x0:.1f}" y="{y0:.1f}" width="{tag:.1f}" height="{tag:.1f}"/>'
                f'<text x="{x0 + tag * 0.28:.1f}" y="{y0 + tag * 0.78:.1f}" font-size="{tag * 0.8:.1f}">{number}</text>'
            )
    found = "no face found" if not faces else f"{len(faces)} face{'s' if len(faces) > 1 else ''} found"
    return (
        f'<div class="stage"><img src="gradio_api/file={quote(str(photo))}" alt="Your photo, {found}">'
        f'<svg viewBox="0 0 {width} {height}" preserveAspectRatio="xMidYMid meet" aria-hidden="true">'
        f"{''.join(shapes)}</svg></div>"
    )


def photo_beside(photo: Path) -> str:
    """Return the photo as it was, to stand beside what was made of it."""
    return (
        f'<figure class="beside"><img src="gradio_api/file={quote(str(photo))}" alt="The photo as it was">'
        "<figcaption>Photo</figcaption></figure>"
    )


def still_line(receipt: Receipt) -> str:
    """Return how a picture is marked."""
    return (
        f"Marked with the label '{receipt.label}', watermark {receipt.output_id} ({receipt.watermark}) and a manifest "
        f"({receipt.manifest})."
    )


def consent_line(entry: ConsentEntry) -> str:
    """Return one consent in a sentence."""
    terms = entry.consent.terms
    whose = f"{terms.subject} agreed" if terms.kind == LIVING else f"Shows nobody ({terms.origin}: {terms.source})"
    until = f", until {terms.expires}" if terms.expires else ""
    cap = f", {entry.used} of {terms.outputs} outputs made" if terms.outputs else ""
    return f"{whose}{until}{cap}. Consent {entry.consent.id}."


def receipt_line(receipt: Receipt) -> str:
    """Return how a result is marked."""
    return (
        f"{receipt.frames} frames, marked with the label '{receipt.label}', watermark {receipt.output_id} "
        f"({receipt.watermark}) and a manifest ({receipt.manifest})."
        + (f" Of the driving clip, {receipt.bridged}" if receipt.bridged else "")
    )


def report(found: Report) -> str:
    """Return what `verify` found as a verdict and a line per layer."""
    watermark, registry = found.watermark, found.registry
    rows = [
        ("Manifest", f"{found.manifest.state}: {found.manifest.detail}"),
        ("Watermark", f"{watermark.state}{f' {watermark.id}' if watermark.id else ''}: {watermark.detail}"),
        ("Registry", f"{registry.state}: {registry.detail}"),
    ]
    if registry.consent:
        rows.append(("Consent", f"{registry.consent_state}: {registry.consent}"))
    kind = {"intact": "good", "marked": "good", "unmarked": "", "foreign": ""}.get(found.verdict, "bad")
    lines = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in rows)
    verdict = f"<b>{escape(found.verdict.capitalize())}.</b> {escape(found.summary)}"
    return f'<div class="note {kind}" role="status">{verdict}<dl class="report">{lines}</dl></div>'


def _duration(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"
