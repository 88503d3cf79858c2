"""Consent signed elsewhere: a request, the subject's signature over it, and its import into the ledger.

The one who wants to animate writes a request (terms and photo fingerprints). The person in the photo checks it on
their own machine and signs it with their own Ed25519 key. The signed document comes back and is imported only when the
signer's key was pinned before, so a signature by just anyone is worth nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fomm.errors import ConsentError, SettingsError
from fomm.media.photo.image import decode_photo
from fomm.trust.consent.face_print import FaceLook, is_print
from fomm.trust.consent.ledger import LOOK, Ledger, new_consent_id
from fomm.trust.consent.photo import PhotoPrint
from fomm.trust.consent.terms import Consent, ConsentTerms
from fomm.trust.keys.canonical import canonical_json, format_time, utc_now
from fomm.trust.keys.signing_key import PublicKey, SigningKey

REQUEST = "fomm-consent-request"
SIGNED = "fomm-signed-consent"
SCHEMA = 1
_DOMAIN = b"fomm signed consent\n"


def make_request(photo: bytes, terms: ConsentTerms, name: str = "photo") -> dict[str, Any]:
    """Return the request document for a photo: plain JSON values, without the picture.

    Raises:
        MediaError: the photo cannot be decoded.
    """
    decoded = decode_photo(photo, name, fit=LOOK)
    return {
        "type": REQUEST,
        "schema": SCHEMA,
        "consent": new_consent_id(),
        "terms": replace(terms, capture="subject-signature").to_mapping(),
        "photo": PhotoPrint.seen(photo, decoded).with_pixels(photo, name).to_mapping(),
        "faces": list(FaceLook.of(decoded.pixels).prints),
        "requested": format_time(utc_now()),
    }


def sign_request(request: Mapping[str, Any], key: SigningKey, photo: bytes, name: str = "photo") -> dict[str, Any]:
    """Return the request signed by the subject, after checking that it is about the photo the subject looks at.

    Raises:
        ConsentError: not a request, or about another photo.
        MediaError: the photo cannot be decoded.
    """
    _, _, wanted, faces = _parse(request)
    decoded = decode_photo(photo, name, fit=LOOK)
    same = wanted.same(PhotoPrint.seen(photo, decoded).with_pixels(photo, name))
    look = FaceLook.of(decoded.pixels) if faces else None
    if not same or (look is not None and not all(look.shows([face]) for face in faces)):
        raise ConsentError(f"The request is not about {name}; ask for a request made from this very file.")
    return {
        "type": SIGNED,
        "request": dict(request),
        "signer": str(key.public),
        "signature": key.sign(_DOMAIN + canonical_json(dict(request))),
    }


def import_signed(ledger: Ledger, document: Mapping[str, Any], *, renew: bool = False) -> Consent:
    """Record a consent that its subject signed elsewhere.

    Args:
        ledger: where it goes; the signer's key must be pinned in its key store.
        document: what `sign_request` returned.
        renew: the person agreed anew after an earlier consent for this picture was revoked.

    Raises:
        ConsentError: not a signed consent, changed, signed by an unpinned key, imported before, or revoked.
        TrustError: the ledger or a key cannot be trusted.
    """
    if document.get("type") != SIGNED or not isinstance(document.get("request"), Mapping):
        raise ConsentError(
            "This is not a signed consent; the subject makes one with: fomm consent sign REQUEST PHOTO --key KEY"
        )
    request = document["request"]
    consent_id, terms, photo, faces = _parse(request)
    signer = PublicKey.parse(str(document.get("signer")))
    if signer not in ledger.keys.signers().values():
        raise ConsentError(
            f"The consent is signed by a key that is not pinned ({signer.fingerprint}); check with the person that it "
            f"is theirs, then run: fomm keys pin NAME {signer}"
        )
    if not signer.verifies(str(document.get("signature")), _DOMAIN + canonical_json(dict(request))):
        raise ConsentError("The signed consent was changed after signing; ask the person to sign the request again.")
    plain = json.loads(canonical_json(dict(document)))
    return ledger.record_grant(consent_id, terms, photo, name="PHOTO", renew=renew, look=faces, signed=plain)


def _parse(request: Mapping[str, Any]) -> tuple[str, ConsentTerms, PhotoPrint, tuple[str, ...]]:
    """Read a request's consent id, terms, photo and prints of its faces, which older ones lack."""
    if request.get("type") != REQUEST or request.get("schema") != SCHEMA:
        raise ConsentError(
            "This is not a consent request that this fomm knows; make one with: fomm consent request PHOTO"
        )
    try:
        terms = ConsentTerms.from_mapping(request["terms"], "the consent request")
        faces = tuple(request.get("faces", ()))
        if not all(is_print(face) for face in faces):
            raise TypeError("faces")
        return str(request["consent"]), terms, PhotoPrint(**request["photo"]), faces
    except (KeyError, TypeError, SettingsError) as error:
        raise ConsentError(f"The consent request is incomplete ({error}); make a new one.") from error
