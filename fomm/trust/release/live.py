"""The exit for live frames: each one labelled and watermarked before it is a JPEG, and none without a consent.

A live session has no file to seal, so it is registered as a whole: one output id, reserved and released in one go
before the first frame, because frames leave at once and cannot be called back. The ledger is asked again every two
seconds. Whatever goes wrong ends the session for good.
"""

from __future__ import annotations

import io
import time

import numpy as np
from PIL import Image

from fomm import __version__
from fomm.config.label import LabelSettings
from fomm.errors import ConsentError, OutputError
from fomm.trust.consent.authorise import Authorisation
from fomm.trust.marks.already_marked import WATERMARK_SECRET
from fomm.trust.marks.label import Box, Label
from fomm.trust.marks.legible import SURE_SIDE
from fomm.trust.marks.provenance import Provenance
from fomm.trust.release.receipt import metadata_for
from fomm.trust.release.registry import Registry
from fomm.trust.release.rendered import Rendered, opened
from fomm.trust.watermark import Watermark

RECHECK_SECONDS = 2.0  # how often a running session asks whether the consent still stands
LIVE = "live"
_QUALITY = 82  # of 100; of a photo, the watermark reads back from a single such frame
_EXIF_SOFTWARE, _EXIF_DESCRIPTION = 0x0131, 0x010E


class LiveRelease:
    """An open live session; one thread at a time may use it.

    Args:
        authorisation: from `authorise` with the purpose "live".
        size: (width, height) of the frames in pixels, at least 512 on the short side, so that the watermark lasts.
        label: look of the visible label.
        provenance: what the frames are made of.
        face_box: (x0, y0, x1, y1) in pixels, kept free by an automatic label corner.

    Attributes:
        size: as given.
        output_id: 16 hex digits, the same in registry and watermark.
        frames: how many left.

    Raises:
        ConsentError: no genuine authorisation for live use, the consent was revoked or ended, or its cap is reached.
        OutputError: the frames are too small.
        SettingsError: the label does not fit.
        TrustError: the photo is an output of fomm itself, or the ledger or a key cannot be trusted.
    """

    def __init__(
        self,
        authorisation: Authorisation,
        size: tuple[int, int],
        *,
        label: LabelSettings | None = None,
        provenance: Provenance | None = None,
        face_box: Box | None = None,
    ) -> None:
        if not isinstance(authorisation, Authorisation) or not authorisation.genuine or authorisation.make != LIVE:
            raise ConsentError(
                "Live frames leave with an authorisation for live use only; call authorise(..., 'live')."
            )
        provenance = provenance or Provenance()
        width, height = self.size = size
        if min(size) < SURE_SIDE:
            raise OutputError(
                f"A live frame needs {SURE_SIDE} px on its short side, not {min(size)}; enlarge the photo."
            )
        self._label = Label(label or LabelSettings(), width, height, face_box)
        authorisation.settle()  # frames leave at once, so the photo's search ends before the first
        watermark = Watermark(authorisation.ledger.keys.secret(WATERMARK_SECRET))
        registry = Registry(authorisation.ledger)
        entry = registry.reserve(
            authorisation,
            driving="",
            model=provenance.model,
            settings=provenance.settings,
            precision=provenance.precision,
        )
        registry.release(entry.id, authorisation, "")
        self.output_id = entry.id
        self.frames = 0
        self._authorisation = authorisation
        self._embed = watermark.embedder(bytes.fromhex(entry.id), height, width)
        self._exif = _exif(entry.id)
        self._checked = time.monotonic()
        self._open = True

    def send(self, rendered: Rendered) -> bytes:
        """Return a generated frame as a JPEG that carries label and watermark.

        Args:
            rendered: one picture of the portrait that was authorised, of the size the session was opened with.

        Raises:
            ConsentError: it shows another portrait, or the consent was revoked or ended meanwhile.
            OutputError: another size or type, or the session has ended.
            TrustError: the ledger cannot be trusted.
        """
        if not self._open:
            raise OutputError("This live session has ended; start a new one.")
        width, height = self.size
        try:
            frame = opened(rendered, self._authorisation)
            frame = frame[0] if frame.ndim == 4 and len(frame) == 1 else frame
            if frame.shape != (height, width, 3) or frame.dtype != np.uint8:
                raise OutputError(
                    f"A live frame is uint8 [{height}, {width}, 3] here, not {frame.dtype} {list(frame.shape)}."
                )
            if time.monotonic() - self._checked >= RECHECK_SECONDS:
                self._authorisation.recheck()
                self._checked = time.monotonic()
            picture = io.BytesIO()
            marked = Image.fromarray(self._embed(self._label.apply(frame)))
            marked.save(picture, "JPEG", quality=_QUALITY, exif=self._exif)
        except BaseException:
            self.close()
            raise
        self.frames += 1
        return picture.getvalue()

    def close(self) -> None:
        """End the session; no frame leaves it any more."""
        self._open = False


def _exif(output_id: str) -> bytes:
    """Return what a saved frame says about itself."""
    exif = Image.Exif()
    exif[_EXIF_SOFTWARE] = f"fomm {__version__}"
    exif[_EXIF_DESCRIPTION] = metadata_for(output_id)["comment"]
    return exif.tobytes()
