"""`fomm consent`: record, revoke and exchange the consents without which nothing is rendered."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from fomm.cli.echo import say
from fomm.cli.forms import mapping_of, read_form, read_json, write_text
from fomm.config.animate import USE
from fomm.errors import ConsentError, SettingsError
from fomm.trust.consent.grant_set import SetGrant, grant_pictures, pictures_in
from fomm.trust.consent.ledger import ConsentEntry, Ledger
from fomm.trust.consent.request import import_signed, make_request, sign_request
from fomm.trust.consent.suggestion import grant_command
from fomm.trust.consent.terms import EXCLUDE, LIVING, MAKE, ORIGINS, grant_from_mapping, read_bytes
from fomm.trust.keys.signing_key import SigningKey

_PATH = click.Path(path_type=Path)
_FLAGS = {"subject": "--subject", "not_before": "--from", "expires": "--until", "make": "--make", "use": "--use"}


@click.group()
def consent() -> None:
    """Record, look up and revoke consents."""


def _terms_options(command: Any) -> Any:
    """Add what a release form asks, shared by `grant` and `request`."""
    options = (
        click.option("--subject", help="Pseudonym of the person in the photo."),
        click.option("--make", multiple=True, type=click.Choice(MAKE), help="What may be made; repeatable."),
        click.option("--use", multiple=True, type=click.Choice(USE), help="Where it may be shown; repeatable."),
        click.option("--exclude", multiple=True, type=click.Choice(EXCLUDE), help="What it may never be about."),
        click.option("--from", "not_before", help="First day, YYYY-MM-DD (UTC); at once if not given."),
        click.option("--until", "expires", help="Last day, YYYY-MM-DD (UTC); required for a living person."),
        click.option("--outputs", type=int, help="Most outputs in all."),
        click.option("--statement", help="The words by which the person agreed."),
        click.option("--evidence", type=_PATH, help="Signed form or recording; its hash is recorded."),
        click.option("--clips", type=_PATH, help="Folder of clips of the person that a model may be trained on."),
        click.option("--capture", help="How consent was taken: signed-form, recorded-statement, self, ..."),
        click.option("--nobody", type=click.Choice(ORIGINS), help="The photo shows no living person: its kind."),
        click.option("--source", help="With --nobody: where the picture comes from."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@consent.command()
@click.argument("photo", type=_PATH, metavar="PHOTO|FOLDER", required=False)
@click.option("--file", "form", type=_PATH, help="YAML file with the whole consent, instead of options.")
@click.option("--renew", is_flag=True, help="The person agreed again after an earlier consent was revoked.")
@_terms_options
def grant(photo: Path | None, form: Path | None, renew: bool, **given: Any) -> None:
    """Record that the person in PHOTO agreed, or where each picture in FOLDER comes from, a licensed set in one go."""
    if photo is None and form is None:
        raise click.UsageError(
            "Missing argument 'PHOTO', or --file with the whole consent.", click.get_current_context()
        )
    mapping, base = mapping_of(given), Path()
    if form is not None:
        mapping = {**read_form(form), **mapping}
        base = form.parent
    if photo is not None:
        mapping["photo"] = str(photo.resolve())
    if renew:
        mapping["renew"] = True
    named = base / mapping["photo"] if isinstance(mapping.get("photo"), str) else None
    pictures = pictures_in(named) if named is not None and named.is_dir() else []
    if pictures:
        mapping["photo"] = str(pictures[0].resolve())
    with _naming_options(form is None):
        request = grant_from_mapping(mapping, base)
    if pictures:
        _report(grant_pictures(Ledger(), pictures, request.terms, renew=request.renew), str(photo or named))
        return
    recorded = Ledger().grant(request.data, request.terms, name=str(photo or request.photo), renew=request.renew)
    say(f"Consent {recorded.id} recorded for {photo or request.photo}.")


def _report(result: SetGrant, folder: str) -> None:
    """Say what became of a folder's pictures, and fail if some could not be recorded."""
    say(f"{folder}: recorded {len(result.recorded)} of its pictures; {len(result.known)} were already.")
    if result.failed:
        first = next(iter(result.failed.values()))
        raise ConsentError(
            f"{len(result.failed)} of the pictures in {folder} could not be recorded; the first: {first}"
        )


@consent.command()
@click.argument("consent_id")
@click.option("--reason", default="", help="Why, for the record.")
def revoke(consent_id: str, reason: str) -> None:
    """End a consent now; running renders stop, and the photo is refused from here on."""
    Ledger().revoke(consent_id, reason)
    say(f"Consent {consent_id} is revoked.")


@consent.command(name="start-anew")
@click.option("--yes", is_flag=True, help="Do not ask.")
def start_anew(yes: bool) -> None:
    """Set a ledger that is lost or damaged aside and begin an empty one; consents and revocations are forgotten."""
    if not yes:
        click.confirm("All consents and revocations recorded so far will be forgotten here. Begin anew?", abort=True)
    ledger = Ledger()
    aside = ledger.start_anew()
    kept = f"; what was left of the old one is kept in {aside}" if aside else ""
    say(f"A new consent ledger is begun in {ledger.keys.directory}{kept}.")


@consent.command(name="list")
def list_() -> None:
    """List all consents."""
    ledger = Ledger()
    entries = ledger.consents()
    if not entries:
        say(_nothing_recorded(ledger), err=True)
    for entry in entries:
        say(_line(entry))


@consent.command()
@click.argument("consent_id")
def show(consent_id: str) -> None:
    """Show one consent in full."""
    entry = Ledger().show(consent_id)
    say(_line(entry))
    for key, value in entry.consent.terms.to_mapping().items():
        if value not in ("", None, []):
            say(f"  {key}: {', '.join(value) if isinstance(value, list) else value}")
    if entry.revocation is not None and entry.revocation.reason:
        say(f"  revoked because: {entry.revocation.reason}")


@consent.command()
@click.option("-o", "--output", type=_PATH, help="File to write; standard output if not given.")
def export(output: Path | None) -> None:
    """Export the whole ledger as JSON lines."""
    ledger = Ledger()
    lines = list(ledger.export())
    if not lines:
        say(_nothing_recorded(ledger), err=True)
    write_text(output, "".join(f"{line}\n" for line in lines))


@consent.command()
@click.argument("photo", type=_PATH)
@click.option("-o", "--output", type=_PATH, help="File to write; standard output if not given.")
@_terms_options
def request(photo: Path, output: Path | None, **given: Any) -> None:
    """Write a consent request for PHOTO that its subject can sign with a key of their own."""
    mapping = mapping_of(given)
    mapping["photo"] = str(photo.resolve())
    with _naming_options():
        wanted = grant_from_mapping(mapping, Path())
    write_text(output, json.dumps(make_request(wanted.data, wanted.terms, str(photo)), indent=2) + "\n")


@consent.command()
@click.argument("request_file", type=_PATH)
@click.argument("photo", type=_PATH)
@click.option("--key", type=_PATH, required=True, help="The subject's private key; `fomm keys new` makes one.")
@click.option("-o", "--output", type=_PATH, help="File to write; standard output if not given.")
def sign(request_file: Path, photo: Path, key: Path, output: Path | None) -> None:
    """Sign a consent request, as the person in PHOTO."""
    document = sign_request(read_json(request_file), SigningKey.load(key), read_bytes(photo, "photo"), str(photo))
    write_text(output, json.dumps(document, indent=2) + "\n")


@consent.command(name="import")
@click.argument("signed_file", type=_PATH)
@click.option("--renew", is_flag=True, help="The person agreed again after an earlier consent was revoked.")
def import_(signed_file: Path, renew: bool) -> None:
    """Record a consent that its subject signed elsewhere."""
    recorded = import_signed(Ledger(), read_json(signed_file), renew=renew)
    say(f"Consent {recorded.id} recorded.")


@contextlib.contextmanager
def _naming_options(given: bool = True) -> Iterator[None]:
    """Name the option where a complaint names the key of a consent file, if the consent was `given` by options."""
    try:
        yield
    except SettingsError as error:
        message = str(error)
        for key, flag in _FLAGS.items() if given else ():
            message = message.replace(f"Consent key '{key}'", flag)
        raise SettingsError(message) from error


def _nothing_recorded(ledger: Ledger) -> str:
    """Return the note on an empty ledger; it goes to standard error, so that standard output stays a list."""
    return f"No consents are recorded in {ledger.keys.directory}; record one: {grant_command('PHOTO')}"


def _line(entry: ConsentEntry) -> str:
    terms = entry.consent.terms
    person = terms.subject if terms.kind == LIVING else f"nobody ({terms.origin})"
    cap = f" of {terms.outputs}" if terms.outputs else ""
    until = f", until {terms.expires}" if terms.expires else ""
    outputs = "output" if (terms.outputs or entry.used) == 1 else "outputs"
    return f"{entry.consent.id}  {entry.state}  {person}{until}, {entry.used}{cap} {outputs}"
