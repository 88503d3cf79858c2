"""The manifest of what is no output of one consent (see `kinds`): what it is, when and by what it was made."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import c2pa

from fomm import __version__
from fomm.trust.keys.canonical import format_time, utc_now
from fomm.trust.keys.signer import Signer
from fomm.trust.marks.kinds import Kind
from fomm.trust.marks.manifest_reader import STATEMENT
from fomm.trust.marks.sealing import SOURCE_TYPE, STATEMENT_VERSION, WATERMARK_ALGORITHM, sign_in_place
from fomm.trust.release.held import HeldFile

GENERATED, COMPOSITE = "trainedAlgorithmicMedia", "compositeSynthetic"
NO_WATERMARK = "none"


@dataclass(frozen=True)
class Material:
    """What a manifest says of a sheet or a training clip.

    Attributes:
        kind: what it is.
        id: of `kind`.
        source_type: IPTC digital source type.
        watermark: what reading the watermark back gave; "none" where there is none on purpose.
        facts: more that it states, plain values without names of people or files.
    """

    kind: Kind
    id: str
    source_type: str = GENERATED
    watermark: str = NO_WATERMARK
    facts: dict[str, Any] = field(default_factory=dict)


def seal_material(held: HeldFile, material: Material, signer: Signer) -> str:
    """Sign a finished file in place, as `fomm.trust.marks.manifest.seal` does for outputs.

    Raises:
        OutputError: the format holds no manifest, another file took this one's place, or it cannot be written.
        TrustError: the signer fails, or what it signed does not read back as trusted.
    """
    when, agent = format_time(utc_now()), {"name": "fomm", "version": __version__}
    source = SOURCE_TYPE + material.source_type
    actions = [{"action": "c2pa.created", "digitalSourceType": source, "when": when, "softwareAgent": agent}]
    assertions: list[dict[str, Any]] = [{"label": STATEMENT, "data": _statement(material, when)}]
    if material.watermark != NO_WATERMARK:
        actions.append({"action": "c2pa.watermarked.bound", "when": when, "softwareAgent": agent})
        block = {"scope": {}, "value": material.id}
        assertions.append(
            {"label": "c2pa.soft-binding", "data": {"alg": WATERMARK_ALGORITHM, "blocks": [block]}},
        )
    definition = {"claim_generator_info": [agent], "title": material.kind.text, "assertions": assertions}

    def fill(builder: c2pa.Builder) -> None:
        for action in actions:
            builder.add_action(json.dumps(action))

    return sign_in_place(held, definition, fill, material.id, signer)


def _statement(material: Material, when: str) -> dict[str, Any]:
    return {
        "version": STATEMENT_VERSION,
        "output": material.id,
        "kind": material.kind.name,
        "created": when,
        "fomm": __version__,
        "watermark": material.watermark,
        **material.facts,
    }
