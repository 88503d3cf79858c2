"""Where the ledger lies: an append-only SQLite table of signed, chained records, with a signed head file beside it.

Every look at the ledger takes SQLite's write lock (`BEGIN IMMEDIATE`), reads what other processes added, and checks the
chain against the head, so readers and writers in any number of processes see one order of events.

Crashes. An append commits the record first and rewrites the head second, under the lock again. A crash in between
leaves the head one record behind. It can never be more: whoever takes the lock next verifies that record's signature
and brings the head up to date before doing anything else. So a head ahead of the records means records were removed, a
head more than one behind means it was put back, and both are refused. A copy of the head, the witness, is written
before each head: database and head put back together no longer reach it. What this cannot see is the whole folder put
back to an older copy by its own user; keep an `export` elsewhere where that matters.

Start. Tables are made first, then a head with count 0, then the key, and all other keys after it: a missing piece while
a key exists is damage, and nothing is trusted until it is restored, or a new ledger is begun on purpose.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fomm.config.arguments import given_function
from fomm.errors import ConsentError, TrustError
from fomm.media.whole_files import write_whole
from fomm.trust.consent.chain import Head, Record, anchor
from fomm.trust.consent.database import has_table, make_table, opened, rows
from fomm.trust.consent.state import LedgerState
from fomm.trust.keys.canonical import Clock, utc_now
from fomm.trust.keys.home import ANEW, WITNESS, check_note, claim_private, make_private, set_aside, witness
from fomm.trust.keys.key_store import KeyStore, data_directory
from fomm.trust.keys.signing_key import PublicKey, SigningKey


class ChainStore:
    """The stored chain and what it adds up to.

    Args:
        directory: its folder; by default `$FOMM_HOME` or the user's data folder.
        clock: gives the present instant; tests set it.
    """

    def __init__(self, directory: str | Path | None = None, clock: Clock = utc_now) -> None:
        given_function(clock, "clock")
        self.keys = KeyStore(data_directory(directory), self.begin)
        self.clock = clock
        self._state = LedgerState()
        self._guard = threading.RLock()
        self._checked = False

    @property
    def path(self) -> Path:
        """The database file."""
        return self.keys.directory / "ledger.db"

    @property
    def head_path(self) -> Path:
        """The signed head file."""
        return self.keys.directory / "ledger.head"

    @property
    def witness_path(self) -> Path:
        """The second copy of the head."""
        return self.keys.directory / WITNESS

    @contextlib.contextmanager
    def view(self) -> Iterator[LedgerState]:
        """Lend the verified state, with all other writers held off; empty where no consent was ever recorded.

        Raises:
            TrustError: the ledger is missing, changed, put back, from a newer fomm, or cannot be read.
        """
        with self._guard:
            if not self._begun():
                yield LedgerState()
                return
            with self._locked():
                yield self._state

    def append(self, kind: str, body: Callable[[LedgerState], dict[str, Any] | None]) -> None:
        """Add a record whose content `body` decides while all other writers are held off.

        `body` may raise to refuse, or return None when there is nothing to record.

        Raises:
            ConsentError: no consent was ever recorded here.
            TrustError: the ledger cannot be trusted or written, or the clock was set back.
        """
        with self._guard:
            if not self._begun():
                raise ConsentError(
                    f"No consent is recorded yet in {self.keys.directory}; see: fomm consent grant --help"
                )
            with self._locked() as (connection, key, head):
                state, now = self._state, self.clock()
                state.check_clock(now)
                content = body(state)
                if content is None:
                    return
                created = max(now, state.newest) if state.newest else now
                record = Record.make(key, head.hash, head.count + 1, kind, created, content)
                connection.execute(
                    "INSERT INTO records VALUES (?, ?, ?)", (record.sequence, record.document, record.signature)
                )
            with self._locked():
                pass  # reads the new record back and brings the head up to date

    def _begun(self) -> bool:
        """Say whether a ledger was ever made here; one that was made and is not whole is refused.

        The key is the last piece written, so without it nothing can have been recorded, unless records say otherwise.
        """
        has_key = os.path.lexists(self.keys.ledger_key_path)
        if has_key and not os.path.exists(self.path):
            raise TrustError(f"The consent ledger {self.path} is missing; {ANEW}")
        if has_key and not os.path.exists(self.head_path):
            raise TrustError(f"The ledger's head file {self.head_path} is missing; {ANEW}")
        if has_key:
            return True
        left = witness(self.keys.directory)
        lost = "key" if self._rows_from(1) or self._head_count() > 0 else left and "ledger"
        if lost and not os.path.lexists(self.keys.ledger_key_path):  # another process may have just made it
            if lost == "key":
                raise TrustError(f"The key {self.keys.ledger_key_path} is missing; {ANEW}")
            raise TrustError(
                f"The consent ledger {self.path} is missing while {left} of an earlier one is there; {ANEW}"
            )
        return bool(lost)

    def _head_count(self) -> int:
        """Return the record count an unverified head file claims; a damaged one counts as holding records."""
        try:
            return int(json.loads(self.head_path.read_bytes())["count"])
        except FileNotFoundError:
            return 0
        except (OSError, ValueError, KeyError, TypeError):
            return 1

    def begin(self) -> None:
        """Begin an empty ledger, tables, head and key, in this order, unless there is one.

        Raises:
            TrustError: an earlier one was removed, or nothing can be written.
        """
        with self._guard:
            if not self._begun():
                self.keys.make_folder()
                self._make()

    def _make(self) -> None:
        make_private(self.keys.directory)
        claim_private(self.path)
        with opened(self.path, create=True) as connection:
            make_table(connection)
        with opened(self.path, create=False):
            if not os.path.lexists(self.keys.ledger_key_path):  # or another process was faster
                key, ledger_id = SigningKey.generate(), secrets.token_hex(16)
                write_whole(self.head_path, Head(ledger_id, 0, anchor(ledger_id)).encode(key))
                key.save(self.keys.ledger_key_path)
        with self._locked():
            pass  # leaves the note

    def start_anew(self) -> Path | None:
        """Set a ledger that cannot be used aside and begin an empty one, which says so in its first record.

        Keys of manifests and watermarks stay, so that files made before are still recognised.

        Returns:
            The folder that holds what was left, or None where nothing was there and an ordinary ledger was begun.

        Raises:
            ConsentError: the ledger is whole.
            TrustError: nothing can be moved or written.
        """
        with self._guard:
            try:
                with self.view():
                    whole = self._begun()
            except TrustError as error:
                reason = str(error)
            else:
                if whole:
                    raise ConsentError(f"The consent ledger {self.path} is whole; there is nothing to start anew.")
                self.begin()
                return None
            aside = set_aside(self.keys.directory, self.clock())
            self._state, self._checked = LedgerState(), False
            self._make()
            self.append("anew", lambda _: {"set_aside": aside.name, "reason": reason})
        return aside

    @contextlib.contextmanager
    def _locked(self) -> Iterator[tuple[sqlite3.Connection, SigningKey, Head]]:
        """Hold the write lock with the state verified and the head up to date; commits unless the block raises."""
        if not self._checked:
            make_private(self.keys.directory)
        key = self.keys.ledger_key()
        with opened(self.path, create=False) as connection:
            try:
                if not has_table(connection):
                    raise TrustError(f"The consent ledger {self.path} is empty; {ANEW}")
                head = self._catch_up(connection, key)
                if not self._checked:
                    check_note(self.keys.directory, head.ledger)
                    self._checked = True
            except TrustError:
                self._state = LedgerState()
                raise
            yield connection, key, head

    def _catch_up(self, connection: sqlite3.Connection, key: SigningKey) -> Head:
        """Replay what was added since the last look and check it against the head."""
        head = self._read_head(key.public)
        state = self._state
        known = len(state.hashes)
        added = rows(connection, max(known, 1))
        if known:
            if not added or Record.read(known, _previous(state, known, head), *added[0][1:]).hash != state.hashes[-1]:
                raise TrustError(_rolled_back(self.path))
            added = added[1:]
        for sequence, document, signature in added:
            record = Record.read(
                len(state.hashes) + 1, _previous(state, len(state.hashes) + 1, head), document, signature
            )
            if sequence != record.sequence or (sequence > head.count and not record.signed_by(key.public)):
                raise TrustError(
                    f"Ledger record {sequence} is not signed by ledger.key; restore the ledger from a backup."
                )
            state.apply(record)
        total = len(state.hashes)
        reached = state.hashes[head.count - 1] if 0 < head.count <= total else anchor(head.ledger)
        if head.count > total or head.count < total - 1:
            raise TrustError(_rolled_back(self.path))
        if reached != head.hash:
            raise TrustError(
                f"The consent ledger was changed at or before record {head.count}; restore it from a backup."
            )
        witnessed = self._witnessed(key.public, head)
        newest = Head(head.ledger, total, state.hashes[-1] if total else head.hash, witnessed=True)
        if witnessed != newest:
            if witnessed is not None:
                self._check_witness(witnessed, newest)
            self._write(self.witness_path, newest, key)
        if head != newest:
            self._write(self.head_path, newest, key)
        return newest

    def _witnessed(self, key: PublicKey, head: Head) -> Head | None:
        """Return what the witness says, or None where earlier versions kept none.

        Raises:
            TrustError: it is lost or cannot be read.
        """
        try:
            return Head.decode(self.witness_path.read_bytes(), key, self.witness_path.name)
        except FileNotFoundError:
            if head.witnessed:
                raise TrustError(f"The ledger's witness {self.witness_path} is missing; {ANEW}") from None
            return None
        except OSError as error:
            raise TrustError(f"The ledger's witness {self.witness_path} cannot be read: {error.strerror}.") from error

    def _check_witness(self, witnessed: Head, newest: Head) -> None:
        """Refuse a chain that does not lead through the record that the witness saw last."""
        if witnessed.ledger != newest.ledger:
            raise TrustError(f"The consent ledger {self.path} is not the one that {WITNESS} is of; {ANEW}")
        if witnessed.count > newest.count:
            raise TrustError(
                f"The consent ledger {self.path} was put back to an earlier state, with {newest.count} of its "
                f"{witnessed.count} records; {ANEW}"
            )
        count = witnessed.count
        if witnessed.hash != (self._state.hashes[count - 1] if count else anchor(newest.ledger)):
            raise TrustError(f"The consent ledger was changed at or before record {count}; {ANEW}")

    def _write(self, path: Path, head: Head, key: SigningKey) -> None:
        try:
            write_whole(path, head.encode(key))
        except OSError as error:
            raise TrustError(f"The ledger's file {path} cannot be written: {error.strerror}.") from error

    def _read_head(self, key: PublicKey) -> Head:
        try:
            return Head.decode(self.head_path.read_bytes(), key)
        except OSError as error:
            raise TrustError(f"The ledger's head file {self.head_path} cannot be read: {error.strerror}.") from error

    def _rows_from(self, sequence: int) -> list[tuple[int, str, str]]:
        """Return the stored rows, without taking the lock; none where there is no database yet."""
        if not os.path.exists(self.path):
            return []
        with opened(self.path, create=False, lock=False) as connection:
            return rows(connection, sequence) if has_table(connection) else []


def _previous(state: LedgerState, sequence: int, head: Head) -> str:
    return state.hashes[sequence - 2] if sequence > 1 else anchor(head.ledger)


def _rolled_back(path: Path) -> str:
    return f"The consent ledger {path} was put back to an earlier state; restore the newest copy of its folder."
