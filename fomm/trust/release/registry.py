"""The output registry: every generated file's random 64-bit id, and what it was made of.

Outputs are records in the consent ledger's own chain, so they cannot be removed or changed unnoticed, and one lock
decides between a release, a revocation and the last free place under an output cap. The states: an id is *reserved*
before the first frame, then *released* or *failed*; *released* turns to *failed* only when the finished file could not
be put in its place. Reservations count towards the cap; those of processes that died are freed at the next one.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from fomm.errors import FommError, TrustError
from fomm.trust.consent.authorise import Authorisation
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.state import LedgerState, Output
from fomm.trust.keys.process import ProcessMark
from fomm.trust.marks.kinds import new_output_id


class Registry:
    """The outputs of one ledger.

    Args:
        ledger: the ledger that holds them.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def reserve(
        self, authorisation: Authorisation, *, driving: str, model: str, settings: str, precision: str = ""
    ) -> Output:
        """Take a fresh output id under a consent, if its cap has a free place.

        Args:
            authorisation: the leave it is made under.
            driving: SHA-256 of the driving file, empty when there is none.
            model: fingerprint of the model.
            settings: digest of the render settings.
            precision: number type that the networks compute in, empty when none do.

        Raises:
            ConsentError: the consent was revoked or has ended, or its output cap is reached.
            TrustError: the ledger cannot be trusted.
        """
        output_id = new_output_id()
        with self.ledger.view() as state:
            abandoned = state.abandoned(self.ledger.clock())
        for output in abandoned:
            self.fail(output.id, "its process ended")

        def body(state: LedgerState) -> dict[str, Any]:
            authorisation.check(state)
            state.check_cap(authorisation.consent, make=authorisation.make, use=authorisation.use)
            return {
                "id": output_id,
                "consent": authorisation.consent.id,
                "photo": authorisation.photo.bytes_sha256,
                "driving": driving,
                "model": model,
                "settings": settings,
                "owner": str(ProcessMark.current()),
                "precision": precision,
            }

        authorisation.record_end()
        self.ledger.append("reserve", body)
        return self.show(output_id)

    def release(self, output_id: str, authorisation: Authorisation, sha256: str) -> Output:
        """Record a finished file; the consent is judged a last time in the same step.

        Args:
            output_id: the reserved id.
            authorisation: the leave it was made under.
            sha256: of the finished file.

        Raises:
            ConsentError: the consent was revoked or has ended.
            TrustError: the photo is an output of fomm itself, the id is not reserved, or the ledger cannot be trusted.
        """
        authorisation.settle()  # before the ledger is locked: the photo's search may take seconds

        def body(state: LedgerState) -> dict[str, Any]:
            authorisation.check(state)
            _expect(state, output_id, ("reserved",))
            return {"id": output_id, "sha256": sha256}

        authorisation.record_end()
        self.ledger.append("release", body)
        return self.show(output_id)

    def fail(self, output_id: str, reason: str) -> None:
        """Free an id whose file was not delivered; one that failed already stays as it is.

        Raises:
            TrustError: no such id, or the ledger cannot be trusted.
        """

        def body(state: LedgerState) -> dict[str, Any] | None:
            output = _expect(state, output_id, ("reserved", "released", "failed"))
            return None if output.state == "failed" else {"id": output_id, "reason": reason}

        self.ledger.append("fail", body)

    def abandon(self, output_id: str, error: BaseException) -> None:
        """Free the id of an unfinished file, quietly: `error`, which ended it, is the one to report."""
        with contextlib.suppress(FommError):
            self.fail(output_id, type(error).__name__)

    def show(self, output_id: str) -> Output:
        """Return what is known of an output id.

        Raises:
            TrustError: no such id.
        """
        with self.ledger.view() as state:
            return _expect(state, output_id, ("reserved", "released", "failed"))

    def outputs(self) -> list[Output]:
        """Return all outputs, oldest first."""
        with self.ledger.view() as state:
            return list(state.outputs.values())

    def export(self) -> Iterator[str]:
        """Yield every output as one JSON line."""
        for output in self.outputs():
            yield json.dumps(output.to_mapping(), sort_keys=True)


def _expect(state: LedgerState, output_id: str, states: tuple[str, ...]) -> Output:
    output = state.outputs.get(output_id)
    if output is None:
        raise TrustError(f"There is no output '{output_id}' in the registry; see: fomm registry export")
    if output.state not in states:
        raise TrustError(f"Output {output_id} is {output.state} already; start a new release.")
    return output
