from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from trust_samples import Clock, encode, picture

from fomm.errors import ConsentError, MediaError, SettingsError
from fomm.trust.consent.authorise import Authorisation, authorise
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import ConsentTerms


def test_without_consent_the_sentence_holds_the_command(ledger: Ledger, photo: bytes) -> None:
    with pytest.raises(ConsentError) as refusal:
        authorise(photo, ledger=ledger, name="my photo.jpg")
    command = "fomm consent grant 'my photo.jpg' --subject NAME --make animate --until YYYY-MM-DD"
    assert command in str(refusal.value)


def test_the_authorised_pixels_come_with_the_leave(ledger: Ledger, photo: bytes, terms: ConsentTerms) -> None:
    consent = ledger.grant(photo, terms)
    leave = authorise(photo, ledger=ledger)
    assert leave.consent.id == consent.id
    assert np.array_equal(leave.image, picture(1))
    with pytest.raises(ValueError, match="read-only"):
        leave.image[0, 0, 0] = 0


def test_the_same_pixels_in_another_file_are_authorised(ledger: Ledger, photo: bytes, terms: ConsentTerms) -> None:
    ledger.grant(photo, terms)
    other = encode(picture(1), "TIFF")
    assert authorise(other, ledger=ledger).photo.bytes_sha256 != authorise(photo, ledger=ledger).photo.bytes_sha256


def test_a_resaved_photo_is_only_suggested(
    ledger: Ledger, photo: bytes, terms: ConsentTerms, resave: Callable[[bytes], bytes]
) -> None:
    consent = ledger.grant(photo, terms)
    with pytest.raises(
        ConsentError, match=rf"looks like the photo of consent {consent.id}, re-saved .*fomm consent grant"
    ):
        authorise(resave(photo), ledger=ledger)


def test_a_revoked_photo_is_denied_however_it_is_saved(
    ledger: Ledger, photo: bytes, terms: ConsentTerms, resave: Callable[[bytes], bytes]
) -> None:
    consent = ledger.grant(photo, terms)
    copy_consent = ledger.grant(resave(photo), terms)
    ledger.revoke(consent.id)
    with pytest.raises(ConsentError, match="it was revoked on 2026-03-01"):
        authorise(photo, ledger=ledger)
    with pytest.raises(ConsentError, match=rf"{copy_consent.id} does not cover .*same picture was revoked later"):
        authorise(resave(photo), ledger=ledger)
    with pytest.raises(ConsentError, match=r"which was revoked.*--renew"):
        authorise(resave(resave(photo)), ledger=ledger)
    ledger.grant(photo, terms, renew=True)
    assert authorise(photo, ledger=ledger)


def test_scope_use_exclusions_and_dates_bind(ledger: Ledger, photo: bytes, terms: ConsentTerms, clock: Clock) -> None:
    ledger.grant(photo, replace(terms, not_before="2026-04-01"))
    with pytest.raises(ConsentError, match="starts on 2026-04-01"):
        authorise(photo, ledger=ledger)
    clock.move(days=31)
    assert authorise(photo, ledger=ledger, use="web")
    with pytest.raises(ConsentError, match=r"allows to animate, not to dub.*--make dub"):
        authorise(photo, ledger=ledger, purpose="dub")
    with pytest.raises(ConsentError, match=r"allows web use, not broadcast use.*--use broadcast"):
        authorise(photo, ledger=ledger, use="broadcast")
    with pytest.raises(ConsentError, match="excludes political content"):
        authorise(photo, ledger=ledger, content=["political"])
    with pytest.raises(ConsentError, match="ended on 2027-01-31"):
        authorise(photo, ledger=ledger, now=clock().replace(year=2027))
    with pytest.raises(SettingsError, match="Unknown purpose 'fly'"):
        authorise(photo, ledger=ledger, purpose="fly")


def test_any_consent_that_covers_the_use_is_enough(ledger: Ledger, photo: bytes, terms: ConsentTerms) -> None:
    wide = ledger.grant(photo, replace(terms, make=("animate", "dub")))
    ledger.grant(photo, terms)
    assert authorise(photo, ledger=ledger, purpose="dub").consent.id == wide.id


def test_recheck_sees_revocation_and_expiry(ledger: Ledger, photo: bytes, terms: ConsentTerms, clock: Clock) -> None:
    consent = ledger.grant(photo, terms)
    leave = authorise(photo, ledger=ledger)
    leave.recheck()
    with pytest.raises(ConsentError, match="no longer covers"):
        leave.recheck(clock().replace(year=2028))
    ledger.revoke(consent.id)
    with pytest.raises(ConsentError, match="it was revoked"):
        leave.recheck()


def test_leave_cannot_be_made_up_or_passed_on(ledger: Ledger, photo: bytes, terms: ConsentTerms) -> None:
    consent = ledger.grant(photo, terms)
    leave = authorise(photo, ledger=ledger)
    with pytest.raises(ConsentError, match="makes an authorisation"):
        Authorisation(object(), ledger, consent, leave.photo, leave.image, "animate", "web", ())
    assert not Authorisation.__new__(Authorisation).genuine
    for forge in (copy.copy, pickle.dumps):
        with pytest.raises(ConsentError, match="another process"):
            forge(leave)


def test_a_file_that_is_no_picture_is_a_media_error(ledger: Ledger) -> None:
    with pytest.raises(MediaError):
        authorise(b"words", ledger=ledger)
