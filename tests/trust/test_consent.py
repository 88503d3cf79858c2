from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from fomm.errors import ConsentError, SettingsError
from fomm.trust.consent.suggestion import grant_command
from fomm.trust.consent.terms import ConsentTerms, grant_from_mapping
from fomm.trust.keys.canonical import sha256_hex

LIVING = {"subject": "Ada", "expires": "2027-01-31", "statement": "Yes."}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"subject": " "}, "give a pseudonym.*'subject'"),
        ({"expires": ""}, "give until when.*'expires'"),
        ({"expires": "soon"}, "must be a date"),
        ({"statement": ""}, "give a proof"),
        ({"make": []}, "'make' is empty"),
        ({"make": ["fly"]}, "choose from animate"),
        ({"use": ["moon"]}, "choose from private"),
        ({"outputs": 0}, "at least 1"),
        ({"not_before": "2028-01-01"}, "before it starts"),
        ({"kind": "no_living_subject"}, "'origin'"),
        ({"kind": "no_living_subject", "origin": "ai-generated"}, "'source'"),
        ({"subjct": "Ada"}, "did you mean 'subject'"),
    ],
)
def test_incomplete_terms_are_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        ConsentTerms.from_mapping({**LIVING, **change})


def test_a_picture_without_a_living_subject_states_its_source() -> None:
    terms = ConsentTerms(kind="no_living_subject", origin="public-domain", source="Rembrandt, self-portrait, 1659")
    assert terms.window() == (None, None)


def test_dates_count_whole_days() -> None:
    start, end = ConsentTerms.from_mapping({**LIVING, "not_before": "2026-01-01"}).window()
    assert start == datetime(2026, 1, 1, tzinfo=UTC)
    assert end == datetime(2027, 2, 1, tzinfo=UTC)


def test_yaml_file_becomes_a_grant(tmp_path: Path) -> None:
    (tmp_path / "face.png").write_bytes(b"picture")
    (tmp_path / "form.pdf").write_bytes(b"signed form")
    text = """
    photo: face.png
    subject: Ada
    make: [dub, animate]
    use: [web]
    expires: 2027-01-31
    evidence: form.pdf
    capture: signed-form
    outputs: 3
    """
    request = grant_from_mapping(yaml.safe_load(text), tmp_path)
    assert request.data == b"picture"
    assert request.terms.make == ("animate", "dub")
    assert request.terms.expires == "2027-01-31"
    assert request.terms.evidence_sha256 == sha256_hex(b"signed form")
    assert not request.renew


def test_bad_consent_files_name_the_key(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="'photo'"):
        grant_from_mapping(LIVING, tmp_path)
    with pytest.raises(SettingsError, match="keys and values"):
        grant_from_mapping(["photo"], tmp_path)  # type: ignore[arg-type]
    with pytest.raises(ConsentError, match=r"evidence file .*gone.pdf cannot be read"):
        grant_from_mapping({**LIVING, "photo": "face.png", "evidence": "gone.pdf"}, tmp_path)


def test_command_quotes_the_photo() -> None:
    assert grant_command("my photo.jpg").startswith("fomm consent grant 'my photo.jpg' --subject")
