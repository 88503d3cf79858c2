"""Every command that a refusal suggests is run as it stands, and then the refusal is gone."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tried import TERMS, suggested, tries

from fomm.errors import ConsentError, TrustError
from fomm.trust.consent.authorise import authorise
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.portraits import authorise_portraits
from fomm.trust.consent.terms import ConsentTerms
from fomm.trust.release.registry import Registry

NOBODY = ConsentTerms(kind="no_living_subject", origin="public-domain", source="the Louvre's site, 1503")
BOTH = pytest.mark.parametrize("terms", [TERMS, NOBODY], ids=["person", "nobody"])


@pytest.fixture
def photo(tmp_path):
    """A picture with structure, in a file whose name a shell would take apart."""
    y, x = np.mgrid[0:1:120j, 0:1:100j]
    waves = np.stack([np.sin(6 * (x * k + y * y)) for k in (1, 2, 3)], axis=-1)
    path = tmp_path / "my photo.png"
    Image.fromarray(np.round(127 + 120 * waves).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def resaved(photo, tmp_path):
    path = tmp_path / "again.jpg"
    with Image.open(photo) as image:
        image.resize((90, 108)).save(path, quality=85)
    return path


def follow(run, photo, home, **how):
    """Be refused, run what is suggested, and be allowed; return the command that was run."""
    with pytest.raises(ConsentError) as refused:
        authorise(photo.read_bytes(), ledger=Ledger(home), name=str(photo), **how)
    command = suggested(str(refused.value))
    code, said = run(*command)
    assert code == 0, said
    assert authorise(photo.read_bytes(), ledger=Ledger(home), name=str(photo), **how)
    return command


@tries(
    "a pseudonym of the person ('subject', --subject Ada)",
    "until when they agreed ('expires', --until 2027-01-31)",
    "a proof ('statement', --statement \"their words\", or a form or recording with --evidence)",
)
@tries("The consent ended on {terms.expires}; give a later day ('expires', --until).")
def test_a_consent_that_does_not_say_enough(run, photo):
    said = run("consent", "grant", photo)[1]
    found = dict(re.findall(r"(--(?:subject|until|statement)) (\"[^\"]+\"|[^\s),]+)", said))
    assert list(found) == ["--subject", "--until", "--statement"]  # all that is missing, at once
    found["--statement"] = found["--statement"].strip('"')
    code, said = run("consent", "grant", photo, *sum((found | {"--until": "2020-01-31"}).items(), ()))
    assert "give a later day ('expires', --until)" in said
    code, said = run("consent", "grant", photo, *sum((found | {"--until": "2999-01-31"}).items(), ()))
    assert code == 0, said


@tries(
    "No consent is recorded for {name}; {advice}",
    "{agreed}, record it: {command}",
    "grant {quoted(name)} --subject NAME",
    "--make {item}",
)
@tries("--until YYYY-MM-DD --statement", "--nobody {earlier.origin}", "--use {use}", "--exclude {item}")
def test_a_photo_without_consent(run, photo, home):
    follow(run, photo, home)


@BOTH
@tries("{exact[0].id} does not cover {name}", "if it may be used {'again' if again else 'for this'}, record it")
def test_a_revoked_photo(run, photo, home, terms):
    ledger = Ledger(home)
    ledger.revoke(ledger.grant(photo.read_bytes(), terms).id)
    command = follow(run, photo, home)
    assert "--renew" in command
    assert ("--nobody" in command) == (terms is NOBODY)


@BOTH
@tries("which was revoked; {advice}")
def test_a_photo_that_looks_like_a_revoked_one(run, photo, resaved, home, terms):
    ledger = Ledger(home)
    ledger.revoke(ledger.grant(photo.read_bytes(), terms).id)
    assert "--renew" in follow(run, resaved, home)


@BOTH
@tries("re-saved or resized: use the original file or record a consent for this one: {command}")
def test_a_photo_that_looks_like_a_known_one(run, photo, resaved, home, terms):
    Ledger(home).grant(photo.read_bytes(), terms)
    assert ("--nobody" in follow(run, resaved, home)) == (terms is NOBODY)


@BOTH
@pytest.mark.parametrize(
    "how", [{"purpose": "live"}, {"use": "web"}, {"content": ["political"]}], ids=["make", "use", "content"]
)
def test_a_consent_that_does_not_go_so_far(run, photo, home, terms, how):
    Ledger(home).grant(photo.read_bytes(), terms)
    command = follow(run, photo, home, **how)
    assert "--renew" not in command


def test_a_consent_that_ended(run, photo, home):
    then = Ledger(home, lambda: datetime(2020, 1, 1, tzinfo=UTC))
    then.grant(photo.read_bytes(), replace(TERMS, expires="2020-02-01"))
    follow(run, photo, home)


@tries("if it shows nobody living, record the whole folder", "--origin is not taken any more")
def test_portraits_without_a_record(run, photo, home, tmp_path):
    folder = tmp_path / "bought; portraits"
    folder.mkdir()
    portrait = photo.rename(folder / "one.png")
    with pytest.raises(ConsentError) as refused:
        authorise_portraits({"one": portrait}, Ledger(home))
    code, said = run(*suggested(str(refused.value)))
    assert code == 0, said
    leave = authorise_portraits({"one": portrait}, Ledger(home))
    with pytest.raises(ConsentError) as refused:  # by a drawing process that knows no folder
        leave.check(["two"])
    earlier = run("synthesize", folder, "-o", tmp_path / "clips", "--origin", "bought")[1]
    for message in (str(refused.value), earlier):
        code, said = run(*suggested(message, PORTRAITS=str(folder)))
        assert code == 0, said
    leave.check(["one"])


@tries("whose pictures never go unlabelled; see: fomm finetune --help")
def test_a_portrait_of_a_living_person(run, photo, home):
    Ledger(home).grant(photo.read_bytes(), TERMS)
    with pytest.raises(ConsentError) as refused:
        authorise_portraits({"one": photo}, Ledger(home))
    code, said = run(*suggested(str(refused.value)))
    assert code == 0
    assert "--clips" in said


@tries("and all are made or being made")
def test_a_consent_whose_outputs_are_used_up(run, photo, home):
    ledger = Ledger(home)
    ledger.grant(photo.read_bytes(), replace(TERMS, outputs=1))
    leave = authorise(photo.read_bytes(), ledger=ledger)
    Registry(ledger).reserve(leave, driving="", model="m", settings="s")
    follow(run, photo, home)


@BOTH
@tries("say so with --renew.")
def test_a_grant_after_a_revocation(run, photo, home, terms):
    ledger = Ledger(home)
    ledger.revoke(ledger.grant(photo.read_bytes(), terms).id)
    living = ["--subject", "Ada", "--until", "2999-01-31", "--statement", "Yes."]
    grant = ["consent", "grant", photo, *(living if terms is TERMS else ["--nobody", "ai-generated", "--source", "a"])]
    code, said = run(*grant)
    assert code == ConsentError.exit_code
    assert "--renew" in said
    assert "person" not in said or terms is TERMS
    assert run(*grant, "--renew")[0] == 0


@tries("make one with: fomm consent request", "the subject makes one with: fomm consent sign", "fomm keys pin NAME")
def test_a_consent_signed_elsewhere(run, photo, home, tmp_path):
    files = {name: tmp_path / f"{name}.json" for name in ("empty", "request", "signed")}
    files["empty"].write_text("{}")
    key = tmp_path / "ada.key"
    assert run("keys", "new", "-o", key)[0] == 0
    said = run("consent", "sign", files["empty"], photo, "--key", key)[1]
    more = ["--subject", "Ada", "--until", "2999-01-31", "--statement", "Yes.", "-o", files["request"]]
    assert run(*suggested(said, PHOTO=str(photo)), *more)[0] == 0
    said = run("consent", "import", files["empty"])[1]
    command = suggested(said, REQUEST=str(files["request"]), PHOTO=str(photo), KEY=str(key))
    assert run(*command, "-o", files["signed"])[0] == 0
    said = run("consent", "import", files["signed"])[1]
    assert run(*suggested(said))[0] == 0
    assert run("consent", "import", files["signed"])[0] == 0


@tries("No consents are recorded in", "There is no consent '{consent_id}'", "see: fomm consent grant --help")
def test_an_empty_ledger(run, photo, home):
    said = run("consent", "revoke", "c-0")[1]
    assert run(*suggested(said))[0] == 0
    assert run("consent", "export")[1] == run("consent", "list")[1]
    code, said = run("consent", "list")
    assert code == 0
    assert run(*suggested(said, PHOTO=str(photo)))[0] == 0
    said = run("consent", "show", "c-0")[1]
    assert "Ada" in run(*suggested(said))[1]


@tries("There is no output '{output_id}'", "No outputs are recorded in")
def test_an_empty_registry(run, home, parses):
    code, said = run("registry", "show", "0" * 16)
    assert code == TrustError.exit_code
    code, said = run(*suggested(said))
    assert (code, len(said.splitlines())) == (0, 1)
    assert parses(suggested(said))  # a whole render


def test_what_is_listed_stays_a_list(run, home, consented):
    assert [json.loads(line) for line in run("consent", "export")[1].splitlines()]
    assert "recorded" not in run("consent", "list")[1]


@tries("restore the folder from a backup, or begin a new ledger on purpose: fomm consent start-anew")
@pytest.mark.parametrize("lost", ["ledger.db", "ledger.head", "ledger.key"])
def test_a_ledger_that_is_lost(run, home, consented, tmp_path, lost):
    backup, listed = tmp_path / "backup", run("consent", "list")
    shutil.copytree(home, backup)
    (home / lost).unlink()
    code, said = run("consent", "list")
    assert code == TrustError.exit_code
    shutil.rmtree(home)
    shutil.copytree(backup, home)
    assert run("consent", "list") == listed
    (home / lost).unlink()
    code, said = run(*suggested(run("consent", "list")[1]), "--yes")
    assert code == 0, said
    assert run(*suggested(run("consent", "list")[1], PHOTO=str(consented)))[0] == 0


@tries("is not a folder, so no ledger can lie there", "The folder {self.directory} cannot be made")
@pytest.mark.parametrize("below", ["", "below/it"])
@pytest.mark.parametrize("command", [["consent", "list"], ["keys", "show"], ["keys", "init"]], ids=" ".join)
def test_a_home_that_is_a_file(run, tmp_path, monkeypatch, below, command):
    file = tmp_path / "notes.txt"
    file.write_text("notes")
    monkeypatch.setenv("FOMM_HOME", str(file / below))
    code, said = run(*command)
    assert code == TrustError.exit_code
    assert said.count("\n") == 1
    assert f"{file} is not a folder" in said
    monkeypatch.setenv("FOMM_HOME", str(tmp_path / "folder"))
    assert run(*command)[0] == 0


@tries("The folder {self.directory} is not writable")
def test_a_home_that_is_not_writable(run, home, photo, tmp_path, monkeypatch):
    home.mkdir()
    allowed = os.access
    monkeypatch.setattr("os.access", lambda path, mode, **how: Path(path) != home and allowed(path, mode, **how))
    grant = ["consent", "grant", photo, "--nobody", "ai-generated", "--source", "a"]
    code, said = run(*grant)
    assert code == TrustError.exit_code
    assert f"{home} is not writable" in said
    monkeypatch.setenv("FOMM_HOME", str(tmp_path / "folder"))
    assert run(*grant)[0] == 0


@tries("run: chmod 600 {shlex.quote(str(path))}")
def test_a_key_that_others_can_read(run, home, consented):
    (home / "ledger.key").chmod(0o644)
    said = run("consent", "list")[1]
    os.chmod(said.split("chmod 600 ")[1].strip(), 0o600)
    assert run("consent", "list")[0] == 0


@tries(
    "There is no signing certificate yet",
    "no certificate yet; the first render makes one",
    "Give --chain and --key together",
)
def test_certificates(run, home, tmp_path):
    assert "--provider" in run("keys", "init", "--chain", tmp_path / "chain.pem")[1]
    said = run("keys", "show", "--root")[1]
    assert suggested(said) == suggested(run("keys", "show")[1].splitlines()[1])
    assert run(*suggested(said), "--provider", "Ada's studio")[0] == 0
    assert "BEGIN CERTIFICATE" in run("keys", "show", "--root")[1]


@tries("Missing argument 'PHOTO', or --file")
def test_a_consent_from_a_file(run, home, photo, tmp_path):
    assert "--file" in run("consent", "grant")[1]
    form = tmp_path / "form.yaml"
    form.write_text(f"photo: '{photo.name}'\nkind: no_living_subject\norigin: ai-generated\nsource: drawn\n")
    assert run("consent", "grant", "--file", form)[0] == 0


def test_what_may_be_the_only_copy_is_never_overwritten(run, home, consented, tmp_path):
    (tmp_path / "all.jsonl").touch()
    for command in (["consent", "export"], ["registry", "export"]):
        code, said = run(*command, "-o", tmp_path / "all.jsonl")
        assert code != 0
        assert "--force" not in said
        assert "choose another name" in said
        assert run(*command, "-o", tmp_path / f"{command[0]}.jsonl")[0] == 0
