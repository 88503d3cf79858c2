"""The ledger's records and its head: a signed hash chain.

Record n is canonical JSON that names the hash of record n - 1 and is signed with the ledger key. The first one names
the hash of the ledger's random id, so records of one ledger never fit another. The head is a small signed statement,
kept in a file beside the database, that says how many records there are and what the last hash is: a ledger that was
cut short or put back to an earlier copy no longer reaches its head.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fomm.errors import TrustError
from fomm.trust.keys.canonical import canonical_json, format_time, parse_time, sha256_hex
from fomm.trust.keys.signing_key import PublicKey, SigningKey

SCHEMA = 1
_RECORD_DOMAIN = b"fomm ledger record\n"
_HEAD_DOMAIN = b"fomm ledger head\n"


def anchor(ledger_id: str) -> str:
    """Return the hash that the first record of a ledger names as its predecessor."""
    return sha256_hex(b"fomm ledger\n" + ledger_id.encode())


@dataclass(frozen=True)
class Record:
    """One entry of the ledger.

    Attributes:
        sequence: 1, 2, 3, ...
        kind: grant, revoke, end, anew, reserve, release or fail.
        created: UTC instant, never earlier than the previous record's.
        body: the content, plain JSON values.
        document: the exact canonical JSON that was hashed and signed.
        signature: base64 Ed25519 signature of the document.
    """

    sequence: int
    kind: str
    created: datetime
    body: dict[str, Any]
    document: str
    signature: str

    @classmethod
    def make(
        cls, key: SigningKey, previous: str, sequence: int, kind: str, created: datetime, body: dict[str, Any]
    ) -> Record:
        """Build and sign a record that follows the one whose hash is `previous`."""
        document = canonical_json(
            {
                "schema": SCHEMA,
                "sequence": sequence,
                "previous": previous,
                "kind": kind,
                "created": format_time(created),
                "body": body,
                "signer": key.public.fingerprint,
            }
        )
        stored = json.loads(document)
        signature = key.sign(_RECORD_DOMAIN + document)
        return cls(sequence, kind, parse_time(stored["created"]), stored["body"], document.decode(), signature)

    @classmethod
    def read(cls, sequence: int, previous: str, document: str, signature: str) -> Record:
        """Read a stored record and check that it continues the chain.

        Raises:
            TrustError: damaged, out of order, from a newer fomm, or not following `previous`.
        """
        try:
            fields = json.loads(document)
            if fields["schema"] > SCHEMA:
                raise TrustError(_newer(f"Record {sequence} of the consent ledger", fields["schema"]))
            record = cls(
                fields["sequence"], fields["kind"], parse_time(fields["created"]), fields["body"], document, signature
            )
            intact = fields["previous"] == previous and record.sequence == sequence and isinstance(record.body, dict)
        except (ValueError, KeyError, TypeError):
            intact = False
        if not intact:
            raise TrustError(f"The consent ledger was changed at or before record {sequence}; restore a backup.")
        return record

    @property
    def hash(self) -> str:
        """SHA-256 of the document, 64 hex digits."""
        return sha256_hex(self.document.encode())

    def signed_by(self, key: PublicKey) -> bool:
        """Say whether the signature is that key's."""
        return key.verifies(self.signature, _RECORD_DOMAIN + self.document.encode())


@dataclass(frozen=True)
class Head:
    """The signed statement of how far the ledger reaches.

    Attributes:
        ledger: random id of the ledger.
        count: number of records; it only ever grows.
        hash: hash of record `count`, or the anchor when there is none.
        witnessed: whether a copy of it is kept in a second file; heads of earlier versions have none.
    """

    ledger: str
    count: int
    hash: str
    witnessed: bool = False

    def encode(self, key: SigningKey) -> bytes:
        """Return the signed file content."""
        fields: dict[str, Any] = {"schema": SCHEMA, "ledger": self.ledger, "count": self.count, "hash": self.hash}
        fields |= {"witnessed": True} if self.witnessed else {}
        fields["signer"] = key.public.fingerprint
        signature = key.sign(_HEAD_DOMAIN + canonical_json(fields))
        return canonical_json({**fields, "signature": signature}) + b"\n"

    @classmethod
    def decode(cls, data: bytes, key: PublicKey, name: str = "head file") -> Head:
        """Read the content of a file that messages call `name`, and check its signature.

        Raises:
            TrustError: damaged, changed, signed by another key, or from a newer fomm.
        """
        try:
            fields = json.loads(data)
            signature = fields.pop("signature")
            schema, signer = fields["schema"], fields["signer"]
            head = cls(fields["ledger"], fields["count"], fields["hash"], fields.get("witnessed") is True)
            newer = schema > SCHEMA
        except (ValueError, KeyError, TypeError, AttributeError):
            raise TrustError(f"The ledger's {name} is damaged; restore the ledger folder from a backup.") from None
        if newer:
            raise TrustError(_newer("The consent ledger's head", schema))
        if signer != key.fingerprint:
            raise TrustError(
                f"ledger.key ({key.fingerprint}) is not the key that signed this ledger ({signer}); put that one back."
            )
        if not key.verifies(signature, _HEAD_DOMAIN + canonical_json(fields)):
            raise TrustError(f"The ledger's {name} was changed; restore the ledger folder from a backup.")
        return head


def _newer(what: str, schema: object) -> str:
    return f"{what} was written by a newer fomm (schema {schema}, this one reads up to {SCHEMA}); upgrade fomm."
