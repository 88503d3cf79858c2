"""A release on its way: the reserved output id, its marks, and the last steps from a finished file to a delivery."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fomm.errors import ConsentError, MediaError, OutputError
from fomm.media.whole_files import move
from fomm.trust.consent.authorise import Authorisation
from fomm.trust.keys.certificates import ensure_identity
from fomm.trust.keys.signer import Signer
from fomm.trust.marks.already_marked import WATERMARK_SECRET, search_driving
from fomm.trust.marks.formats import is_still_name
from fomm.trust.marks.label import LEGIBLE, Label
from fomm.trust.marks.manifest import seal
from fomm.trust.marks.manifest_reader import MARK_READ
from fomm.trust.marks.provenance import Provenance, SealRequest
from fomm.trust.release.delivery import already_there, check_destination, private_folder, sweep, terminate_by_exception
from fomm.trust.release.held import HeldFile
from fomm.trust.release.receipt import Receipt
from fomm.trust.release.registry import Registry
from fomm.trust.watermark import Watermark

_LABEL_EVERY = 15  # frames at which the label is read back


@dataclass
class Draft:
    """A file on its way: reserved, growing as `held`, not delivered yet; `reserve_draft` makes it.

    Attributes:
        target: its final path.
        held: the file, in a private folder.
        force: whether an existing file is replaced.
        authorisation: the leave it is made under.
        provenance: what it is made of.
        registry: where its id is reserved.
        output_id: that id.
        watermark: writes and reads the id in the picture.
        signer: signs the manifest.
        driving_sha256: of the driving file, empty when there is none.
        driving_mark: what the driving file was marked with before, empty when with nothing; looked for while the
            frames are made.
        recorded: whether the registry counts it as released.
    """

    target: Path
    held: HeldFile
    force: bool
    authorisation: Authorisation
    provenance: Provenance
    registry: Registry
    output_id: str
    watermark: Watermark
    signer: Signer
    driving_sha256: str
    driving_mark: Future[str]
    recorded: bool = False

    @property
    def partial(self) -> Path:
        """The hidden path it grows under."""
        return self.held.path

    @property
    def delivered(self) -> bool:
        """Whether the file has its final name."""
        return self.recorded and not self.partial.exists()

    @property
    def payload(self) -> bytes:
        """The output id as the watermark carries it, 8 bytes."""
        return bytes.fromhex(self.output_id)

    def marker(self, label: Label, height: int, width: int) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
        """Return the function that labels and watermarks one uint8 [H, W, 3] frame."""
        embed = self.watermark.embedder(self.payload, height, width)
        return lambda frame: embed(label.apply(frame))

    def settle(self) -> None:
        """Take the encoded file for finished and wait for all that is still looked for, so that nothing waits after.

        Raises:
            OutputError: another file lies in its place.
            TrustError: the photo is an output of ours, which is never signed for.
        """
        self.held.look()
        self.driving_mark.result()
        self.authorisation.settle()

    def read_back(self, read: Callable[[Path], Iterable[NDArray[np.uint8]]], label: Label, advice: str) -> str:
        """Look for watermark and label in the finished file and return what the receipt says about the watermark.

        Args:
            read: decodes frames of a file, uint8 [H, W, 3].
            label: as drawn.
            advice: what to do if one is not there, as the end of a sentence.

        Raises:
            OutputError: one of them cannot be read, or another program changed the file since it was settled.
        """
        legible: list[float] = []

        def watched() -> Iterator[NDArray[np.uint8]]:
            for number, frame in enumerate(read(self.held.through)):
                if not label.fits(frame):
                    self.held.check()
                    raise OutputError(f"{self.target} came out of the encoder in another size, so nothing is released.")
                if number % _LABEL_EVERY == 0:
                    legible.append(label.legibility(frame))
                yield frame

        try:
            found = self.watermark.detect(watched()).payload
        except MediaError as error:
            self.held.check()
            raise OutputError(
                f"{self.target} cannot be read after this encoding, so nothing is released; try another codec."
            ) from error
        self.held.check()
        if found != self.payload:
            raise OutputError(f"The watermark does not survive this encoding, so nothing is released; {advice}.")
        if min(legible) < LEGIBLE:
            raise OutputError(f"The label cannot be read after this encoding, so nothing is released; {advice}.")
        return MARK_READ

    def deliver(self, label: Label, frames: int, watermark: str) -> Receipt:
        """Seal the file that was read back, ask the ledger a last time, record, and move the file to its name.

        Raises:
            ConsentError: the consent was revoked or has ended.
            OutputError: the name was taken meanwhile, the disk failed, or another program changed the file.
            TrustError: the ledger or the signer cannot be trusted.
        """
        text = f"{label.summary}, letters {label.ink_share:.1%} of the short side high"
        request = SealRequest(
            self.output_id,
            self.authorisation,
            self.provenance,
            driving_sha256=self.driving_sha256,
            driving_mark=self.driving_mark.result(),
            watermark=watermark,
            label=text,
        )
        manifest = seal(self.held, request, self.signer)
        try:
            self.held.sync()
            sha256 = self.held.look()
            self.registry.release(self.output_id, self.authorisation, sha256)
            self.held.check()
            self.recorded = True
            self.held.close()
            move(self.partial, self.target, replace=self.force)
        except FileExistsError:
            raise already_there(self.target) from None
        except OSError as error:
            raise OutputError(f"{self.target} cannot be written: {error.strerror}.") from error
        return Receipt(
            self.target, self.output_id, sha256, frames, text, watermark, manifest, self.provenance.precision
        )


def check_genuine(authorisation: object) -> None:
    """Refuse what `authorise` did not make.

    Raises:
        ConsentError: it is no genuine authorisation.
    """
    if not isinstance(authorisation, Authorisation) or not authorisation.genuine:
        raise ConsentError(
            "Generated frames are released with an authorisation only; call fomm.trust.consent.authorise first."
        )


@contextlib.contextmanager
def reserve_draft(
    output: Path,
    authorisation: Authorisation,
    provenance: Provenance,
    audio: Path | None,
    signer: Signer | None,
    force: bool,
) -> Iterator[Draft]:
    """Reserve an output id and a partial file; whatever ends the block before delivery removes both.

    Raises:
        ConsentError: no genuine authorisation, the consent was revoked or ended, or its output cap is reached.
        OutputError: the output cannot be written.
        TrustError: the ledger or a key cannot be trusted.
    """
    check_genuine(authorisation)
    inputs = [path for path in (provenance.photo, provenance.driving, audio) if path]
    target = check_destination(output, inputs, force=force)
    sweep(target.parent)
    registry = Registry(authorisation.ledger)
    keys = authorisation.ledger.keys
    driving = provenance.driving_sha256()
    marked: Future[str] = Future()
    if provenance.driving:
        # Nobody waits long for a picture.
        marked = search_driving(provenance.driving, driving, keys, whole=not is_still_name(target))
    else:
        marked.set_result("")
    watermark, signer = Watermark(keys.secret(WATERMARK_SECRET)), signer or ensure_identity(keys)
    with terminate_by_exception(), private_folder(target) as folder:
        entry = registry.reserve(
            authorisation,
            driving=driving,
            model=provenance.model,
            settings=provenance.settings,
            precision=provenance.precision,
        )
        draft = None
        try:
            with HeldFile(folder / f"output{target.suffix}", target) as held:
                draft = Draft(
                    target,
                    held,
                    force,
                    authorisation,
                    provenance,
                    registry,
                    entry.id,
                    watermark,
                    signer,
                    driving_sha256=driving,
                    driving_mark=marked,
                )
                yield draft
        except BaseException as error:
            if draft is None or not draft.delivered:
                registry.abandon(entry.id, error)
            raise
