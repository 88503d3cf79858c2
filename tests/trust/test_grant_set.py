"""`fomm consent grant FOLDER`: a licensed set of pictures in one go."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image
from trust_samples import encode, picture

from fomm.cli.main import commands
from fomm.errors import ConsentError, SettingsError
from fomm.trust.consent.ledger import Ledger

NOBODY = ["--subject", "set", "--nobody", "ai-generated", "--source", "a generator, CC0"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three portraits with what else lies in such a folder."""
    path = tmp_path / "portraits"
    path.mkdir()
    for seed, name in enumerate(("one.png", "two.jpg", "three.webp")):
        Image.fromarray(picture(seed)).save(path / name)
    (path / "one_alpha.png").write_bytes(encode(picture(7)))
    (path / "two_background.jpg").write_bytes(encode(picture(8), "JPEG"))
    (path / ".hidden.png").write_bytes(encode(picture(9)))
    (path / "landmarks.npz").write_bytes(b"x")
    return path


@pytest.fixture
def grant(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FOMM_HOME", str(home))

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(commands, ["consent", "grant", *map(str, arguments)], standalone_mode=False)

    return run


def test_every_picture_gets_a_record(grant, folder: Path, home: Path) -> None:
    assert f"{folder}: recorded 3 of its pictures; 0 were already." in grant(folder, *NOBODY).output
    entries = Ledger(home).consents()
    assert {entry.consent.terms.source for entry in entries} == {"a generator, CC0"}
    for name in ("one.png", "two.jpg", "three.webp"):
        assert len(Ledger(home).find(folder / name)[0]) == 1
    assert Ledger(home).verify() == 3


def test_those_recorded_already_are_passed_over(grant, folder: Path, home: Path) -> None:
    grant(folder, *NOBODY)
    Image.fromarray(picture(5)).save(folder / "four.png")
    assert "recorded 1 of its pictures; 3 were already." in grant(folder, *NOBODY).output
    assert len(Ledger(home).consents()) == 4


def test_what_fails_is_said_in_a_sentence_and_the_rest_is_recorded(grant, folder: Path, home: Path) -> None:
    (folder / "bad.jpg").write_bytes(b"no picture")
    result = grant(folder, *NOBODY)
    assert "recorded 3 of its pictures" in result.output
    assert isinstance(result.exception, ConsentError)
    assert "1 of the pictures" in str(result.exception)
    assert "bad.jpg" in str(result.exception)


def test_a_revoked_picture_stays_revoked_until_it_is_renewed(grant, folder: Path, home: Path) -> None:
    grant(folder, *NOBODY)
    ledger = Ledger(home)
    ledger.revoke(ledger.find(folder / "one.png")[0][0].consent.id)
    assert "revoked" in str(grant(folder, *NOBODY).exception)
    assert "recorded 1 of its pictures; 2 were already." in grant(folder, *NOBODY, "--renew").output


def test_living_people_need_the_same_terms_as_for_one_photo(grant, folder: Path, home: Path) -> None:
    refused = grant(folder, "--subject", "Ada")
    assert isinstance(refused.exception, SettingsError)
    assert "--until" in str(refused.exception)
    assert not home.exists()
    living = ["--subject", "Ada", "--until", "2999-01-01", "--statement", "Yes."]
    assert "recorded 3 of its pictures" in grant(folder, *living).output


def test_a_consent_file_may_name_the_folder(grant, folder: Path, tmp_path: Path) -> None:
    form = tmp_path / "set.yaml"
    form.write_text("photo: portraits\nkind: no_living_subject\norigin: public-domain\nsource: museum\nsubject: x\n")
    assert "recorded 3 of its pictures" in grant("--file", form).output


def test_a_folder_without_pictures_is_refused(grant, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "holds no pictures" in str(grant(tmp_path / "empty", *NOBODY).exception)
