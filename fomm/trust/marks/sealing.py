"""Signing a finished file in place with a C2PA manifest and reading it back, whatever the manifest states."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, BinaryIO

import c2pa

from fomm.errors import OutputError, TrustError
from fomm.trust.keys.signer import Signer
from fomm.trust.marks.formats import sealed_as
from fomm.trust.marks.manifest_reader import SETTINGS, TRUSTED, Pins, read_manifest
from fomm.trust.release.held import HeldFile

STATEMENT_VERSION = 1
WATERMARK_ALGORITHM = "fomm.spread-spectrum.1"
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_SEALED = ".sealed"
_ALGORITHMS = {
    "es256": c2pa.C2paSigningAlg.ES256,
    "es384": c2pa.C2paSigningAlg.ES384,
    "es512": c2pa.C2paSigningAlg.ES512,
    "ed25519": c2pa.C2paSigningAlg.ED25519,
    "ps256": c2pa.C2paSigningAlg.PS256,
}

Fill = Callable[[c2pa.Builder], None]


def sign_in_place(held: HeldFile, definition: dict[str, Any], fill: Fill, output_id: str, signer: Signer) -> str:
    """Sign a finished file, read the signature back, and return what a receipt says about it.

    Args:
        held: the finished file, as it was last looked at; its suffix tells the format. It becomes the signed one.
        definition: the manifest's title and assertions.
        fill: adds ingredients and actions.
        output_id: the id in our own assertion, which has to read back.
        signer: whose certificate it carries.

    Raises:
        OutputError: the format holds no manifest, another file took this one's place, or it cannot be written.
        TrustError: the signer fails, or what it signed does not read back as trusted.
    """
    mime = sealed_as(held.path)
    try:
        with HeldFile(held.path.with_name(held.path.name + _SEALED), held.shown) as sealed:
            with held.open() as source, sealed.open() as target:
                _sign(definition, fill, signer, mime, source, target)
            held.check()  # what was signed is what was looked at
            sealed.look()
            with sealed.open() as signed:
                reading = read_manifest(signed, Pins.of(signer))
            if reading.state != TRUSTED or reading.output_id != output_id:
                raise TrustError(
                    f"The signed manifest does not read back as trusted ({reading.detail}); check the signer."
                )
            held.give_way(sealed)
    except OSError as error:
        raise OutputError(f"{held.shown} cannot be written: {error.strerror}.") from error
    return f"C2PA, signed by {signer.provider}"


def _sign(
    definition: dict[str, Any], fill: Fill, signer: Signer, mime: str, source: BinaryIO, target: BinaryIO
) -> None:
    failure: list[Exception] = []

    def sign(message: bytes) -> bytes:
        """Keep what went wrong: the C2PA library only reports that something did."""
        try:
            return signer.sign(message)
        except Exception as error:
            failure.append(error)
            raise

    try:
        with c2pa.Context.from_dict(SETTINGS) as context:
            native = c2pa.Signer.from_callback(sign, _ALGORITHMS[signer.algorithm], signer.chain_pem)
            with native, c2pa.Builder(json.dumps(definition), context) as builder:
                fill(builder)
                builder.sign(native, mime, source, target)
    except c2pa.C2paError as error:
        if failure:
            raise TrustError(f"The signer could not sign the manifest: {failure[0]}.") from failure[0]
        raise TrustError(f"The manifest cannot be made ({_plain(error)}); check certificate, key and disk.") from error


def _plain(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")[:160]
