"""Models bound to one person's consent: whose photo such a model may animate, and whether it still may.

A model fine-tuned on a person is an output like a video: it has an id and a place in the registry, which holds the
consent, the photo and the checksum of the very file. The file itself names only the id and keyed references, so it
tells a stranger nothing. Whoever cannot look the id up (another user's ledger, a lost key) cannot use the model.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from fomm.errors import ConsentError
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.photo import PhotoPrint
from fomm.trust.consent.state import LedgerState
from fomm.trust.keys.key_store import KeyStore
from fomm.trust.keys.references import reference

TRAIN = "train"
_KEYS = ("id", "consent", "photo")


@dataclass(frozen=True)
class BoundModel:
    """What a fine-tuned model's file says about its binding; `read` makes one.

    Attributes:
        name: how messages call the model.
        id: its output id in the registry.
        consent: keyed reference of the consent.
        photo: keyed reference of the photo's hash.
        sha256: of the file.
    """

    name: str
    id: str
    consent: str
    photo: str
    sha256: str

    @classmethod
    def read(cls, name: str, binding: Mapping[str, str], sha256: str) -> Self:
        """Read the `binding` of a checkpoint's header.

        Raises:
            ConsentError: it is not one.
        """
        if set(binding) != set(_KEYS) or not all(isinstance(value, str) for value in binding.values()):
            raise ConsentError(
                f"The model '{name}' is bound to a consent in a way this fomm does not know; upgrade it."
            )
        return cls(name, binding["id"], binding["consent"], binding["photo"], sha256)

    def check_standing(self, ledger: Ledger) -> None:
        """Check that the model may be used at all, whatever the photo.

        Raises:
            ConsentError: its consent is unknown here, was revoked or has ended, or the file was changed.
            TrustError: the ledger or a key cannot be trusted.
        """
        self.settle(ledger)
        with ledger.view() as state:
            now = ledger.clock()
            state.check_clock(now)
            self.check(state, ledger.keys, now)

    def settle(self, ledger: Ledger) -> None:
        """Record the end of the consent it rests on, if that has expired, see `Ledger.settle`."""
        with ledger.view() as state:
            output = state.outputs.get(self.id)
        ledger.settle(lambda consent: output is not None and consent.id == output.consent)

    def check(
        self,
        state: LedgerState,
        keys: KeyStore,
        now: datetime,
        photo: PhotoPrint | None = None,
        use: str = "private",
        content: Sequence[str] = (),
    ) -> None:
        """Judge by a state that the caller holds already.

        Args:
            state: of the ledger.
            keys: its keys.
            now: the instant to judge by.
            photo: what shall be animated.
            use: where the result will be shown.
            content: sensitive subjects it touches.

        Raises:
            ConsentError: the consent to train is unknown here, was revoked or has ended, the photo is another one, or
                the file was changed.
            TrustError: a key cannot be read.
        """
        output = state.outputs.get(self.id)
        if output is None:
            raise ConsentError(
                f"The model '{self.name}' is bound to a consent that this ledger does not hold; use its own."
            )
        consent = state.consent(output.consent)
        said = (self.consent, self.photo, self.sha256)
        recorded = (*references(keys, self.id, consent.id, output.photo).values(), output.sha256)
        same = [hmac.compare_digest(left, right) for left, right in zip(said, recorded, strict=True)]
        if output.state != "released" or not all(same):
            raise ConsentError(
                f"The model '{self.name}' is not as it was made under consent {consent.id}; make a new one."
            )
        reason = state.objection(consent, now, TRAIN, use, content)
        if reason:
            raise ConsentError(f"The model '{self.name}' rests on consent {consent.id}, which ends its use: {reason}.")
        if photo is not None and not consent.photo.same(photo):
            raise ConsentError(
                f"The model '{self.name}' is bound to the photo of consent {consent.id} and animates no other; "
                "leave out --model, or fine-tune one on this photo: fomm finetune --portrait PHOTO -o MODEL.safetensors"
            )


def references(keys: KeyStore, output_id: str, consent: str, photo: str) -> dict[str, str]:
    """Return the keyed references of a consent id and of the SHA-256 of a photo's bytes, for one output."""
    return {
        "consent": reference(keys, output_id, "consent", consent),
        "photo": reference(keys, output_id, "photo", photo),
    }
