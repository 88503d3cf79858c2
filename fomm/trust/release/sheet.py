"""The exit for contact sheets: generated pictures side by side that are no output of one consent.

Training shows what a model makes of its clips, and a comparison shows results beside each other. Nobody is asked before
each of them, so they leave marked: the visible label, the invisible watermark (over the whole sheet and once more in
every picture, so that one cut out of it still carries it) and, in a file, a signed manifest. The id says what they are.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fomm.config.label import LabelSettings
from fomm.errors import OutputError, TrustError
from fomm.trust.consent.ledger import Ledger
from fomm.trust.keys.certificates import ensure_identity
from fomm.trust.keys.key_store import KeyStore
from fomm.trust.keys.signer import Signer
from fomm.trust.marks.already_marked import WATERMARK_SECRET
from fomm.trust.marks.formats import sealed_as
from fomm.trust.marks.kinds import Kind
from fomm.trust.marks.label import Label
from fomm.trust.marks.manifest_reader import MARK_READ
from fomm.trust.marks.material import Material, seal_material
from fomm.trust.release.delivery import private_folder, sweep
from fomm.trust.release.held import HeldFile
from fomm.trust.watermark import Watermark
from fomm.trust.watermark.luma import SMALLEST_SIDE

LEAST_SIDE = 512  # short side of a sheet in pixels: below, neither label nor watermark is sure
_QUALITY = 90  # of 100, of a JPEG
_EXIF_DESCRIPTION = 0x010E
_TOKEN = object()


class MarkedSheet:
    """A sheet that carries its marks; `SheetMarker` alone makes them.

    Attributes:
        pixels: uint8 `[H, W, 3]`, read-only.
        id: what label and watermark say, 16 hex digits.
        watermark: "read back", or "weak" where the pictures do not carry it surely.
    """

    def __init__(self, token: object, pixels: NDArray[np.uint8], kind: Kind, of: str, watermark: str, signer: Signer):
        if token is not _TOKEN:
            raise TrustError("Only fomm.trust.release.sheet.SheetMarker makes marked sheets; call its mark().")
        pixels.flags.writeable = False
        self.pixels, self.id, self.watermark = pixels, kind.id_of(of), watermark
        self._kind, self._signer, self._token = kind, signer, token

    def __reduce__(self) -> NoReturn:
        """Refuse to be copied or pickled."""
        raise TrustError("A marked sheet cannot be copied or sent to another process; mark it there.")

    @property
    def genuine(self) -> bool:
        """Whether `SheetMarker` made this."""
        return getattr(self, "_token", None) is _TOKEN

    def write(self, path: Path) -> None:
        """Write the sheet as a signed PNG, JPEG or WebP, whole or not at all; one that is there is replaced.

        Raises:
            OutputError: the folder cannot be written.
            TrustError: it cannot be signed.
        """
        sealed_as(path)
        exif = Image.Exif()
        exif[_EXIF_DESCRIPTION] = f"AI-generated: {self._kind.text}, {self.id}"
        sweep(path.parent)
        try:
            with private_folder(path) as folder, HeldFile(folder / f"sheet{path.suffix}", path) as held:
                with held.open() as stream:
                    form = Image.registered_extensions()[path.suffix.lower()]
                    Image.fromarray(self.pixels).save(stream, form, quality=_QUALITY, exif=exif)
                held.look()
                seal_material(held, Material(self._kind, self.id, watermark=self.watermark), self._signer)
                held.close()
                os.replace(held.path, path)
        except OSError as error:
            raise OutputError(f"The contact sheet {path} cannot be written: {error.strerror or error}.") from error


class SheetMarker:
    """Marks the sheets of one run.

    Args:
        kind: what they are.
        of: names the run; sheets of one run share their id.
        keys: whose keys mark and sign; the user's own by default, made on first use.

    Raises:
        TrustError: a key cannot be read or made.
    """

    def __init__(self, kind: Kind, of: str, keys: KeyStore | None = None) -> None:
        keys = keys or Ledger().keys
        self._kind, self._of = kind, of
        self._watermark, self._signer = Watermark(keys.secret(WATERMARK_SECRET)), ensure_identity(keys)

    def mark(self, pictures: NDArray[np.uint8]) -> MarkedSheet:
        """Lay pictures out, enlarged until the sheet has 512 px on its short side, and mark them.

        Args:
            pictures: uint8 `[rows, columns, H, W, 3]` RGB.

        Raises:
            OutputError: another shape or type.
        """
        if pictures.ndim != 5 or pictures.shape[4] != 3 or pictures.dtype != np.uint8 or not pictures.size:
            raise OutputError(
                f"A sheet is made of uint8 [rows, columns, H, W, 3], not {pictures.dtype} {list(pictures.shape)}."
            )
        rows, columns, height, width = pictures.shape[:4]
        least = max(LEAST_SIDE / min(rows * height, columns * width), SMALLEST_SIDE / min(height, width), 1.0)
        large = pictures.repeat(int(np.ceil(least)), 2).repeat(int(np.ceil(least)), 3)
        height, width = large.shape[2:4]
        sheet = large.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, 3)
        payload = bytes.fromhex(self._kind.id_of(self._of))
        sheet = Label(LabelSettings(), sheet.shape[1], sheet.shape[0]).apply(sheet)
        sheet = self._watermark.embedder(payload, *sheet.shape[:2])(sheet)
        embed = self._watermark.embedder(payload, height, width)
        for top in range(0, rows * height, height):
            for left in range(0, columns * width, width):
                place = np.s_[top : top + height, left : left + width]
                sheet[place] = embed(sheet[place])
        found = self._watermark.detect([sheet]).payload == payload
        return MarkedSheet(_TOKEN, sheet, self._kind, self._of, MARK_READ if found else "weak", self._signer)
