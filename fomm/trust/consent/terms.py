"""What a person agreed to: the terms of a consent, the record of it, and whether it covers a given use.

Consent to make is kept apart from consent to use: `make` lists what may be produced, `use` where it may be shown, and
`exclude` what it may never be about. Portraits without a living subject (AI-generated, public domain) have their own
kind of record that states the source instead of a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from fomm.config.animate import USE
from fomm.config.settings import Settings, option
from fomm.errors import ConsentError, SettingsError
from fomm.media.whole_files import hash_file
from fomm.trust.consent.photo import PhotoPrint
from fomm.trust.keys.canonical import format_time, parse_day, sha256_hex

LIVING = "living_subject"
NO_LIVING = "no_living_subject"
MAKE = ("animate", "dub", "live", "train")
EXCLUDE = ("sexual", "political", "endorsement")
ORIGINS = ("ai-generated", "public-domain")
CAPTURES = ("signed-form", "recorded-statement", "typed-statement", "self", "subject-signature", "source-statement")


@dataclass(frozen=True)
class ConsentTerms(Settings):
    """What a release form asks; every field is validated when the terms are built.

    Raises:
        SettingsError: a value is missing, contradictory or not in its list.
    """

    subject: str = option("", "Pseudonym of the person in the photo (no legal name needed).")
    kind: str = option(LIVING, "Whether the photo shows a living person.", choices=(LIVING, NO_LIVING))
    origin: str = option("", "For no_living_subject: ai-generated or public-domain.", choices=("", *ORIGINS))
    source: str = option("", "For no_living_subject: where the picture comes from, e.g. the model or the museum.")
    make: tuple[str, ...] = option(("animate",), f"What may be made: {', '.join(MAKE)}.")
    use: tuple[str, ...] = option(("private",), f"Where it may be shown: {', '.join(USE)}; private is always included.")
    exclude: tuple[str, ...] = option(EXCLUDE, f"What it may never be about: {', '.join(EXCLUDE)}.")
    not_before: str = option("", "First day of the consent (YYYY-MM-DD, UTC); empty: at once.")
    expires: str = option("", "Last day of the consent (YYYY-MM-DD, UTC); required for a living person.")
    outputs: int | None = option(None, "How many outputs may be released in all; empty: no cap.", low=1)
    statement: str = option("", "The words by which the person agreed, typed in.")
    evidence_sha256: str = option("", "SHA-256 of the signed form or recording that proves the consent.")
    clips_sha256: tuple[str, ...] = option((), "SHA-256 of clips of the person that a model may be trained on.")
    capture: str = option("typed-statement", "How the consent was taken.", choices=CAPTURES)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, allowed in (("make", MAKE), ("use", USE), ("exclude", EXCLUDE)):
            values = getattr(self, name)
            unknown = [value for value in values if value not in allowed]
            if unknown:
                raise SettingsError(f"Consent key '{name}' has {unknown[0]!r}; choose from {', '.join(allowed)}.")
            object.__setattr__(self, name, tuple(value for value in allowed if value in values))
        if not self.make:
            raise SettingsError("Consent key 'make' is empty; say what may be made, e.g. animate.")
        (self._check_living if self.kind == LIVING else self._check_source)()
        start, end = self.window()
        if start and end and start >= end:
            raise SettingsError(
                f"The consent ends ({self.expires}) before it starts ({self.not_before}); correct a date."
            )

    def window(self) -> tuple[datetime | None, datetime | None]:
        """Return the first instant the consent holds and the first at which it no longer does (UTC)."""
        start = parse_day(self.not_before, "Consent key 'not_before'", end=False) if self.not_before else None
        end = parse_day(self.expires, "Consent key 'expires'", end=True) if self.expires else None
        return start, end

    def _check_living(self) -> None:
        missing = [
            told
            for given, told in (
                (self.subject.strip(), "a pseudonym of the person ('subject', --subject Ada)"),
                (self.expires, "until when they agreed ('expires', --until 2027-01-31)"),
                (
                    self.statement.strip() or self.evidence_sha256,
                    "a proof ('statement', --statement \"their words\", or a form or recording with --evidence)",
                ),
            )
            if not given
        ]
        if missing:
            raise SettingsError(f"The consent does not say everything that it must; give {', and '.join(missing)}.")

    def _check_source(self) -> None:
        if not self.origin or not self.source.strip():
            raise SettingsError(
                "A portrait without a living subject needs 'origin' (ai-generated or public-domain) and a 'source' "
                "statement that says where it comes from."
            )


@dataclass(frozen=True)
class Consent:
    """One granted consent, as the ledger holds it.

    Attributes:
        id: random, `c-` and 16 hex digits.
        sequence: number of its record in the ledger; later records have larger ones.
        created: when it was recorded, UTC.
        terms: what was agreed.
        photo: fingerprints of the photo it covers.
        signed_by: pinned signer's public key when the subject signed it elsewhere, else empty.
        faces: prints of the faces in the photo, see `fomm.trust.consent.face_print`; older records have none.
        alike: ids of earlier consents whose photo shows the same picture of a face.
    """

    id: str
    sequence: int
    created: datetime
    terms: ConsentTerms
    photo: PhotoPrint
    signed_by: str = ""
    faces: tuple[str, ...] = ()
    alike: tuple[str, ...] = ()

    def objection(self, now: datetime, make: str, use: str, content: Iterable[str] = ()) -> str | None:
        """Return why the terms forbid this, as the end of a sentence, or None when they allow it."""
        start, end = self.terms.window()
        if start and now < start:
            return f"it starts on {self.terms.not_before}"
        if end and now >= end:
            return f"it ended on {self.terms.expires}"
        if make not in self.terms.make:
            return f"it allows to {_listed(self.terms.make)}, not to {make}"
        if use != "private" and use not in self.terms.use:
            return f"it allows {_listed(self.terms.use or ('private',))} use, not {use} use"
        forbidden = [item for item in content if item in self.terms.exclude]
        return f"it excludes {_listed(forbidden)} content" if forbidden else None


@dataclass(frozen=True)
class Revocation:
    """A consent taken back.

    Attributes:
        consent: id of the consent.
        sequence: number of its record in the ledger.
        created: when, UTC.
        reason: free text, may be empty.
    """

    consent: str
    sequence: int
    created: datetime
    reason: str = ""


@dataclass(frozen=True)
class GrantRequest:
    """A grant read from a mapping: the photo's path and bytes, the terms, and whether it renews a revoked consent."""

    photo: Path
    data: bytes = field(repr=False)
    terms: ConsentTerms
    renew: bool = False


def grant_from_mapping(mapping: Mapping[str, Any], base: Path) -> GrantRequest:
    """Read a consent file (YAML or JSON, already parsed): the keys of `ConsentTerms` plus `photo`, `evidence`,
    `clips` (a folder) and `renew`.

    Args:
        mapping: plain values; YAML dates are understood.
        base: folder that relative paths start from.

    Raises:
        SettingsError: an unknown, missing or wrong key.
        ConsentError: the photo or the evidence file cannot be read.
    """
    if not isinstance(mapping, Mapping):
        raise SettingsError(f"A consent file must hold keys and values, not {type(mapping).__name__}.")
    values = {key: _plain(value) for key, value in mapping.items()}
    photo, evidence, renew = values.pop("photo", None), values.pop("evidence", None), values.pop("renew", False)
    clips = values.pop("clips", None)
    if not isinstance(photo, str) or not photo:
        raise SettingsError("Missing key 'photo' in the consent; give the path of the photo it covers.")
    if not isinstance(renew, bool):
        raise SettingsError(f"Consent key 'renew' must be true or false, not {renew!r}.")
    if evidence is not None:
        values["evidence_sha256"] = sha256_hex(read_bytes(base / str(evidence), "evidence file"))
    if clips is not None:
        values["clips_sha256"] = list(hash_clips(base / str(clips)).values())
    terms = ConsentTerms.from_mapping(values, "the consent")
    path = base / photo
    return GrantRequest(path, read_bytes(path, "photo"), terms, renew)


def read_bytes(path: Path, what: str) -> bytes:
    """Read a whole file.

    Raises:
        ConsentError: it cannot be read; `what` says what it is for.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConsentError(f"The {what} {path} cannot be read: {error.strerror}.") from error


def hash_clips(folder: Path) -> dict[Path, str]:
    """Return the clips in a folder, sorted by name, with the SHA-256 of each; hidden files are passed over.

    Raises:
        ConsentError: there is no such folder, it holds no files, or one cannot be read.
    """
    try:
        clips = sorted(entry for entry in folder.iterdir() if entry.is_file() and not entry.name.startswith("."))
        digests = {clip: hash_file(clip) for clip in clips}
    except OSError as error:
        raise ConsentError(f"The clips in {folder} cannot be read: {error.strerror}.") from error
    if not digests:
        raise ConsentError(f"The folder {folder} holds no clips; put videos of the person into it.")
    return digests


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return format_time(value) if value.tzinfo else value.isoformat()
    return value.isoformat() if isinstance(value, date) else value


def _listed(items: Sequence[str]) -> str:
    return ", ".join(items)
