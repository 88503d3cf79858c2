from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from trust_samples import Clock, encode, picture

from fomm.errors import ConsentError, SettingsError, TrustError
from fomm.trust.consent.authorise import authorise
from fomm.trust.consent.chain import Record, anchor
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.state import LedgerState
from fomm.trust.consent.terms import ConsentTerms
from fomm.trust.keys.canonical import sha256_hex
from fomm.trust.keys.signing_key import SigningKey


def raw(home: Path) -> sqlite3.Connection:
    """Open the database as an intruder would, without the triggers."""
    connection = sqlite3.connect(home / "ledger.db", isolation_level=None)
    connection.execute("DROP TRIGGER records_never_change")
    connection.execute("DROP TRIGGER records_never_vanish")
    return connection


def granted(ledger: Ledger, terms: ConsentTerms, count: int) -> list[str]:
    return [ledger.grant(encode(picture(seed)), terms).id for seed in range(count)]


def test_a_consent_lives_from_grant_to_revocation(ledger: Ledger, photo: bytes, terms: ConsentTerms) -> None:
    assert ledger.consents() == []
    consent = ledger.grant(photo, terms)
    assert ledger.show(consent.id).state == "active"
    exact, alike = ledger.find(photo)
    assert [entry.consent.id for entry in exact] == [consent.id]
    assert alike == []
    ledger.revoke(consent.id, "asked by mail")
    entry = ledger.show(consent.id)
    assert entry.state == "revoked"
    assert entry.revocation is not None
    assert entry.revocation.reason == "asked by mail"
    with pytest.raises(ConsentError, match="revoked already"):
        ledger.revoke(consent.id)
    with pytest.raises(ConsentError, match="fomm consent list"):
        ledger.revoke("c-0000")


def test_state_follows_the_calendar(ledger: Ledger, photo: bytes, terms: ConsentTerms, clock: Clock) -> None:
    later = ledger.grant(photo, replace(terms, not_before="2026-04-01"))
    assert ledger.show(later.id).state == "pending"
    clock.move(days=40)
    assert ledger.show(later.id).state == "active"
    clock.move(days=400)
    assert ledger.show(later.id).state == "expired"
    with pytest.raises(SettingsError, match="ended on 2027-01-31"):
        ledger.grant(photo, terms)


def test_another_process_sees_the_same(ledger: Ledger, home: Path, clock: Clock, terms: ConsentTerms) -> None:
    other = Ledger(home, clock)
    assert other.consents() == []
    first = granted(ledger, terms, 1)[0]
    assert other.show(first).state == "active"
    other.revoke(first)
    assert ledger.show(first).state == "revoked"


def test_revoked_picture_needs_a_renewed_consent(
    ledger: Ledger, photo: bytes, terms: ConsentTerms, resave: Callable[[bytes], bytes]
) -> None:
    ledger.revoke(ledger.grant(photo, terms).id)
    with pytest.raises(ConsentError, match="--renew"):
        ledger.grant(resave(photo), terms, name="again.jpg")
    renewed = ledger.grant(resave(photo), terms, renew=True)
    assert ledger.show(renewed.id).state == "active"


def test_the_table_only_grows(ledger: Ledger, home: Path, terms: ConsentTerms) -> None:
    granted(ledger, terms, 1)
    with sqlite3.connect(home / "ledger.db") as connection:
        for command in ("DELETE FROM records", "UPDATE records SET document = '{}'"):
            with pytest.raises(sqlite3.IntegrityError, match="only grows"):
                connection.execute(command)


@pytest.mark.parametrize("sequence", [1, 2, 3])
def test_a_changed_record_is_found(ledger: Ledger, home: Path, terms: ConsentTerms, sequence: int) -> None:
    granted(ledger, terms, 3)
    raw(home).execute(
        "UPDATE records SET document = replace(document, '2027-01-31', '2099-01-31') WHERE sequence = ?", (sequence,)
    )
    with pytest.raises(TrustError, match="changed"):
        Ledger(home).consents()


@pytest.mark.parametrize("keep", [0, 1, 2])
def test_a_shortened_ledger_is_found(ledger: Ledger, home: Path, clock: Clock, terms: ConsentTerms, keep: int) -> None:
    granted(ledger, terms, 3)
    raw(home).execute("DELETE FROM records WHERE sequence > ?", (keep,))
    for witness in (ledger, Ledger(home, clock)):
        with pytest.raises(TrustError, match="earlier state"):
            witness.consents()


def test_an_earlier_copy_of_the_database_is_found(
    ledger: Ledger, home: Path, clock: Clock, tmp_path: Path, photo: bytes, terms: ConsentTerms
) -> None:
    consent = ledger.grant(photo, terms)
    shutil.copy(home / "ledger.db", tmp_path / "earlier.db")
    ledger.revoke(consent.id)
    shutil.copy(tmp_path / "earlier.db", home / "ledger.db")
    with pytest.raises(TrustError, match="earlier state"):
        authorise(photo, ledger=Ledger(home, clock))


def test_an_earlier_copy_of_the_head_is_found(ledger: Ledger, home: Path, clock: Clock, terms: ConsentTerms) -> None:
    granted(ledger, terms, 1)
    earlier = (home / "ledger.head").read_bytes()
    for seed in (5, 6):
        ledger.grant(encode(picture(seed)), terms)
    (home / "ledger.head").write_bytes(earlier)
    with pytest.raises(TrustError, match="earlier state"):
        Ledger(home, clock).consents()


@pytest.mark.parametrize("lost", ["ledger.db", "ledger.head", "ledger.key"])
def test_a_missing_piece_fails_closed(
    ledger: Ledger, home: Path, clock: Clock, photo: bytes, terms: ConsentTerms, lost: str
) -> None:
    ledger.grant(photo, terms)
    (home / lost).unlink()
    for action in (
        lambda: authorise(photo, ledger=Ledger(home, clock)),
        lambda: Ledger(home, clock).grant(photo, terms),
    ):
        with pytest.raises(TrustError, match=rf"{lost} is missing"):
            action()


def test_damage_and_forgery_fail_closed(ledger: Ledger, home: Path, clock: Clock, terms: ConsentTerms) -> None:
    granted(ledger, terms, 2)
    whole = {name: (home / name).read_bytes() for name in ("ledger.db", "ledger.head", "ledger.key")}

    def refused(name: str, data: bytes, said: str) -> None:
        (home / name).write_bytes(data)
        with pytest.raises(TrustError, match=said):
            Ledger(home, clock).consents()
        (home / name).write_bytes(whole[name])
        assert len(Ledger(home, clock).consents()) == 2

    refused("ledger.db", b"no database at all" * 100, "damaged")
    refused("ledger.head", b"{}", "head file is damaged")
    refused("ledger.head", whole["ledger.head"].replace(b'"count":2', b'"count":1'), "head file was changed")
    refused("ledger.head", whole["ledger.head"].replace(b'"schema":1', b'"schema":9'), "newer fomm")
    SigningKey.generate().save(home / "stranger.key")
    refused("ledger.key", (home / "stranger.key").read_bytes(), "not the key that signed")


def test_an_unsigned_record_past_the_head_is_refused(
    ledger: Ledger, home: Path, clock: Clock, terms: ConsentTerms
) -> None:
    granted(ledger, terms, 1)
    document = raw(home).execute("SELECT document FROM records").fetchone()[0]
    forged = Record.make(
        SigningKey.generate(), sha256_hex(document.encode()), 2, "revoke", clock(), {"consent": "c-1", "reason": ""}
    )
    raw_connection = sqlite3.connect(home / "ledger.db")
    with raw_connection:
        raw_connection.execute("INSERT INTO records VALUES (2, ?, ?)", (forged.document, forged.signature))
    with pytest.raises(TrustError, match=r"not signed by ledger\.key"):
        Ledger(home, clock).consents()


def test_a_newer_schema_is_refused(ledger: Ledger, home: Path, clock: Clock, terms: ConsentTerms) -> None:
    granted(ledger, terms, 1)
    with sqlite3.connect(home / "ledger.db") as connection:
        connection.execute("PRAGMA user_version = 7")
    with pytest.raises(TrustError, match=r"newer fomm \(schema 7"):
        Ledger(home, clock).consents()


def test_a_crash_between_record_and_head_is_repaired(
    ledger: Ledger, home: Path, clock: Clock, photo: bytes, terms: ConsentTerms, monkeypatch: pytest.MonkeyPatch
) -> None:
    consent = ledger.grant(photo, terms)
    before = (home / "ledger.head").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("fomm.trust.consent.store.write_whole", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            ledger.revoke(consent.id)
    assert (home / "ledger.head").read_bytes() == before
    assert Ledger(home, clock).show(consent.id).state == "revoked"
    assert (home / "ledger.head").read_bytes() != before


@pytest.mark.parametrize("step", ["write_whole", "SigningKey.save"])
def test_a_crash_while_starting_a_ledger_is_repaired(
    home: Path, clock: Clock, photo: bytes, terms: ConsentTerms, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(f"fomm.trust.consent.store.{step}", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            Ledger(home, clock).grant(photo, terms)
    assert Ledger(home, clock).consents() == []
    Ledger(home, clock).grant(photo, terms)
    assert len(Ledger(home, clock).consents()) == 1


def test_a_clock_set_back_is_refused(ledger: Ledger, clock: Clock, photo: bytes, terms: ConsentTerms) -> None:
    consent = ledger.grant(photo, terms)
    clock.move(hours=-1)
    for action in (lambda: authorise(photo, ledger=ledger), lambda: ledger.revoke(consent.id)):
        with pytest.raises(TrustError, match="set the clock right"):
            action()
    clock.move(minutes=59)  # a time server's small step is no attack
    assert authorise(photo, ledger=ledger).consent.id == consent.id


def test_export_holds_every_record_signed(ledger: Ledger, terms: ConsentTerms) -> None:
    assert list(ledger.export()) == []
    first = granted(ledger, terms, 2)[0]
    ledger.revoke(first)
    head, *records = [json.loads(line) for line in ledger.export()]
    assert head["count"] == len(records) == 3
    assert records[0]["record"]["previous"] == anchor(head["ledger"])
    assert [entry["record"]["kind"] for entry in records] == ["grant", "grant", "revoke"]
    assert ledger.verify() == 3


def test_a_forged_signature_is_found_by_verify(ledger: Ledger, home: Path, terms: ConsentTerms) -> None:
    granted(ledger, terms, 2)
    raw(home).execute("UPDATE records SET signature = 'AAAA' WHERE sequence = 1")
    with pytest.raises(TrustError, match="signature of ledger record 1"):
        Ledger(home).verify()


def test_permissions_are_private(ledger: Ledger, home: Path, terms: ConsentTerms) -> None:
    granted(ledger, terms, 1)
    assert home.stat().st_mode & 0o777 == 0o700
    assert (home / "ledger.key").stat().st_mode & 0o777 == 0o600


WORKER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from trust_samples import encode, picture
from fomm.trust.consent.terms import ConsentTerms
from fomm.trust.consent.ledger import Ledger
terms = ConsentTerms(subject="Ada", expires="2999-01-01", statement="Yes.")
ledger = Ledger(Path(sys.argv[1]))
for number in range(8):
    consent = ledger.grant(encode(picture(100 * int(sys.argv[2]) + number)), terms)
    ledger.revoke(consent.id)
"""


def test_two_processes_grant_and_revoke_at_once(home: Path) -> None:
    here = str(Path(__file__).parent)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, str(home), str(number), here], env=environment)
        for number in (1, 2)
    ]
    assert [worker.wait(timeout=60) for worker in workers] == [0, 0]
    ledger = Ledger(home)
    assert ledger.verify() == 32
    assert {entry.state for entry in ledger.consents()} == {"revoked"}
    assert len(ledger.consents()) == 16


def test_state_of_an_unknown_kind_of_record_is_refused(ledger: Ledger, terms: ConsentTerms) -> None:
    granted(ledger, terms, 1)
    with pytest.raises(TrustError, match="upgrade fomm"):
        ledger.append("teleport", lambda state: {"state": isinstance(state, LedgerState)})


def test_files_and_folder_are_mended(
    ledger: Ledger, home: Path, clock: Clock, photo: bytes, terms: ConsentTerms
) -> None:
    home.mkdir(mode=0o755)
    ledger.grant(photo, terms)
    assert {entry.stat().st_mode & 0o077 for entry in (home, *home.iterdir())} == {0}
    home.chmod(0o755)
    for name in ("ledger.db-wal", "ledger.db-shm", "ledger.db-journal"):
        (home / name).write_bytes(b"")
    for entry in home.iterdir():
        entry.chmod(0o644 if entry.name != "ledger.key" else 0o600)
    Ledger(home, clock).consents()
    assert {entry.stat().st_mode & 0o077 for entry in (home, *home.iterdir())} == {0}


def test_only_the_folder_that_is_fomms_own_is_closed(
    tmp_path: Path, clock: Clock, photo: bytes, terms: ConsentTerms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "users" / "ada"))
    shared = tmp_path / "shared"
    for folder in (tmp_path / "users" / "ada", tmp_path / "users", shared):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
    shared.chmod(0o1777)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"")
    elsewhere.chmod(0o644)
    for folder in (tmp_path / "users" / "ada", tmp_path / "users", shared):
        mode = folder.stat().st_mode
        (folder / "ledger.db-wal").symlink_to(elsewhere)
        (folder / "notes.txt").write_text("mine")
        (folder / "notes.txt").chmod(0o644)
        Ledger(folder, clock).begin()
        assert folder.stat().st_mode == mode
        assert (folder / "ledger.db").stat().st_mode & 0o777 == 0o600
        assert (folder / "notes.txt").stat().st_mode & 0o777 == 0o644
    assert elsewhere.stat().st_mode & 0o777 == 0o644
