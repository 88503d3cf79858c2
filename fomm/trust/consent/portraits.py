"""Leave to draw training clips from portraits of nobody living: one record for each, no face twice, asked again later.

Training clips carry neither label nor watermark, so this asks for more than a render does: every portrait has a record
that it shows nobody living and where it comes from, and two portraits that show the same picture, mirrored or not, are
refused, because a set of one person is no set of people.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fomm.errors import ConsentError
from fomm.media.photo.image import decode_image
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.photo import NEAR_BITS, PhotoPrint, hamming, perceptual_hash
from fomm.trust.consent.state import LedgerState
from fomm.trust.consent.suggestion import quoted
from fomm.trust.consent.terms import NO_LIVING, Consent, read_bytes
from fomm.trust.marks.already_marked import search_photo

_MAKES = ("train", "animate")  # a record for either will do: a portrait of nobody is animated to train on


@dataclass(frozen=True)
class PortraitRecord:
    """One portrait and the record it is used under.

    Attributes:
        consent: id of the record.
        photo: fingerprints of the portrait.
        origin: "ai-generated" or "public-domain", as recorded.
        source: where it comes from, as recorded.
    """

    consent: str
    photo: PhotoPrint
    origin: str
    source: str


@dataclass(frozen=True)
class PortraitLeave:
    """Which portraits may be drawn from; other processes may have it, for it is asked again wherever it is used.

    Attributes:
        home: folder of the ledger.
        records: by portrait name.
    """

    home: Path
    records: Mapping[str, PortraitRecord]

    def read(self, name: str, path: Path) -> NDArray[np.uint8]:
        """Return a portrait's pixels, uint8 `[H, W, 3]`, if its file is still the one that has the record.

        Raises:
            ConsentError: it has no record, or was changed since.
            MediaError: it cannot be decoded.
        """
        data = read_bytes(path, "portrait")
        pixels = decode_image(data, str(path))
        if name not in self.records or not self.records[name].photo.same(PhotoPrint.of(data, pixels)):
            raise ConsentError(f"{path} is not the picture that was recorded; run the command again.")
        return pixels

    def check(self, names: Iterable[str]) -> None:
        """Ask the ledger again whether these portraits may be drawn from.

        Raises:
            ConsentError: a record is missing, was revoked or has ended.
            TrustError: the ledger cannot be trusted.
        """
        ledger = _ledger(self.home)
        with ledger.view() as state:
            state.check_clock(ledger.clock())
            for name in names:
                record = self.records.get(name)
                consent = state.consents.get(record.consent) if record else None
                if record is None or consent is None or not consent.photo.same(record.photo):
                    raise ConsentError(f"The portrait {name} has no record; {_command('PORTRAITS')}")
                reason = _objection(state, consent, ledger)
                if reason:
                    raise ConsentError(f"The record {consent.id} of the portrait {name} does not hold: {reason}.")


def authorise_portraits(portraits: Mapping[str, Path], ledger: Ledger) -> PortraitLeave:
    """Return leave to draw training clips from portraits, or raise with the command that records them.

    Args:
        portraits: the pictures' paths by name.
        ledger: where their records are.

    Raises:
        ConsentError: a portrait has no record that it shows nobody living, the record was revoked or has ended, or two
            portraits show the same picture.
        MediaError: one cannot be decoded.
        TrustError: one was made by fomm itself, or the ledger cannot be trusted.
    """
    seen: dict[str, tuple[PhotoPrint, str]] = {}
    for name, path in portraits.items():
        data = read_bytes(path, "portrait")
        pixels = decode_image(data, str(path))
        photo, mirrored = PhotoPrint.of(data, pixels), np.ascontiguousarray(pixels[:, ::-1])
        _refuse_twin(path, photo, perceptual_hash(mirrored), portraits, seen)
        seen[name] = photo, PhotoPrint.of(b"", mirrored).pixels_sha256
    with ledger.view() as state:
        state.check_clock(ledger.clock())
        records = {name: _record(state, ledger, portraits[name], seen[name][0]) for name in portraits}
    leave = PortraitLeave(ledger.keys.directory, records)

    def refuse_marked(name: str) -> None:
        path = portraits[name]
        search_photo(read_bytes(path, "portrait"), leave.read(name, path), str(path), ledger.keys)().settle()

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # last, because it takes a quarter of a second each
        for _ in pool.map(refuse_marked, portraits):
            pass
    return leave


def _refuse_twin(
    path: Path,
    photo: PhotoPrint,
    mirrored: str,
    portraits: Mapping[str, Path],
    seen: Mapping[str, tuple[PhotoPrint, str]],
) -> None:
    for other, (theirs, their_mirror) in seen.items():
        flipped = photo.pixels_sha256 == their_mirror or (
            bool(mirrored and theirs.perceptual) and hamming(mirrored, theirs.perceptual) <= NEAR_BITS
        )
        if flipped or photo.near(theirs):
            how = "the mirror image of" if flipped else "the same picture as"
            raise ConsentError(f"{path} is {how} {portraits[other]}; a face may be there once: remove one of them.")


def _record(state: LedgerState, ledger: Ledger, path: Path, photo: PhotoPrint) -> PortraitRecord:
    exact = [consent for consent in state.near(photo) if consent.photo.same(photo)]
    reasons = [_objection(state, consent, ledger) for consent in exact]
    for consent, reason in zip(exact, reasons, strict=True):
        if reason is None:
            return PortraitRecord(consent.id, photo, consent.terms.origin, consent.terms.source)
    if exact:
        raise ConsentError(f"The record {exact[0].id} of {path} does not cover training clips: {reasons[0]}.")
    revoked = state.withdrawal(photo)
    if revoked:
        raise ConsentError(f"{path} looks like the picture of record {revoked.consent}, which was revoked; remove it.")
    raise ConsentError(f"{path} has no record that it shows nobody living; {_command(str(path.parent))}")


def _objection(state: LedgerState, consent: Consent, ledger: Ledger) -> str | None:
    """Return why a record does not hold for training clips, as the end of a sentence; None if it does."""
    if consent.terms.kind != NO_LIVING:
        return "it is of a living person, whose pictures never go unlabelled; see: fomm finetune --help"
    if consent.terms.outputs is not None:
        return "it limits how many outputs there may be, and training clips are not counted"
    reasons = [state.objection(consent, ledger.clock(), make, "private") for make in _MAKES]
    return None if None in reasons else reasons[0]


def _command(folder: str) -> str:
    return (
        f"if it shows nobody living, record the whole folder: fomm consent grant {quoted(folder)} --subject NAME "
        '--nobody ai-generated --source "..."'
    )


@functools.lru_cache(maxsize=4)
def _ledger(home: Path) -> Ledger:
    """Return this process's view of a ledger, which reads only what is new each time."""
    return Ledger(home)
