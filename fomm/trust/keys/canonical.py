"""Canonical JSON, digests and UTC instants: the few forms that everything signed in `fomm.trust` is made of.

Canonical JSON here is ASCII, keys sorted, no spaces and no NaN, so equal values give equal bytes on every machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from fomm.errors import SettingsError

Clock = Callable[[], datetime]


def canonical_json(value: Any) -> bytes:
    """Return the one byte string that stands for a JSON value in hashes and signatures."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of `data` as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def utc_now() -> datetime:
    """Return the present instant, timezone-aware, in UTC."""
    return datetime.now(UTC)


def format_time(moment: datetime) -> str:
    """Return an aware instant as `2026-01-31T12:00:00Z` (whole seconds)."""
    return moment.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """Return the aware UTC instant written by `format_time`."""
    return datetime.fromisoformat(text).astimezone(UTC)


def parse_day(text: str, name: str, *, end: bool) -> datetime:
    """Return the instant a user means by a date or a date-time.

    A plain date counts whole: as a start it means its first instant in UTC, as an end the first instant of the day
    after, so "until 2027-01-01" includes that day. A time without a zone is read as UTC.

    Raises:
        SettingsError: not an ISO date or date-time; `name` says which key.
    """
    try:
        if len(text) == len("2027-01-01"):
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1 if end else 0)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise SettingsError(f"{name} must be a date such as 2027-01-31, not {text!r}.") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
