"""What a release gives back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from fomm import __version__


@dataclass(frozen=True)
class Receipt:
    """How a released file is marked.

    Attributes:
        path: the file.
        output_id: its id in registry, watermark and manifest.
        sha256: of the file.
        frames: how many it has.
        label: the visible label's text and corner.
        watermark: "read back": nothing leaves whose watermark does not.
        manifest: the kind of manifest and who signed it.
        precision: number type that the networks computed in, such as "float32"; empty when none did.
        bridged: in how many frames the driver's face was not followed, and why; empty when in none.
    """

    path: Path
    output_id: str
    sha256: str
    frames: int
    label: str
    watermark: str
    manifest: str
    precision: str = ""
    bridged: str = ""


def metadata_for(output_id: str) -> dict[str, str]:
    """Return the container tags that say what the file is, readable by common players and platforms."""
    producer = f"fomm {__version__}"
    return {
        "comment": f"AI-generated with {producer}, output {output_id}",
        "AIGC": json.dumps({"Label": "1", "ContentProducer": producer, "ProduceID": output_id}),
    }
