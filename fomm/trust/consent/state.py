"""What the ledger's records add up to: consents, revocations and outputs, replayed in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from fomm.errors import ConsentError, SettingsError, TrustError
from fomm.trust.consent.chain import Record
from fomm.trust.consent.photo import PhotoPrint
from fomm.trust.consent.suggestion import grant_command, record_it
from fomm.trust.consent.terms import Consent, ConsentTerms, Revocation
from fomm.trust.keys.canonical import format_time
from fomm.trust.keys.process import ProcessMark

CLOCK_TOLERANCE = timedelta(minutes=2)  # time servers step the clock by seconds; a person sets it back by more


@dataclass(frozen=True)
class Output:
    """One generated file (or model bound to a consent), from the reservation of its id to its release.

    Attributes:
        id: random 64-bit id, 16 hex digits; the same as in the watermark and the manifest.
        consent: id of the consent it was made under.
        photo: SHA-256 of the photo's bytes.
        driving: SHA-256 of the driving video or sound, empty when there is none.
        model: fingerprint of the model that made it.
        settings: digest of the render settings.
        state: reserved, released or failed.
        created: when the id was reserved, UTC.
        owner: mark of the process that reserved it.
        sha256: SHA-256 of the released file; empty before, and for a live session, which has no file.
        released: when it was released, UTC.
        reason: why it failed, empty otherwise.
        precision: number type that the networks computed in; empty in records that do not tell.
    """

    id: str
    consent: str
    photo: str
    driving: str
    model: str
    settings: str
    state: str
    created: datetime
    owner: str
    sha256: str = ""
    released: datetime | None = None
    reason: str = ""
    precision: str = ""

    def to_mapping(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        values = dict(vars(self))
        values["created"] = format_time(self.created)
        values["released"] = format_time(self.released) if self.released else None
        return values


@dataclass
class LedgerState:
    """The replayed ledger; `Ledger` keeps one and lends it out under its lock, to be read only.

    Attributes:
        hashes: hash of every record, in order.
        newest: creation time of the last record.
        consents: by id, in the order of granting.
        revocations: by consent id.
        outputs: by output id, in the order of reservation.
        ended: ids of consents whose end was seen; no clock brings them back.
    """

    hashes: list[str] = field(default_factory=list)
    newest: datetime | None = None
    consents: dict[str, Consent] = field(default_factory=dict)
    revocations: dict[str, Revocation] = field(default_factory=dict)
    outputs: dict[str, Output] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)

    def apply(self, record: Record) -> None:
        """Add the next record.

        Raises:
            TrustError: the record's content makes no sense to this version.
        """
        body = record.body
        try:
            if record.kind == "grant":
                self.consents[body["consent"]] = Consent(
                    body["consent"],
                    record.sequence,
                    record.created,
                    ConsentTerms.from_mapping(body["terms"], "a consent record"),
                    PhotoPrint(**body["photo"]),
                    body["signed_by"],
                    tuple(body.get("faces", ())),
                    tuple(body.get("alike", ())),
                )
            elif record.kind == "revoke":
                self.revocations[body["consent"]] = Revocation(
                    body["consent"], record.sequence, record.created, body["reason"]
                )
            elif record.kind == "reserve":
                self.outputs[body["id"]] = Output(state="reserved", created=record.created, **body)
            elif record.kind == "release":
                self.outputs[body["id"]] = replace(
                    self.outputs[body["id"]], state="released", sha256=body["sha256"], released=record.created
                )
            elif record.kind == "fail":
                self.outputs[body["id"]] = replace(self.outputs[body["id"]], state="failed", reason=body["reason"])
            elif record.kind == "end":
                self.ended.update(self.consents[consent].id for consent in body["consents"])
            elif record.kind != "anew":
                raise TypeError(record.kind)
        except (KeyError, TypeError, SettingsError) as error:
            raise TrustError(
                f"Record {record.sequence} of the consent ledger ({record.kind}) has a form this fomm does not know; "
                "upgrade fomm."
            ) from error
        self.hashes.append(record.hash)
        self.newest = record.created

    def check_clock(self, now: datetime) -> None:
        """Refuse to judge dates by a clock that was set back.

        Raises:
            TrustError: `now` is earlier than the newest record.
        """
        if self.newest and now < self.newest - CLOCK_TOLERANCE:
            raise TrustError(
                f"The clock says {format_time(now)}, earlier than the newest ledger record "
                f"({format_time(self.newest)}); set the clock right."
            )

    def instant(self, now: datetime) -> datetime:
        """Return the instant to judge by: never earlier than the newest record, whatever the clock says."""
        return max(now, self.newest) if self.newest else now

    def is_over(self, consent: Consent, now: datetime) -> bool:
        """Say whether a consent's last day has passed, or was ever seen to have passed."""
        end = consent.terms.window()[1]
        return consent.id in self.ended or (end is not None and self.instant(now) >= end)

    def consent(self, consent_id: str) -> Consent:
        """Return one consent.

        Raises:
            ConsentError: there is none with that id.
        """
        if consent_id not in self.consents:
            raise ConsentError(f"There is no consent '{consent_id}'; see: fomm consent list")
        return self.consents[consent_id]

    def near(self, photo: PhotoPrint) -> list[Consent]:
        """Return the consents whose photo is or looks like this one, newest first."""
        return [consent for consent in reversed(self.consents.values()) if consent.photo.near(photo)]

    def may_show(self, photo: PhotoPrint) -> bool:
        """Say whether some consent may be for the same pixels in another file, see `PhotoPrint.may_show`."""
        return any(consent.photo.may_show(photo) for consent in self.consents.values())

    def kin(self, consent: Consent) -> set[str]:
        """Return the ids of consents whose photo looks like that of this one, or shows the same picture of a face."""
        faces = {other.id for other in self.consents.values() if consent.id in other.alike}
        return faces.union(consent.alike, (other.id for other in self.near(consent.photo)))

    def withdrawal(self, photo: PhotoPrint, since: int = 0, alike: Iterable[str] = ()) -> Revocation | None:
        """Return the last revocation, after record `since`, of a consent whose photo is or looks like this one.

        Args:
            photo: the photo.
            since: number of a record.
            alike: ids of consents that count as well.
        """
        ids = {*alike, *(consent.id for consent in self.near(photo))}
        later = [r for r in self.revocations.values() if r.consent in ids and r.sequence > since]
        return max(later, key=lambda revocation: revocation.sequence, default=None)

    def needs_renewal(self, photo: PhotoPrint, alike: Sequence[str] = ()) -> Revocation | None:
        """Return the revocation that a new consent for this picture has to say it renews, if none has done so.

        Args:
            photo: the photo.
            alike: ids of consents that count as well.
        """
        revoked = self.withdrawal(photo, alike=alike)
        renewed = revoked and any(
            consent.sequence > revoked.sequence and revoked.consent in self.kin(consent)
            for consent in (*self.near(photo), *(self.consents[one] for one in alike))
        )
        return None if renewed else revoked

    def objection(
        self, consent: Consent, now: datetime, make: str, use: str, content: Sequence[str] = ()
    ) -> str | None:
        """Return why a consent does not hold for this, revocation first, as the end of a sentence; None if it does."""
        own = self.revocations.get(consent.id)
        if own:
            return f"it was revoked on {format_time(own.created)}"
        alike = self.withdrawal(consent.photo, since=consent.sequence, alike=self.kin(consent))
        if alike:
            return f"consent {alike.consent} for the same picture was revoked later, on {format_time(alike.created)}"
        if self.is_over(consent, now):
            return f"it ended on {consent.terms.expires}"
        return consent.objection(self.instant(now), make, use, content)

    def used(self, consent_id: str) -> int:
        """Return how many outputs count towards the consent's cap: released ones and those being made."""
        return sum(o.consent == consent_id and o.state != "failed" for o in self.outputs.values())

    def check_cap(self, consent: Consent, name: str = "PHOTO", make: str = "animate", use: str = "private") -> None:
        """Check that one more output may be made.

        Args:
            consent: the consent it would be made under.
            name: the photo's path, for messages.
            make: what is made.
            use: where it will be shown.

        Raises:
            ConsentError: the cap is reached.
        """
        cap = consent.terms.outputs
        if cap is not None and self.used(consent.id) >= cap:
            command = grant_command(name, make, use, earlier=consent.terms)
            raise ConsentError(
                f"Consent {consent.id} allows {cap} output{'s' if cap > 1 else ''} and all are made or being made; "
                f"{record_it(command, consent.terms, more=True)}"
            )

    def abandoned(self, now: datetime) -> list[Output]:
        """Return the reservations whose process is gone."""
        reserved = [output for output in self.outputs.values() if output.state == "reserved"]
        return [o for o in reserved if ProcessMark.parse(o.owner).gone((now - o.created).total_seconds())]
