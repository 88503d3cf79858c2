"""Reading C2PA manifests: is there one, is it whole, and is it by somebody we know?

The C2PA library calls a manifest Trusted when every hash and the signature hold and the certificate leads to a pinned
root. Only that counts here, and for our own certificates the leaf must be ours as well: under a public certificate
authority many strangers share a root. A stranger who signs a file anew gets a whole but untrusted manifest.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import c2pa

from fomm.errors import MediaError
from fomm.trust.keys.signer import Signer

TRUSTED, UNTRUSTED, TAMPERED, ABSENT = "trusted", "untrusted", "tampered", "absent"
STATEMENT = "fomm.output"  # label of our own assertion
MARK_READ = "read back"  # what it says of a watermark that surely reads

SETTINGS: dict[str, Any] = {
    "version": 1,
    "verify": {"verify_trust": True, "remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": False},
    "builder": {"thumbnail": {"enabled": False}},
    "core": {"allowed_network_hosts": []},
}
"""Settings of the C2PA library for reading and signing: no network, no thumbnails of people in manifests."""

_CREDENTIAL = "signingCredential."
_STORE = b"jumdc2pa"  # a JUMBF description box (ISO 19566-5) whose type is C2PA's
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class Pins:
    """Whose signatures count.

    Attributes:
        roots: PEM of the root certificates.
        serials: leaf certificates that count under them; empty: all.
    """

    roots: str
    serials: frozenset[int] = field(default_factory=frozenset)

    @classmethod
    def of(cls, signer: Signer) -> Pins:
        """Return the pins that accept one signer's leaf and no other."""
        return cls(signer.root_pem, frozenset({signer.serial}))


@dataclass(frozen=True)
class ManifestReading:
    """What a file's manifest says.

    Attributes:
        state: trusted, untrusted (whole, by a stranger), tampered (does not fit the file, or is damaged) or absent.
        detail: one clause for people.
        known_signer: whether a pinned signer made it, even where the file was changed since.
        signer: organisation in the certificate, empty when unknown; only as good as `known_signer`.
        statement: our own assertion, empty when there is none; believe it only when trusted.
        codes: C2PA's failure codes.
    """

    state: str
    detail: str
    known_signer: bool = False
    signer: str = ""
    statement: dict[str, Any] = field(default_factory=dict)
    codes: tuple[str, ...] = ()

    @property
    def output_id(self) -> str:
        """The output id in our own assertion, empty when there is none."""
        return str(self.statement.get("output", ""))

    @property
    def names_mark(self) -> bool:
        """Whether it says that the watermark was read back from these pictures; not of training clips, by design."""
        return self.statement.get("watermark") == MARK_READ


def read_manifest(source: Path | BinaryIO, *pins: Pins) -> ManifestReading:
    """Read and validate the manifest inside a file, without the network.

    Args:
        source: any file, or a stream of one.
        pins: whose signatures count; those that accept the manifest win.

    Raises:
        MediaError: the file cannot be read.
    """
    if isinstance(source, Path):
        try:
            with source.open("rb") as stream:
                return read_manifest(stream, *pins)
        except OSError as error:
            raise MediaError(f"{source} cannot be read ({error.strerror}); check its permissions.") from error
    readings = [_read(source, pin) for pin in pins or (Pins(""),)]
    return next((reading for reading in readings if reading.known_signer), readings[0])


def _read(stream: BinaryIO, pins: Pins) -> ManifestReading:
    stream.seek(0)
    settings = {**SETTINGS, "trust": {"trust_anchors": pins.roots}} if pins.roots else SETTINGS
    try:
        with c2pa.Context.from_dict(settings) as context, c2pa.Reader(None, stream, context=context) as reader:
            content = json.loads(reader.json())
    except (c2pa.C2paError.ManifestNotFound, c2pa.C2paError.NotSupported):
        return ManifestReading(ABSENT, "the file holds no manifest")
    except c2pa.C2paError as error:
        if not _has_store(stream):
            return ManifestReading(ABSENT, "no manifest can be found in the damaged file")
        return ManifestReading(TAMPERED, f"damaged, it cannot be parsed: {' '.join(str(error).split())[:120]}")
    return _judge(content, pins)


def _has_store(stream: BinaryIO) -> bool:
    """Say whether a file that cannot be parsed holds the beginning of a manifest store anywhere."""
    stream.seek(0)
    tail = b""
    while piece := stream.read(_PIECE_BYTES):
        if _STORE in tail + piece:
            return True
        tail = piece[-len(_STORE) :]
    return False


def _judge(content: dict[str, Any], pins: Pins) -> ManifestReading:
    manifest = content.get("manifests", {}).get(content.get("active_manifest"), {})
    results = content.get("validation_results", {}).get("activeManifest", {})
    signature = manifest.get("signature_info", {})
    failed = tuple(str(item["code"]) for item in results.get("failure", ()))
    passed = {str(item["code"]) for item in results.get("success", ())}
    serial = str(signature.get("cert_serial_number", ""))
    known = bool(pins.roots) and f"{_CREDENTIAL}trusted" in passed and _accepted(serial, pins.serials)
    signer = str(signature.get("issuer") or signature.get("common_name") or "")
    broken = [code for code in failed if not code.startswith(_CREDENTIAL)]
    if broken:
        state, detail = TAMPERED, f"the file was changed after it was signed ({broken[0]})"
    elif known and content.get("validation_state") == "Trusted":
        state, detail = TRUSTED, f"signed by {signer}; what it covers, picture and sound, is unchanged since"
    elif f"{_CREDENTIAL}expired" in failed:
        state, detail = UNTRUSTED, f"the certificate of {signer or 'its signer'} has expired"
    else:
        state, detail = UNTRUSTED, f"signed by {signer or 'somebody'}, whom nobody here pinned"
    return ManifestReading(state, detail, known, signer, _statement(manifest), failed)


def _accepted(serial: str, serials: frozenset[int]) -> bool:
    return not serials or (serial.isdecimal() and int(serial) in serials)


def _statement(manifest: dict[str, Any]) -> dict[str, Any]:
    found: Sequence[Any] = [a.get("data") for a in manifest.get("assertions", ()) if a.get("label") == STATEMENT]
    return dict(found[0]) if found and isinstance(found[0], dict) else {}
