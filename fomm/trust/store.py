"""Where the ledger lies: an append-only SQLite table of signed, chained records, with a signed head file beside it.

Every look at the ledger takes SQLite's write lock (`BEGIN IMMEDIATE`), reads what other processes added, and checks the
chain against the head, so readers and writers in any number of processes see one order of events.

Crashes. An append commits the record first and rewrites the head second, under the lock again. A crash in between
leaves the head one record behind. It can never be more: whoever takes the lock next verifies that record's signature
and brings the head up to date before doing anything else. So a head ahead of the records means records were removed, a
head more than one behind means it was put back, and both are refused. What this cannot see is the whole folder put
back to an older copy by its own user; keep an `export` elsewhere where that matters.

Start. Tables are made first, then a head with count 0, then the key: a missing piece while the key exists is damage,
and nothing is trusted until it is restored.
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

from fomm.arguments import given_function
from fomm.errors import ConsentError, TrustError
from fomm.trust.canonical import Clock, utc_now
from fomm.trust.chain import SCHEMA, Head, Record, anchor
from fomm.trust.files import write_whole
from fomm.trust.keys import KeyStore, PublicKey, SigningKey, data_directory
from fomm.trust.state import LedgerState

BUSY_SECONDS = 30.0
_TABLES = """
CREATE TABLE records (sequence INTEGER PRIMARY KEY, document TEXT NOT NULL, signature TEXT NOT NULL);
CREATE TRIGGER records_never_change BEFORE UPDATE ON records BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;
CREATE TRIGGER records_never_vanish BEFORE DELETE ON records BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;
"""


class ChainStore:
    """The stored chain and what it adds up to.

    Args:
        directory: its folder; by default `$FOMM_HOME` or the user's data folder.
        clock: gives the present instant; tests set it.
    """

    def __init__(self, directory: str | Path | None = None, clock: Clock = utc_now) -> None:
        given_function(clock, "clock")
        self.keys = KeyStore(data_directory(directory))
        self.clock = clock
        self._state = LedgerState()
        self._guard = threading.RLock()

    @property
    def path(self) -> Path:
        """The database file."""
        return self.keys.directory / "ledger.db"

    @property
    def head_path(self) -> Path:
        """The signed head file."""
        return self.keys.directory / "ledger.head"

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
            raise TrustError(f"The consent ledger {self.path} is missing; restore it from a backup.")
        if has_key and not os.path.exists(self.head_path):
            raise TrustError(f"The ledger's head file {self.head_path} is missing; restore it from a backup.")
        if not has_key and (self._rows_from(1) or self._head_count() > 0):
            has_key = os.path.lexists(self.keys.ledger_key_path)  # another process may have just made it
            if not has_key:
                raise TrustError(f"The key {self.keys.ledger_key_path} is missing; restore it from a backup.")
        return has_key

    def _head_count(self) -> int:
        """Return the record count an unverified head file claims; a damaged one counts as holding records."""
        try:
            return int(json.loads(self.head_path.read_bytes())["count"])
        except FileNotFoundError:
            return 0
        except (OSError, ValueError, KeyError, TypeError):
            return 1

    def _create(self) -> None:
        """Make tables, head and key, in this order, unless they exist."""
        with self._guard:
            if self._begun():
                return
            self.keys.prepare()
            with _opened(self.path, create=True) as connection:
                if not _has_table(connection):
                    for statement in _TABLES.strip().splitlines():
                        connection.execute(statement)
                    connection.execute(f"PRAGMA user_version = {SCHEMA}")
            with _opened(self.path, create=False):
                if self._begun():  # another process was faster
                    return
                key, ledger_id = SigningKey.generate(), secrets.token_hex(16)
                write_whole(self.head_path, Head(ledger_id, 0, anchor(ledger_id)).encode(key))
                key.save(self.keys.ledger_key_path)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[tuple[sqlite3.Connection, SigningKey, Head]]:
        """Hold the write lock with the state verified and the head up to date; commits unless the block raises."""
        key = self.keys.ledger_key()
        with _opened(self.path, create=False) as connection:
            try:
                head = self._catch_up(connection, key)
            except TrustError:
                self._state = LedgerState()
                raise
            yield connection, key, head

    def _catch_up(self, connection: sqlite3.Connection, key: SigningKey) -> Head:
        """Replay what was added since the last look and check it against the head."""
        head = self._read_head(key.public)
        state = self._state
        known = len(state.hashes)
        rows = _rows(connection, max(known, 1))
        if known:
            if not rows or Record.read(known, _previous(state, known, head), *rows[0][1:]).hash != state.hashes[-1]:
                raise TrustError(_rolled_back(self.path))
            rows = rows[1:]
        for sequence, document, signature in rows:
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
        if head.count == total:
            return head
        return self._write_head(Head(head.ledger, total, state.hashes[-1]), key)

    def _write_head(self, head: Head, key: SigningKey) -> Head:
        try:
            write_whole(self.head_path, head.encode(key))
        except OSError as error:
            raise TrustError(f"The ledger's head file {self.head_path} cannot be written: {error.strerror}.") from error
        return head

    def _read_head(self, key: PublicKey) -> Head:
        try:
            return Head.decode(self.head_path.read_bytes(), key)
        except OSError as error:
            raise TrustError(f"The ledger's head file {self.head_path} cannot be read: {error.strerror}.") from error

    def _rows_from(self, sequence: int) -> list[tuple[int, str, str]]:
        """Return the stored rows, without taking the lock; none where there is no database yet."""
        if not os.path.exists(self.path):
            return []
        with _opened(self.path, create=False, lock=False) as connection:
            return _rows(connection, sequence) if _has_table(connection) else []


@contextlib.contextmanager
def _opened(path: Path, *, create: bool, lock: bool = True) -> Iterator[sqlite3.Connection]:
    """Open the database, take the write lock, commit at the end or roll back on an exception."""
    uri = f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
    try:
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
        with contextlib.closing(connection):
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > SCHEMA:
                raise TrustError(
                    f"The consent ledger {path} was written by a newer fomm (schema {version}, this one reads up to "
                    f"{SCHEMA}); upgrade fomm."
                )
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE" if lock else "BEGIN")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()
    except sqlite3.OperationalError as error:
        raise TrustError(
            f"The consent ledger {path} cannot be used ({error}); check its permissions and disk."
        ) from error
    except sqlite3.DatabaseError as error:
        raise TrustError(f"The consent ledger {path} is damaged ({error}); restore it from a backup.") from error


def _has_table(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'records'").fetchone() is not None


def _rows(connection: sqlite3.Connection, first: int) -> list[tuple[int, str, str]]:
    query = "SELECT sequence, document, signature FROM records WHERE sequence >= ? ORDER BY sequence"
    return connection.execute(query, (first,)).fetchall()


def _previous(state: LedgerState, sequence: int, head: Head) -> str:
    return state.hashes[sequence - 2] if sequence > 1 else anchor(head.ledger)


def _rolled_back(path: Path) -> str:
    return f"The consent ledger {path} was put back to an earlier state; restore the newest copy of its folder."
