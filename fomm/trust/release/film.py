"""The only exit for generated frames: consent, label, watermark, encoding, sealing and delivery in one place.

No other module opens an encoder for generated frames, but `fomm.trust.release.live`, whose `LiveRelease` is handed out
here. A release reserves an output id, marks every frame, encodes to a hidden partial file, which it holds open, waits
for whatever is still looked for, reads the watermark back, signs these very bytes with a manifest, asks the ledger once
more, records the file's hash, and only then gives it its name. Any failure on the way leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fomm import __version__
from fomm.config.label import LabelSettings
from fomm.errors import ConsentError, OutputError
from fomm.media.photo.image import read_image
from fomm.media.video import read_video
from fomm.media.writer import EncodeSettings, VideoWriter
from fomm.trust.consent.authorise import Authorisation
from fomm.trust.keys.signer import Signer
from fomm.trust.marks.already_marked import READ_BACK_FRAMES
from fomm.trust.marks.formats import check_still_name, check_video_name
from fomm.trust.marks.label import Box
from fomm.trust.marks.legible import check_quality, enlarged, exit_label, exit_size, finer
from fomm.trust.marks.provenance import Provenance
from fomm.trust.release.draft import check_genuine, reserve_draft
from fomm.trust.release.live import LiveRelease
from fomm.trust.release.receipt import Receipt, metadata_for
from fomm.trust.release.rendered import Rendered, opened

__all__ = ["LiveRelease", "Provenance", "Receipt", "Release", "Rendered", "Signer", "open_release", "release_still"]

RECHECK_SECONDS = 1.0  # how often a running release asks whether the consent still stands
_STILL_QUALITY = 95
_EXIF_SOFTWARE, _EXIF_DESCRIPTION = 0x0131, 0x010E


class Release:
    """An open release; `open_release` makes it.

    Attributes:
        size: (width, height) of the frames.
        frames: how many were written.
        bridged: see `Receipt.bridged`; whoever writes the frames says so.
    """

    def __init__(
        self,
        size: tuple[int, int],
        authorisation: Authorisation,
        writer: VideoWriter,
        mark: Callable[[NDArray[np.uint8]], NDArray[np.uint8]],
    ) -> None:
        self.size = size
        self.frames = 0
        self.bridged = ""
        self._authorisation, self._writer, self._mark = authorisation, writer, mark
        self._broken = False
        self._checked = time.monotonic()
        self._receipt: Receipt | None = None

    @property
    def receipt(self) -> Receipt:
        """How the file is marked.

        Raises:
            OutputError: the release is still open or failed.
        """
        if self._receipt is None:
            raise OutputError("The release is not finished; leave its with-block first.")
        return self._receipt

    def write(self, rendered: Rendered) -> None:
        """Label, watermark and encode frames.

        Args:
            rendered: pictures of the portrait that this release was authorised for, of the size it was opened with.

        Raises:
            OutputError: another size or type, or the encoder failed.
            ConsentError: they show another portrait, or the consent was revoked or ended meanwhile.
        """
        width, height = self.size
        try:
            frames = opened(rendered, self._authorisation)
        except ConsentError:
            self._broken = True
            raise
        batch = frames[None] if frames.ndim == 3 else frames  # [N, H, W, 3]
        if batch.ndim != 4 or batch.shape[1:] != (height, width, 3) or batch.dtype != np.uint8:
            self._broken = True
            raise OutputError(
                f"The release takes uint8 [{height}, {width}, 3] frames, not {frames.dtype} {list(frames.shape)}."
            )
        try:
            for frame in batch:
                if time.monotonic() - self._checked >= RECHECK_SECONDS:
                    self._authorisation.recheck()
                    self._checked = time.monotonic()
                self._writer.write(self._mark(enlarged(frame)))
                self.frames += 1
        except BaseException:
            self._broken = True
            raise

    def _check_whole(self) -> None:
        if self._broken:
            raise OutputError("A frame could not be written, so nothing is released; see the error before this one.")
        if self.frames == 0:
            raise OutputError("The render gave no frame, so nothing is released; check the driving video's range.")


@contextlib.contextmanager
def open_release(
    output: Path,
    authorisation: Authorisation,
    *,
    size: tuple[int, int],
    fps: Fraction,
    encode: EncodeSettings | None = None,
    audio: Path | None = None,
    audio_start: Fraction = Fraction(0),
    label: LabelSettings | None = None,
    provenance: Provenance | None = None,
    face_box: Box | None = None,
    signer: Signer | None = None,
    force: bool = False,
) -> Iterator[Release]:
    """Open the exit for a video; the file appears, whole, when the block ends cleanly, and not at all otherwise.

    Args:
        output: the file to make; its suffix chooses the container.
        authorisation: from `authorise`.
        size: (width, height) in pixels of the frames; what is below 512 px on the short side leaves enlarged to it.
        fps: frames per second.
        encode: codec and quality.
        audio: file whose sound is kept.
        audio_start: seconds into `audio` that fall on the first frame.
        label: look of the visible label.
        provenance: what the file is made of.
        face_box: (x0, y0, x1, y1) in output pixels, kept free by an automatic label corner.
        signer: signs the manifest; the key store's own when None.
        force: replace an existing file.

    Raises:
        ConsentError: no genuine authorisation, the consent was revoked or ended, or its output cap is reached.
        OutputError: the output cannot be written, or the encoding destroys the watermark.
        SettingsError: the label does not fit, the codec does not go into the container, or the quality is so low that
            no watermark survives it.
        TrustError: the ledger or a key cannot be trusted.
    """
    check_video_name(output)  # a wrong suffix is refused before anything is reserved
    settings, provenance, encode = label or LabelSettings(), provenance or Provenance(), encode or EncodeSettings()
    check_quality(output, encode, size)
    plate, leaving = exit_label(settings, size, face_box), exit_size(size)
    with reserve_draft(output, authorisation, provenance, audio, signer, force) as draft:
        mark = draft.marker(plate, leaving[1], leaving[0])
        metadata = metadata_for(draft.output_id)
        partial, shown = draft.partial, draft.target
        with VideoWriter(partial, leaving, fps, encode, audio=audio, metadata=metadata, shown=shown) as writer:
            release = Release(size, authorisation, writer, mark)
            yield release
            release._check_whole()
        draft.settle()
        watermark = draft.read_back(lambda path: read_video(path, stop=READ_BACK_FRAMES), plate, finer(output, encode))
        release._receipt = replace(draft.deliver(plate, release.frames, watermark), bridged=release.bridged)


def release_still(
    output: Path,
    rendered: Rendered,
    authorisation: Authorisation,
    *,
    label: LabelSettings | None = None,
    provenance: Provenance | None = None,
    face_box: Box | None = None,
    signer: Signer | None = None,
    force: bool = False,
) -> Receipt:
    """Label, watermark and write one generated picture as PNG, JPEG or WebP.

    Args:
        output: the file to make; its suffix chooses the format.
        rendered: one picture of the portrait that was authorised.
        authorisation: from `authorise`.
        label: look of the visible label.
        provenance: what the picture is made of.
        face_box: (x0, y0, x1, y1) in pixels, kept free by an automatic label corner.
        signer: signs the manifest; the key store's own when None.
        force: replace an existing file.

    Raises:
        ConsentError: no genuine authorisation, the consent was revoked or ended, or its output cap is reached.
        OutputError: the output cannot be written, or the encoding destroys the watermark.
        SettingsError: the label does not fit.
        TrustError: the ledger or a key cannot be trusted.
    """
    check_still_name(output)
    check_genuine(authorisation)
    image = opened(rendered, authorisation)
    image = image[0] if image.ndim == 4 and len(image) == 1 else image
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise OutputError(f"A still is uint8 [H, W, 3], not {image.dtype} {list(image.shape)}.")
    settings, provenance = label or LabelSettings(), provenance or Provenance()
    height, width = image.shape[:2]
    plate, leaving = exit_label(settings, (width, height), face_box), exit_size((width, height))
    with reserve_draft(output, authorisation, provenance, None, signer, force) as draft:
        marked = Image.fromarray(draft.marker(plate, leaving[1], leaving[0])(enlarged(image)))
        exif = Image.Exif()
        exif[_EXIF_SOFTWARE] = f"fomm {__version__}"
        exif[_EXIF_DESCRIPTION] = metadata_for(draft.output_id)["comment"]
        try:
            marked.save(draft.partial, quality=_STILL_QUALITY, exif=exif)
        except OSError as error:
            raise OutputError(f"{output} cannot be written: {error.strerror or error}.") from error
        draft.settle()
        watermark = draft.read_back(lambda path: [read_image(path)], plate, "write a .png instead")
        return draft.deliver(plate, 1, watermark)
