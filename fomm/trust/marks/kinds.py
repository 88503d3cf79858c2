"""What carries an id and is no output of one consent: contact sheets and training clips; ids that tell them apart.

Such an id begins with four reserved bytes and ends with four that name the run or clip, so it needs no registry:
whoever reads it from a watermark or a manifest knows what the picture is. No output gets an id that begins like this.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of picture beside the outputs.

    Attributes:
        name: for programs.
        prefix: first 8 of the 16 hex digits of its ids.
        text: what it is, for people.
    """

    name: str
    prefix: str
    text: str

    def id_of(self, of: str) -> str:
        """Return the id, 16 hex digits, of the sheet or clip that `of` names."""
        return self.prefix + hashlib.sha256(of.encode()).hexdigest()[: 16 - len(self.prefix)]


TRAINING_SHEET = Kind("training-sheet", "666f6d53", "a contact sheet of a training run made with fomm")
RESULT_SHEET = Kind("result-sheet", "666f6d52", "a sheet of results made with fomm, side by side")
TRAINING_CLIP = Kind("training-clip", "666f6d43", "a synthetic training clip made with fomm; nobody in it was filmed")
KINDS = (TRAINING_SHEET, RESULT_SHEET, TRAINING_CLIP)


def kind_of(output_id: str) -> Kind | None:
    """Return the kind that an id is reserved for; None for the id of an output."""
    return next((kind for kind in KINDS if output_id.startswith(kind.prefix)), None)


def new_output_id() -> str:
    """Return a random output id, 16 hex digits, that is none of a reserved kind."""
    while kind_of(output_id := secrets.token_hex(8)):
        pass
    return output_id
