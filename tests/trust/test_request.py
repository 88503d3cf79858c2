from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from fomm.errors import ConsentError
from fomm.trust.consent.authorise import authorise
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.request import import_signed, make_request, sign_request
from fomm.trust.consent.terms import ConsentTerms
from fomm.trust.keys.signing_key import SigningKey


def test_a_consent_signed_elsewhere_counts_once_its_signer_is_pinned(
    ledger: Ledger, photo: bytes, terms: ConsentTerms
) -> None:
    subject = SigningKey.generate()
    request = json.loads(json.dumps(make_request(photo, terms)))
    signed = json.loads(json.dumps(sign_request(request, subject, photo)))
    with pytest.raises(ConsentError, match=r"not pinned .*fomm keys pin NAME ed25519:"):
        import_signed(ledger, signed)
    ledger.keys.pin_signer("ada", subject.public)
    consent = import_signed(ledger, signed)
    assert consent.signed_by == str(subject.public)
    assert consent.terms.capture == "subject-signature"
    assert authorise(photo, ledger=ledger).consent.id == consent.id
    ledger.revoke(consent.id)
    with pytest.raises(ConsentError, match="already"):
        import_signed(ledger, signed)


def test_changed_or_misplaced_documents_are_refused(
    ledger: Ledger, photo: bytes, terms: ConsentTerms, resave: Callable[[bytes], bytes]
) -> None:
    subject = SigningKey.generate()
    ledger.keys.pin_signer("ada", subject.public)
    request = make_request(photo, terms)
    signed = sign_request(request, subject, photo)
    signed["request"]["terms"]["use"] = ["advertising"]
    with pytest.raises(ConsentError, match="changed after signing"):
        import_signed(ledger, signed)
    with pytest.raises(ConsentError, match="not a signed consent"):
        import_signed(ledger, request)
    with pytest.raises(ConsentError, match=r"not about other\.jpg"):
        sign_request(request, subject, resave(photo), "other.jpg")
    with pytest.raises(ConsentError, match="incomplete"):
        sign_request({**request, "photo": {}}, subject, photo)
