from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from trust_samples import Clock

from fomm.errors import ConsentError, TrustError
from fomm.trust.consent.authorise import Authorisation, authorise
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import ConsentTerms
from fomm.trust.release.registry import Registry

MADE_OF = {"driving": "d" * 64, "model": "m", "settings": "s"}


@pytest.fixture
def leave(ledger: Ledger, photo: bytes, terms: ConsentTerms) -> Authorisation:
    ledger.grant(photo, replace(terms, outputs=2))
    return authorise(photo, ledger=ledger)


def test_an_output_is_reserved_then_released(ledger: Ledger, leave: Authorisation) -> None:
    registry = Registry(ledger)
    output = registry.reserve(leave, **MADE_OF)
    assert len(bytes.fromhex(output.id)) == 8
    assert output.state == "reserved"
    registry.release(output.id, leave, "f" * 64)
    shown = registry.show(output.id)
    assert (shown.state, shown.sha256, shown.consent) == ("released", "f" * 64, leave.consent.id)
    assert shown.photo == leave.photo.bytes_sha256
    assert [json.loads(line)["id"] for line in registry.export()] == [output.id]
    with pytest.raises(TrustError, match="released already"):
        registry.release(output.id, leave, "f" * 64)
    with pytest.raises(TrustError, match="no output 'beef'"):
        registry.show("beef")


def test_the_cap_counts_reservations_and_frees_failures(ledger: Ledger, leave: Authorisation, photo: bytes) -> None:
    registry = Registry(ledger)
    first = registry.reserve(leave, **MADE_OF)
    registry.reserve(leave, **MADE_OF)
    with pytest.raises(ConsentError, match="allows 2 outputs"):
        registry.reserve(leave, **MADE_OF)
    with pytest.raises(ConsentError, match="allows 2 outputs"):
        authorise(photo, ledger=ledger)
    registry.fail(first.id, "disk full")
    registry.fail(first.id, "again")
    assert registry.show(first.id).reason == "disk full"
    assert registry.reserve(leave, **MADE_OF).state == "reserved"


def test_parallel_jobs_cannot_exceed_the_cap(ledger: Ledger, home: Path, clock: Clock, leave: Authorisation) -> None:
    def attempt(_: int) -> bool:
        try:
            Registry(Ledger(home, clock)).reserve(leave, **MADE_OF)
        except ConsentError:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(attempt, range(12))) == 2
    assert ledger.verify() == 3


RESERVE_AND_DIE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from fomm.trust.consent.authorise import authorise
from fomm.trust.consent.ledger import Ledger
from fomm.trust.release.registry import Registry
ledger = Ledger(Path(sys.argv[1]), lambda: datetime(2026, 3, 1, 12, tzinfo=UTC))
leave = authorise(Path(sys.argv[2]).read_bytes(), ledger=ledger)
for _ in range(2):
    print(Registry(ledger).reserve(leave, driving="", model="", settings="").id)
"""


def test_a_dead_process_does_not_hold_its_place(
    home: Path, ledger: Ledger, leave: Authorisation, photo: bytes, tmp_path: Path
) -> None:
    (tmp_path / "photo.png").write_bytes(photo)
    command = [sys.executable, "-c", RESERVE_AND_DIE, str(home), str(tmp_path / "photo.png")]
    lost = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert len(lost) == 2
    registry = Registry(ledger)
    assert registry.reserve(leave, **MADE_OF).state == "reserved"
    assert {registry.show(name).state for name in lost} == {"failed"}


def test_release_after_revocation_is_refused(ledger: Ledger, leave: Authorisation) -> None:
    registry = Registry(ledger)
    output = registry.reserve(leave, **MADE_OF)
    ledger.revoke(leave.consent.id)
    with pytest.raises(ConsentError, match="revoked"):
        registry.release(output.id, leave, "f" * 64)
    with pytest.raises(ConsentError, match="revoked"):
        registry.reserve(leave, **MADE_OF)
