"""The consent step: consents found by the photo, or a real form for a new one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import gradio as gr

from fomm.config.animate import USE
from fomm.errors import FommError
from fomm.studio import words
from fomm.studio.parts import file_input
from fomm.studio.service import Studio, evidence_digest
from fomm.studio.session import Session
from fomm.tasks.demo import ORIGIN, SOURCE
from fomm.trust.consent.terms import LIVING, NO_LIVING, ORIGINS, ConsentTerms

PERSON = "person"
_KINDS = [("A living person", PERSON), ("Nobody: made by AI", ORIGINS[0]), ("Nobody: public domain", ORIGINS[1])]
_MAKE = [("An animation", "animate"), ("Live use with a webcam", "live")]
_COVERS = {"animate": "an animation", "live": "live use"}
_YEAR = timedelta(days=365)


@dataclass(frozen=True)
class ConsentForm:
    """The form's components, in the order `record` takes their values."""

    group: gr.Column
    kind: gr.Radio
    subject: gr.Textbox
    statement: gr.Textbox
    source: gr.Textbox
    make: gr.CheckboxGroup
    use: gr.CheckboxGroup
    until: gr.Textbox
    evidence: gr.File
    renew: gr.Checkbox
    button: gr.Button

    @property
    def inputs(self) -> list[gr.components.Component]:
        """What `record` takes, in order."""
        return [
            self.kind, self.subject, self.statement, self.source, self.make, self.use, self.until, self.evidence,
            self.renew,
        ]  # fmt: skip


def build_form(name: str = "consent", make: tuple[str, ...] = ("animate",)) -> ConsentForm:
    """Put the form on the page, hidden until a photo needs it.

    Args:
        name: starts the elements' ids; another one for each form on the page.
        make: what is ticked as allowed.
    """
    with gr.Column(visible=False) as group:
        kind = gr.Radio(_KINDS, value=PERSON, label="Who is in the photo?", elem_id=f"{name}-kind")
        subject = gr.Textbox(label="Their name or a pseudonym", max_lines=1, elem_id=f"{name}-subject")
        statement = gr.Textbox(
            label="The words by which they agreed",
            placeholder="I agree that this photo of me is animated, for private use, until the end of the year.",
            lines=2,
            elem_id=f"{name}-statement",
        )
        source = gr.Textbox(
            label="Where the picture comes from",
            placeholder="The image model, or the museum and the year",
            visible=False,
            elem_id=f"{name}-source",
        )
        with gr.Accordion("Scope, end date and proof", open=False):
            made = gr.CheckboxGroup(_MAKE, value=list(make), label="What may be made")
            use = gr.CheckboxGroup([(u.capitalize(), u) for u in USE], value=["private"], label="Where it may be shown")
            until = gr.Textbox(
                value=f"{datetime.now(UTC) + _YEAR:%Y-%m-%d}",
                label="Last day",
                info="Year-month-day; a consent of a living person always ends.",
                max_lines=1,
            )
            evidence = file_input(label="Signed form or recording (only its hash is kept)", height=150)
            renew = gr.Checkbox(label="They agreed again after withdrawing an earlier consent")
        button = gr.Button("Record this consent", variant="primary", elem_id=f"{name}-record")

    def fields(kind: str) -> tuple[gr.Textbox, gr.Textbox, gr.Textbox]:
        living = kind == PERSON
        return gr.Textbox(visible=living), gr.Textbox(visible=living), gr.Textbox(visible=not living)

    kind.change(fields, kind, [subject, statement, source], api_visibility="private", queue=False)
    return ConsentForm(group, kind, subject, statement, source, made, use, until, evidence, renew, button)


def follow_photo(form: ConsentForm, image: Any, bundled: gr.Gallery) -> None:
    """Let the form say of bundled portraits that they show nobody, and of any other photo a living person.

    Args:
        form: the form.
        image: the photo's input.
        bundled: the gallery of bundled portraits.
    """
    options: dict[str, Any] = {"api_visibility": "private", "queue": False, "show_progress": "hidden"}
    stated = [form.kind, form.source]
    bundled.select(lambda: (ORIGIN, SOURCE), None, stated, **options)
    gr.on([image.upload, image.input, image.clear], lambda: (PERSON, ""), None, stated, **options)


def terms_of(
    kind: str,
    subject: str | None,
    statement: str | None,
    source: str | None,
    make: list[str],
    use: list[str],
    until: str,
    evidence: str | None,
) -> ConsentTerms:
    """Return the terms that the form's values state.

    Raises:
        SettingsError: something is missing or contradictory.
    """
    subject, statement, source = subject or "", statement or "", source or ""  # hidden fields come as None
    if kind != PERSON:
        return ConsentTerms(
            subject=subject, kind=NO_LIVING, origin=kind, source=source, make=tuple(make), use=tuple(use),
            capture="source-statement",
        )  # fmt: skip
    proof = evidence_digest(Path(evidence) if evidence else None)
    return ConsentTerms(
        subject=subject, kind=LIVING, make=tuple(make), use=tuple(use), expires=until.strip(), statement=statement,
        evidence_sha256=proof, capture="signed-form" if proof else "typed-statement",
    )  # fmt: skip


def consent_state(studio: Studio, session: Session, photo: Path | None, make: str = "animate") -> tuple[str, bool]:
    """Return what to say about a photo's consent to something, and whether the form is needed."""
    if photo is None:
        return words.note("Choose a photo first."), False
    try:
        found = studio.consents(session, photo)
    except FommError as error:
        return words.note(words.explain(error, photo), "bad"), False
    covering = [entry for entry in found if make in entry.consent.terms.make]
    if covering:
        return words.note(words.consent_line(covering[0]), "good"), False
    if found:
        return words.note(
            f"The consent recorded for this photo does not cover {_COVERS[make]}. Record one that does."
        ), True
    return words.note("No consent is recorded for this photo yet. Nothing is rendered without one."), True
