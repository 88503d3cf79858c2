"""The demo's portrait needs a consent record like any other, and gets one."""

import pytest

from fomm.errors import MediaError
from fomm.tasks import demo
from fomm.trust.consent.authorise import authorise
from fomm.trust.consent.ledger import Ledger


def test_demo_portrait_is_recorded_once_and_may_be_animated(tmp_path):
    portrait, driving = demo.demo_files()
    ledger = Ledger(tmp_path / "home")
    demo.record_demo_consent(portrait, ledger)
    demo.record_demo_consent(portrait, ledger)
    (entry,) = ledger.consents()
    assert entry.consent.terms.kind == "no_living_subject"
    assert authorise(portrait.read_bytes(), ledger=ledger).consent.id == entry.consent.id
    assert driving.is_file()


def test_missing_demo_files_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "demo_folder", lambda: tmp_path)
    with pytest.raises(MediaError, match=r"portrait\.jpg.*install"):
        demo.demo_files()
