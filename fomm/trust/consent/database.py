"""The ledger's SQLite file: one table that only grows, opened under its write lock."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from fomm.errors import TrustError
from fomm.trust.consent.chain import SCHEMA

BUSY_SECONDS = 30.0
_TABLES = """
CREATE TABLE records (sequence INTEGER PRIMARY KEY, document TEXT NOT NULL, signature TEXT NOT NULL);
CREATE TRIGGER records_never_change BEFORE UPDATE ON records BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;
CREATE TRIGGER records_never_vanish BEFORE DELETE ON records BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;
"""


@contextlib.contextmanager
def opened(path: Path, *, create: bool, lock: bool = True) -> Iterator[sqlite3.Connection]:
    """Open the database, take the write lock, commit at the end or roll back on an exception.

    Raises:
        TrustError: it is from a newer fomm, damaged, or cannot be used.
    """
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


def has_table(connection: sqlite3.Connection) -> bool:
    """Say whether the table of records was ever made."""
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'records'").fetchone() is not None


def make_table(connection: sqlite3.Connection) -> None:
    """Make the table of records unless it is there."""
    if not has_table(connection):
        for statement in _TABLES.strip().splitlines():
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA}")


def rows(connection: sqlite3.Connection, first: int) -> list[tuple[int, str, str]]:
    """Return the stored records from number `first` on: sequence, document, signature."""
    query = "SELECT sequence, document, signature FROM records WHERE sequence >= ? ORDER BY sequence"
    return connection.execute(query, (first,)).fetchall()
