"""The consent ledger: grant, revoke, list, find and export consents; see `store` for how it is kept."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fomm.config.arguments import given_instance, given_path
from fomm.config.refine import Fit
from fomm.errors import ConsentError, SettingsError, TrustError
from fomm.media.limits import PHOTO_LIMITS, check_file
from fomm.media.photo.image import Photo, decode_photo
from fomm.trust.consent.chain import Record, anchor
from fomm.trust.consent.face_print import FaceLook, alike
from fomm.trust.consent.photo import PhotoPrint
from fomm.trust.consent.state import LedgerState
from fomm.trust.consent.store import ChainStore
from fomm.trust.consent.terms import LIVING, Consent, ConsentTerms, Revocation

LOOK = Fit(2160)  # enough to tell what a photo looks like


@dataclass(frozen=True)
class ConsentEntry:
    """One line of `Ledger.consents()`: the consent, its revocation, its present state and the outputs it counts.

    `state` is active, pending (not begun), expired or revoked.
    """

    consent: Consent
    revocation: Revocation | None
    state: str
    used: int


class Ledger(ChainStore):
    """One user's consents; see `ChainStore` for the arguments."""

    def grant(
        self, photo: bytes | str | Path, terms: ConsentTerms, *, name: str | None = None, renew: bool = False
    ) -> Consent:
        """Record a consent for a photo, making ledger and key when this is the first.

        Args:
            photo: the photo's path, or the file's bytes.
            terms: what was agreed.
            name: how messages call the photo; its path if not given.
            renew: the person agreed anew after an earlier consent for this picture was revoked.

        Raises:
            ConsentError: the picture's consent was revoked and `renew` is false.
            SettingsError: the consent has ended already, or an argument is of the wrong kind.
            MediaError: the photo cannot be read or decoded.
            TrustError: the ledger or its key cannot be trusted.
        """
        given_instance(terms, ConsentTerms, "terms of the consent")
        data, name = _photo(photo, name)
        decoded = decode_photo(data, name, fit=LOOK)
        fingerprint = PhotoPrint.seen(data, decoded).with_pixels(data, name)
        look = FaceLook.of(decoded.pixels)
        return self.record_grant(new_consent_id(), terms, fingerprint, look=look, name=name, renew=renew)

    def record_grant(
        self,
        consent_id: str,
        terms: ConsentTerms,
        photo: PhotoPrint,
        *,
        name: str,
        renew: bool,
        look: FaceLook | tuple[str, ...] = (),
        signed: dict[str, Any] | None = None,
    ) -> Consent:
        """Record a consent whose photo is fingerprinted already.

        Args:
            consent_id: a fresh id.
            terms: what was agreed.
            photo: fingerprints of the photo.
            name: how messages call the photo.
            renew: the person agreed anew after a revocation.
            look: the photo's faces, or their prints where the photo is not at hand.
            signed: the subject's own signed document.

        Raises:
            ConsentError: the id was used before, or the picture's consent was revoked and `renew` is false.
            SettingsError: the consent has ended already.
            TrustError: the ledger or its key cannot be trusted.
        """
        faces = look.prints if isinstance(look, FaceLook) else look

        def shown(consent: Consent) -> bool:
            return look.shows(consent.faces) if isinstance(look, FaceLook) else alike(faces, consent.faces)

        def body(state: LedgerState) -> dict[str, Any]:
            end = terms.window()[1]
            if end and state.instant(self.clock()) >= end:
                raise SettingsError(f"The consent ended on {terms.expires}; give a later day ('expires', --until).")
            if consent_id in state.consents:
                raise ConsentError(f"Consent {consent_id} is in the ledger already; ask for a new one.")
            kin = [consent.id for consent in state.consents.values() if shown(consent)]
            revoked = state.needs_renewal(photo, kin)
            if revoked and not renew:
                again = "the person agreed again" if terms.kind == LIVING else "it may be used again"
                raise ConsentError(
                    f"Consent {revoked.consent} for the picture {name} was revoked; if {again}, say so with --renew."
                )
            return {
                "consent": consent_id,
                "terms": terms.to_mapping(),
                "photo": photo.to_mapping(),
                "faces": list(faces),
                "alike": kin,
                "signed_by": signed["signer"] if signed else "",
                "signed": signed,
            }

        self.begin()
        self.append("grant", body)
        return self._state.consents[consent_id]

    def revoke(self, consent_id: str, reason: str = "") -> Revocation:
        """Take a consent back; renders under it stop within a second, and earlier consents for the picture end too.

        Raises:
            ConsentError: no such consent, or it is revoked already.
            TrustError: the ledger or its key cannot be trusted.
            SettingsError: an argument is not text.
        """
        given_instance(consent_id, str, "id of the consent")
        given_instance(reason, str, "reason")

        def body(state: LedgerState) -> dict[str, Any]:
            state.consent(consent_id)
            if consent_id in state.revocations:
                raise ConsentError(f"Consent {consent_id} was revoked already.")
            return {"consent": consent_id, "reason": reason}

        self.append("revoke", body)
        return self._state.revocations[consent_id]

    def settle(self, judged: Callable[[Consent], bool]) -> None:
        """Record the end of consents that have expired, once each, so that a clock set back cannot revive them.

        Args:
            judged: says which consents are being judged; others stay as they are.

        Raises:
            TrustError: the ledger cannot be trusted or written, or the clock was set back.
        """

        def body(state: LedgerState) -> dict[str, Any] | None:
            now = self.clock()
            over = [
                consent.id
                for consent in state.consents.values()
                if consent.id not in state.ended and state.is_over(consent, now) and judged(consent)
            ]
            return {"consents": over} if over else None

        with self.view() as state:
            due = body(state) is not None
        if due:
            self.append("end", body)

    def consents(self) -> list[ConsentEntry]:
        """Return all consents with their present state, oldest first."""
        with self.view() as state:
            return [self._entry(state, consent) for consent in state.consents.values()]

    def show(self, consent_id: str) -> ConsentEntry:
        """Return one consent.

        Raises:
            ConsentError: there is none with that id.
            SettingsError: the id is not text.
        """
        given_instance(consent_id, str, "id of the consent")
        with self.view() as state:
            return self._entry(state, state.consent(consent_id))

    def find(self, photo: bytes | str | Path, name: str | None = None) -> tuple[list[ConsentEntry], list[ConsentEntry]]:
        """Return the consents of exactly this photo and those of pictures that look like it, newest first.

        Raises:
            MediaError: the photo, a path or the file's bytes, cannot be read or decoded.
            SettingsError: an argument is of the wrong kind.
        """
        data, name = _photo(photo, name)
        fingerprint = self.fingerprint(data, decode_photo(data, name, fit=LOOK), name)
        with self.view() as state:
            near = state.near(fingerprint)
            exact = [self._entry(state, consent) for consent in near if consent.photo.same(fingerprint)]
            alike = [self._entry(state, consent) for consent in near if not consent.photo.same(fingerprint)]
        return exact, alike

    def fingerprint(self, data: bytes, photo: Photo, name: str) -> PhotoPrint:
        """Fingerprint a photo for comparison with the consents here.

        All pixels are decoded and hashed only if a consent may be for the same pixels in another file.

        Args:
            data: the photo file's bytes.
            photo: decoded from them, perhaps reduced.
            name: how messages call it.

        Raises:
            MediaError: the photo cannot be decoded.
            TrustError: the ledger cannot be trusted.
        """
        seen = PhotoPrint.seen(data, photo)
        with self.view() as state:
            wanted = state.may_show(seen)
        return seen.with_pixels(data, name) if wanted else seen

    def export(self) -> Iterator[str]:
        """Yield the ledger as JSON lines: a first line with the public key and the head, then every signed record.

        Raises:
            TrustError: a record's signature is wrong.
        """
        with self.view():
            if not self.keys.ledger_key_path.exists():
                return
            key = self.keys.ledger_key().public
            head = self._read_head(key)
            rows = self._rows_from(1)
        yield json.dumps({"ledger": head.ledger, "count": head.count, "hash": head.hash, "public_key": str(key)})
        previous = anchor(head.ledger)
        for sequence, document, signature in rows:
            record = Record.read(sequence, previous, document, signature)
            if not record.signed_by(key):
                raise TrustError(
                    f"The signature of ledger record {sequence} is wrong; restore the ledger from a backup."
                )
            previous = record.hash
            yield json.dumps({"record": json.loads(document), "document": document, "signature": signature})

    def verify(self) -> int:
        """Check every record's chain and signature and return their number.

        Raises:
            TrustError: something was changed, removed or put back.
        """
        return max(0, sum(1 for _ in self.export()) - 1)

    def _entry(self, state: LedgerState, consent: Consent) -> ConsentEntry:
        start, now = consent.terms.window()[0], state.instant(self.clock())
        revocation = state.revocations.get(consent.id)
        if revocation:
            label = "revoked"
        elif state.is_over(consent, now):
            label = "expired"
        else:
            label = "pending" if start and now < start else "active"
        return ConsentEntry(consent, revocation, label, state.used(consent.id))


def _photo(photo: bytes | str | Path, name: str | None) -> tuple[bytes, str]:
    """Return a photo file's bytes and what messages call it."""
    name = None if name is None else given_instance(name, str, "name of the photo")
    if isinstance(photo, bytes):
        return photo, "photo" if name is None else name
    path = given_path(photo, "photo")
    with check_file(path).open("rb") as file:  # one byte too many says that it is too large
        return file.read(PHOTO_LIMITS.max_image_bytes + 1), str(path) if name is None else name


def new_consent_id() -> str:
    """Return a random consent id: `c-` and 16 hex digits."""
    return f"c-{secrets.token_hex(8)}"
