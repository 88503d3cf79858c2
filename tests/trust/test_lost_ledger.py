"""Nobody forgets a revocation by removing files, by emptying them or by turning the clock back."""

from __future__ import annotations

import itertools
import os
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from trust_samples import Clock, encode, picture

from fomm.cli.main import commands
from fomm.errors import ConsentError, TrustError
from fomm.trust.consent.authorise import authorise
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import ConsentTerms
from fomm.trust.keys.certificates import ensure_identity
from fomm.trust.keys.key_store import KeyStore
from fomm.trust.keys.signing_key import SigningKey
from fomm.trust.release.registry import Registry

LEDGER = ("ledger.db", "ledger.head", "ledger.key")


def subsets() -> list[tuple[str, ...]]:
    return [chosen for count in (1, 2, 3) for chosen in itertools.combinations(LEDGER, count)]


def refused(home: Path, clock: Clock, photo: bytes, terms: ConsentTerms) -> str:
    """Check that neither looking nor recording works, and return what was said."""
    said = []
    for action in (
        lambda ledger: authorise(photo, ledger=ledger),
        lambda ledger: ledger.grant(photo, terms),
        lambda ledger: ledger.consents(),
        lambda ledger: Registry(ledger).outputs(),
    ):
        with pytest.raises(TrustError) as caught:
            action(Ledger(home, clock))
        said.append(str(caught.value))
    assert all("\n" not in sentence for sentence in said)
    return said[0]


@pytest.mark.parametrize("emptied", [False, True], ids=["removed", "emptied"])
@pytest.mark.parametrize("lost", subsets(), ids="+".join)
@pytest.mark.parametrize("rendered", [False, True], ids=["granted", "rendered"])
def test_every_part_that_is_lost_fails_closed(
    ledger: Ledger,
    home: Path,
    clock: Clock,
    photo: bytes,
    terms: ConsentTerms,
    lost: tuple[str, ...],
    emptied: bool,
    rendered: bool,
) -> None:
    consent = ledger.grant(photo, terms)
    if rendered:
        ledger.keys.secret("watermark")
        ensure_identity(ledger.keys)
    ledger.revoke(consent.id)
    for name in lost:
        (home / name).write_bytes(b"") if emptied else (home / name).unlink()
    before = sorted(os.listdir(home))
    refused(home, clock, photo, terms)
    assert sorted(os.listdir(home)) == before


@pytest.mark.parametrize("witness", ["manifest.pem", "watermark.secret", "references.secret", "signers"])
def test_a_single_other_key_bears_witness(
    ledger: Ledger, home: Path, clock: Clock, photo: bytes, terms: ConsentTerms, witness: str
) -> None:
    ledger.revoke(ledger.grant(photo, terms).id)
    ensure_identity(ledger.keys)
    for name in ("watermark", "references"):
        ledger.keys.secret(name)
    ledger.keys.pin_signer("ada", SigningKey.generate().public)
    for entry in home.iterdir():
        if entry.name != witness:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    said = refused(home, clock, photo, terms)
    with pytest.raises(TrustError, match="start-anew"):
        Ledger(home, clock).keys.pin_signer("eve", SigningKey.generate().public)
    assert witness in said
    assert "fomm consent start-anew" in said


def test_another_ledger_put_in_its_place_is_found(
    ledger: Ledger, home: Path, clock: Clock, tmp_path: Path, photo: bytes, terms: ConsentTerms
) -> None:
    ledger.revoke(ledger.grant(photo, terms).id)
    Ledger(tmp_path / "fresh", clock).grant(encode(picture(7)), terms)
    for name in LEDGER:
        shutil.copy(tmp_path / "fresh" / name, home / name)
    refused(home, clock, photo, terms)


def test_a_key_may_come_before_the_first_consent(home: Path, clock: Clock, photo: bytes, terms: ConsentTerms) -> None:
    Ledger(home, clock).keys.pin_signer("ada", SigningKey.generate().public)
    ensure_identity(Ledger(home, clock).keys)
    assert Ledger(home, clock).consents() == []
    Ledger(home, clock).grant(photo, terms)
    assert Ledger(home, clock).verify() == 1


def test_a_new_ledger_is_begun_only_on_purpose(
    ledger: Ledger, home: Path, clock: Clock, photo: bytes, terms: ConsentTerms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOMM_HOME", str(home))
    signer = ensure_identity(ledger.keys).serial
    ledger.revoke(ledger.grant(photo, terms).id)
    run = CliRunner().invoke
    with pytest.raises(ConsentError, match="is whole"):
        run(commands, ["consent", "start-anew", "--yes"], catch_exceptions=False, standalone_mode=False)
    head = (home / "ledger.head").read_bytes()
    for name in ("ledger.db", "ledger.key"):
        (home / name).unlink()
    assert run(commands, ["consent", "start-anew"], input="n\n").exit_code != 0
    refused(home, clock, photo, terms)
    done = run(commands, ["consent", "start-anew", "--yes"])
    assert (done.exit_code, done.exception) == (0, None)
    (aside,) = home.glob("set-aside-*")
    assert (aside / "ledger.head").read_bytes() == head
    assert str(aside) in done.output
    again = Ledger(home)
    assert again.consents() == []
    assert '"kind":"anew"' in list(again.export())[1].replace("\\", "")
    signer_now = ensure_identity(KeyStore(home)).serial
    assert signer_now == signer
    for name in LEDGER:
        (home / name).unlink()
    refused(home, clock, photo, terms)


def test_an_end_once_seen_stays_whatever_the_clock_says(
    ledger: Ledger, home: Path, clock: Clock, photo: bytes, terms: ConsentTerms
) -> None:
    consent = ledger.grant(photo, replace(terms, expires="2026-03-02"))
    leave = authorise(photo, ledger=ledger)
    begun = clock.now
    clock.move(days=30)
    for _ in range(3):
        with pytest.raises(ConsentError, match="ended on 2026-03-02"):
            authorise(photo, ledger=Ledger(home, clock))
    with pytest.raises(ConsentError, match="ended on 2026-03-02"):
        leave.recheck()
    assert ledger.verify() == 2  # the grant and one end, however often it is asked
    for back in (timedelta(days=29), timedelta(seconds=100), timedelta()):
        clock.now = begun + timedelta(days=30) - back
        with pytest.raises((ConsentError, TrustError)):
            authorise(photo, ledger=Ledger(home, clock))
    assert Ledger(home, clock).show(consent.id).state == "expired"
    ledger.grant(photo, terms)
    assert authorise(photo, ledger=Ledger(home, clock)).consent.id != consent.id


def test_an_end_seen_during_a_render_is_recorded(
    ledger: Ledger, clock: Clock, photo: bytes, terms: ConsentTerms
) -> None:
    consent = ledger.grant(photo, replace(terms, expires="2026-03-02"))
    leave = authorise(photo, ledger=ledger)
    clock.move(days=3)
    for action in (leave.recheck, lambda: Registry(ledger).release("0" * 16, leave, "0" * 64)):
        with pytest.raises(ConsentError, match="ended on 2026-03-02"):
            action()
    kinds = [line for line in ledger.export() if '"kind": "end"' in line]
    assert len(kinds) == 1
    assert consent.id in kinds[0]


def test_a_clock_just_behind_the_newest_record_revives_nothing(
    ledger: Ledger, home: Path, clock: Clock, photo: bytes, terms: ConsentTerms
) -> None:
    ledger.grant(photo, replace(terms, expires="2026-03-02"))
    clock.now = clock.now.replace(day=3, hour=0, minute=0, second=30)
    ledger.grant(encode(picture(7)), terms)
    clock.move(seconds=-60)  # within what a time server may step
    with pytest.raises(ConsentError, match="ended on 2026-03-02"):
        authorise(photo, ledger=Ledger(home, clock))


def test_a_question_about_another_day_ends_nothing(
    ledger: Ledger, clock: Clock, photo: bytes, terms: ConsentTerms
) -> None:
    ledger.grant(photo, terms)
    with pytest.raises(ConsentError, match="ended"):
        authorise(photo, ledger=ledger, now=clock.now + timedelta(days=4000))
    assert authorise(photo, ledger=ledger).consent


@pytest.mark.parametrize("looked", [False, True], ids=["granted", "used"])
def test_an_older_database_with_its_own_head_is_refused(
    ledger: Ledger, home: Path, clock: Clock, photo: bytes, terms: ConsentTerms, looked: bool
) -> None:
    consent = ledger.grant(photo, terms)
    if looked:
        authorise(photo, ledger=ledger)
    older = {name: (home / name).read_bytes() for name in ("ledger.db", "ledger.head")}
    ledger.revoke(consent.id)
    for name, content in older.items():
        (home / name).write_bytes(content)
    said = refused(home, clock, photo, terms)
    assert "put back to an earlier state" in said
    assert "fomm consent start-anew" in said
    Ledger(home, clock).start_anew()
    with pytest.raises(ConsentError):
        authorise(photo, ledger=Ledger(home, clock))


def test_the_witness_of_how_far_a_ledger_reached_cannot_be_removed(
    ledger: Ledger, home: Path, clock: Clock, photo: bytes, terms: ConsentTerms
) -> None:
    consent = ledger.grant(photo, terms)
    older = {name: (home / name).read_bytes() for name in ("ledger.db", "ledger.head")}
    ledger.revoke(consent.id)
    (home / "newest-record.json").unlink()
    assert "newest-record.json is missing" in refused(home, clock, photo, terms)
    for name, content in older.items():
        (home / name).write_bytes(content)
    assert "newest-record.json is missing" in refused(home, clock, photo, terms)


def test_a_ledger_that_another_branch_continued_is_refused(
    ledger: Ledger, home: Path, clock: Clock, photo: bytes, terms: ConsentTerms
) -> None:
    """Put back, used without the witness's knowledge until it is as long again, and the witness put beside it."""
    consent = ledger.grant(photo, terms)
    older = {name: (home / name).read_bytes() for name in ("ledger.db", "ledger.head", "newest-record.json")}
    ledger.revoke(consent.id)
    newest = (home / "newest-record.json").read_bytes()
    for name, content in older.items():
        (home / name).write_bytes(content)
    Ledger(home, clock).grant(encode(picture(9)), terms)
    Ledger(home, clock).grant(encode(picture(10)), terms)
    (home / "newest-record.json").write_bytes(newest)
    assert "was changed at or before record 2" in refused(home, clock, photo, terms)


def test_a_crash_between_the_files_of_a_ledger_is_repaired(
    ledger: Ledger, home: Path, clock: Clock, photo: bytes, terms: ConsentTerms
) -> None:
    ledger.grant(photo, terms)
    before = {name: (home / name).read_bytes() for name in ("ledger.head", "newest-record.json")}
    ledger.revoke(ledger.consents()[0].consent.id)
    after = {name: (home / name).read_bytes() for name in before}
    for left in (before, {**before, "newest-record.json": after["newest-record.json"]}):
        for name, content in left.items():
            (home / name).write_bytes(content)
        assert Ledger(home, clock).verify() == 2
        assert {name: (home / name).read_bytes() for name in before} == after
