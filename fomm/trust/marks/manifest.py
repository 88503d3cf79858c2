"""The third mark: a signed C2PA manifest inside the file, written last, over the finished bytes.

It says in public, machine-readable form that the picture is generated, by what, when, and under which output id; which
watermark carries the same id (a soft binding, so that a file that lost its manifest can be tied to it again); and
which inputs with manifests of their own went in. It holds no name: consent, photo and driving clip appear as keyed
references. Nothing here uses the network.

Specification: C2PA 2.x, "Actions", "Soft binding", "Ingredient"; digital source types: IPTC NewsCodes.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

import c2pa

from fomm import __version__
from fomm.media.whole_files import hash_file
from fomm.trust.keys.canonical import format_time
from fomm.trust.keys.references import reference
from fomm.trust.keys.signer import Signer
from fomm.trust.marks.formats import mime_of
from fomm.trust.marks.manifest_reader import STATEMENT
from fomm.trust.marks.provenance import SealRequest
from fomm.trust.marks.sealing import SOURCE_TYPE, STATEMENT_VERSION, WATERMARK_ALGORITHM, sign_in_place
from fomm.trust.release.held import HeldFile

_GENERATED, _COMPOSITE = "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"


def seal(held: HeldFile, request: SealRequest, signer: Signer) -> str:
    """Sign a finished file in place, read the signature back, and return what the receipt says about it.

    Args:
        held: the finished file, as it was last looked at; it becomes the signed one.
        request: what the manifest states.
        signer: whose certificate it carries.

    Raises:
        OutputError: the format holds no manifest, another file took this one's place, or it cannot be written.
        TrustError: the signer fails, or what it signed does not read back as trusted.
    """

    def fill(builder: c2pa.Builder) -> None:
        for action in _actions(request, _add_inputs(builder, request)):
            builder.add_action(json.dumps(action))

    return sign_in_place(held, _definition(request), fill, request.output_id, signer)


def _add_inputs(builder: c2pa.Builder, request: SealRequest) -> list[str]:
    """Add the inputs, with the manifests they carry, as ingredients and return the labels of those added.

    Left out are formats that cannot hold a manifest, a photo that was exchanged since it was authorised, and a file
    whose manifest is too damaged to be parsed: a whole render is not lost over somebody else's broken file.
    """
    made_of, added = request.provenance, []
    relation = "componentOf" if made_of.composite else "inputTo"
    for label, related, path in (("photo", relation, made_of.photo), ("driving", "inputTo", made_of.driving)):
        with contextlib.suppress(OSError, c2pa.C2paError):
            if path is None or (label == "photo" and hash_file(path) != request.authorisation.photo.bytes_sha256):
                continue
            mime = mime_of(path)
            if mime:
                described = {"title": label, "relationship": related, "label": label}
                with path.open("rb") as stream:
                    builder.add_ingredient(json.dumps(described), mime, stream)
                added.append(label)
    return added


def _definition(request: SealRequest) -> dict[str, Any]:
    return {
        "claim_generator_info": [{"name": "fomm", "version": __version__}],
        "title": f"output {request.output_id}",
        "assertions": [
            {
                "label": "c2pa.soft-binding",
                "data": {"alg": WATERMARK_ALGORITHM, "blocks": [{"scope": {}, "value": request.output_id}]},
            },
            {"label": STATEMENT, "data": _statement(request)},
        ],
    }


def _actions(request: SealRequest, kept: list[str]) -> list[dict[str, Any]]:
    composite = request.provenance.composite
    when = format_time(request.authorisation.ledger.clock())
    agent = {"name": "fomm", "version": __version__}
    source_type = SOURCE_TYPE + (_COMPOSITE if composite else _GENERATED)
    created = {"action": "c2pa.created", "digitalSourceType": source_type, "when": when, "softwareAgent": agent}
    placed = {"action": "c2pa.placed", "parameters": {"ingredientIds": ["photo"]}}
    bound = {"action": "c2pa.watermarked.bound", "when": when, "softwareAgent": agent}
    return [created, placed, bound] if composite and "photo" in kept else [created, bound]


def _statement(request: SealRequest) -> dict[str, Any]:
    """Return our own assertion; references instead of names, hashes and ids of people or their pictures."""
    leave, made_of = request.authorisation, request.provenance
    keys = leave.ledger.keys
    return {
        "version": STATEMENT_VERSION,
        "output": request.output_id,
        "created": format_time(leave.ledger.clock()),
        "fomm": __version__,
        "model": made_of.model,
        "settings": made_of.settings,
        "consent": reference(keys, request.output_id, "consent", leave.consent.id),
        "photo": reference(keys, request.output_id, "photo", leave.photo.bytes_sha256),
        "driving": reference(keys, request.output_id, "driving", request.driving_sha256),
        "driving_mark": request.driving_mark,
        "label": request.label,
        "watermark": request.watermark,
    }
