"""What a finished file is made of and under whose leave: the facts that registry and manifest state."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fomm.errors import OutputError
from fomm.media.whole_files import hash_file
from fomm.trust.consent.authorise import Authorisation


@dataclass(frozen=True)
class Provenance:
    """What a file is made of.

    Attributes:
        photo: path of the photo; never overwritten.
        driving: path of the driving video or sound, if there is one; hashed, never overwritten.
        model: fingerprint of the model.
        settings: digest of the render settings.
        composite: whether original pixels of the photo remain around the generated ones.
        precision: number type that the networks computed in, such as "float32".
    """

    photo: Path | None = None
    driving: Path | None = None
    model: str = ""
    settings: str = ""
    composite: bool = False
    precision: str = ""

    def driving_sha256(self) -> str:
        """Return the driving file's SHA-256, empty when there is none.

        Raises:
            OutputError: the file vanished.
        """
        try:
            return hash_file(self.driving) if self.driving else ""
        except OSError as error:
            raise OutputError(f"The driving file {self.driving} cannot be read: {error.strerror}.") from error


@dataclass(frozen=True)
class SealRequest:
    """What the manifest states about the finished file it seals.

    Attributes:
        output_id: 16 hex digits, the same as in registry and watermark.
        authorisation: the leave it was made under.
        provenance: what it is made of.
        driving_sha256: of the driving file, empty when there is none.
        driving_mark: what the driving file was already marked with, empty when with nothing.
        watermark: what reading the watermark back gave.
        label: the visible label's words and corner.
    """

    output_id: str
    authorisation: Authorisation
    provenance: Provenance
    driving_sha256: str
    driving_mark: str
    watermark: str
    label: str
