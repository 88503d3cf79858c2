"""What the release before wrote, `last_release/`: its ledger, keys and a still made under it open, verify and go on.

The folder was made by that release's own code. Its pictures are drawn, its keys sign nothing else.
"""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
from PIL import Image
from trust_samples import Clock, encode, picture, portrait

from fomm.errors import ConsentError
from fomm.trust.consent.authorise import authorise
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.request import import_signed, make_request, sign_request
from fomm.trust.consent.terms import ConsentTerms
from fomm.trust.keys.signing_key import SigningKey
from fomm.trust.marks.verify import verify
from fomm.trust.release.film import release_still
from fomm.trust.release.rendered import Rendered

LAST = Path(__file__).parent / "last_release"


@pytest.fixture
def old(home: Path, clock: Clock) -> Ledger:
    shutil.copytree(LAST / "home", home)
    for entry in home.rglob("*"):  # version control keeps no modes
        entry.chmod(0o700 if entry.is_dir() else 0o600)
    (home / "ledger.db").chmod(0o644)
    return Ledger(home, clock)


def test_its_ledger_opens_and_verifies(old: Ledger) -> None:
    assert old.verify() == 7
    assert sorted(entry.state for entry in old.consents()) == ["active", "active", "active", "revoked"]
    assert list(old.keys.signers()) == ["ada"]


def test_its_output_is_still_known(old: Ledger) -> None:
    report = verify(LAST / "still.jpg", old)
    assert report.verdict == "intact"
    assert (report.registry.state, report.registry.consent_state) == ("released", "active")


def test_it_goes_on(old: Ledger, clock: Clock, tmp_path: Path, terms: ConsentTerms) -> None:
    leave = authorise(encode(picture(1)), ledger=old)
    out = tmp_path / "new.png"
    release_still(out, Rendered(portrait(9, 160, 160), leave), leave)
    assert verify(out, old).verdict == "intact"
    clock.move(days=90)
    with pytest.raises(ConsentError, match="ended on 2026-04-30"):
        authorise(encode(picture(3)), ledger=old)
    key = SigningKey.generate()
    old.keys.pin_signer("bob", key.public)
    photo = encode(picture(8))
    import_signed(old, sign_request(make_request(photo, terms), key, photo))
    old.grant(encode(picture(7)), terms)
    assert Ledger(old.keys.directory, clock).verify() == 12


def test_its_revocations_hold_for_mirrored_and_turned_pictures(old: Ledger, terms: ConsentTerms) -> None:
    whole = Image.fromarray(picture(2))
    for turn in Image.Transpose:
        buffer = io.BytesIO()
        whole.transpose(turn).save(buffer, "JPEG", quality=85)
        with pytest.raises(ConsentError, match="--renew"):
            old.grant(buffer.getvalue(), terms)
