"""Putting a fine-tuned model into the world: bound to the consent it was made under, whole or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fomm.errors import ConsentError, OutputError
from fomm.media.whole_files import move
from fomm.trust.consent.authorise import Authorisation
from fomm.trust.consent.bound import TRAIN, references
from fomm.trust.release.delivery import already_there, check_destination, private_folder, sweep, terminate_by_exception
from fomm.trust.release.held import HeldFile
from fomm.trust.release.registry import Registry


@dataclass
class ModelDraft:
    """A fine-tuned model on its way; `reserve_model` makes it.

    Attributes:
        target: its final path.
        partial: where to write the file, in a private folder.
        binding: what its header must say.
        authorisation: the leave it is made under.
        registry: where its id is reserved.
        force: whether an existing file is replaced.
        delivered: whether the file has its final name.
    """

    target: Path
    partial: Path
    binding: dict[str, str]
    authorisation: Authorisation
    registry: Registry
    force: bool
    delivered: bool = False

    def deliver(self) -> None:
        """Ask the ledger a last time, record the file and give it its name.

        Raises:
            ConsentError: the consent was revoked or has ended.
            OutputError: the name was taken meanwhile, or the disk failed.
            TrustError: the ledger cannot be trusted.
        """
        try:
            with HeldFile(self.partial, self.target, new=False) as held:
                held.sync()
                self.registry.release(self.binding["id"], self.authorisation, held.look())
                held.check()
            move(self.partial, self.target, replace=self.force)
        except FileExistsError:
            raise already_there(self.target) from None
        except OSError as error:
            raise OutputError(f"{self.target} cannot be written: {error.strerror}.") from error
        self.delivered = True


@contextlib.contextmanager
def reserve_model(
    output: Path,
    authorisation: Authorisation,
    inputs: Iterable[Path],
    *,
    clips: str,
    model: str,
    settings: str,
    force: bool,
) -> Iterator[ModelDraft]:
    """Reserve an id and a partial file for a model; whatever ends the block before delivery removes both.

    Args:
        output: the file to make.
        authorisation: from `authorise` with the purpose "train".
        inputs: files that are read and never overwritten.
        clips: digest of the clips it learns from, empty when there are none.
        model: SHA-256 of the model it begins with.
        settings: digest of how it learns.
        force: whether an existing file is replaced.

    Raises:
        ConsentError: no genuine leave to train, the consent was revoked or ended, or its output cap is reached.
        OutputError: the output cannot be written.
        TrustError: the ledger or a key cannot be trusted.
    """
    if not isinstance(authorisation, Authorisation) or not authorisation.genuine or authorisation.make != TRAIN:
        raise ConsentError(
            "A model is bound under an authorisation to train only; call authorise(..., purpose='train')."
        )
    target = check_destination(output, inputs, force=force)
    sweep(target.parent)
    ledger, registry = authorisation.ledger, Registry(authorisation.ledger)
    with terminate_by_exception(), private_folder(target) as folder:
        entry = registry.reserve(authorisation, driving=clips, model=model, settings=settings)
        refers = references(ledger.keys, entry.id, entry.consent, entry.photo)
        partial = folder / f"model{target.suffix}"
        draft = ModelDraft(target, partial, {"id": entry.id, **refers}, authorisation, registry, force)
        try:
            yield draft
        except BaseException as error:
            if not draft.delivered:
                registry.abandon(entry.id, error)
            raise
