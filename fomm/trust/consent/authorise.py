"""The question before every render: may this photo be animated, for this, here, now?

Only the same bytes or the same decoded pixels authorise. A picture that merely looks alike may suggest the right
consent to a person, or deny (its consent was revoked), never allow.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NoReturn

import numpy as np

from fomm.config.animate import USE
from fomm.config.refine import Fit
from fomm.errors import ConsentError, SettingsError
from fomm.media.photo.image import decode_photo
from fomm.media.photo.reduce import WHOLE
from fomm.trust.consent.bound import BoundModel
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.photo import PhotoPrint
from fomm.trust.consent.state import LedgerState
from fomm.trust.consent.suggestion import grant_command, record_it
from fomm.trust.consent.terms import EXCLUDE, MAKE, Consent
from fomm.trust.marks.already_marked import search_photo
from fomm.trust.marks.searches import PhotoSearch

_TOKEN = object()


class Authorisation:
    """Leave to render one photo under one consent; made by `authorise` only, and asked again while the render runs.

    Attributes:
        consent: the consent it rests on.
        photo: fingerprints of the photo.
        image: the authorised pixels, uint8 [H, W, 3] RGB, read-only, perhaps of a reduced copy of the photo; render
            these and no others.
        ledger: where the consent is recorded.
        make: what is made.
        use: where it will be shown.
        content: what it is about, as far as declared.
        model: the model it is limited to, where that is bound to a consent of its own.
    """

    def __init__(
        self,
        token: object,
        ledger: Ledger,
        consent: Consent,
        photo: PhotoPrint,
        image: np.ndarray,
        make: str,
        use: str,
        content: tuple[str, ...],
        model: BoundModel | None = None,
        *,
        search: PhotoSearch | None = None,
    ) -> None:
        if token is not _TOKEN or search is None:
            raise ConsentError(
                "Only fomm.trust.consent.authorise makes an authorisation; call authorise(photo_bytes, ...)."
            )
        self.ledger, self.consent, self.photo, self.image = ledger, consent, photo, image
        self.make, self.use, self.content, self.model = make, use, content, model
        self._token, self._search = token, search

    def __reduce__(self) -> NoReturn:
        """Refuse to be copied or pickled: another process must ask for itself."""
        raise ConsentError("An authorisation cannot be copied or sent to another process; call authorise there.")

    @property
    def genuine(self) -> bool:
        """Whether `authorise` made this."""
        return getattr(self, "_token", None) is _TOKEN

    def recheck(self, now: datetime | None = None) -> None:
        """Ask the ledger again: before a release, and every second while a render runs.

        Raises:
            ConsentError: the consent was revoked or has ended since.
            TrustError: the ledger is missing, changed or put back, or the clock was set back.
        """
        self.record_end()
        with self.ledger.view() as state:
            self.check(state, now)

    def settle(self) -> None:
        """Wait until the photo is searched for our own marks to the end; without this nothing is released.

        Raises:
            TrustError: the photo is an output of fomm itself.
        """
        self._search.settle()

    def record_end(self) -> None:
        """Record the end of what this rests on, if it has expired, see `Ledger.settle`."""
        self.ledger.settle(lambda consent: consent.id == self.consent.id)
        if self.model is not None:
            self.model.settle(self.ledger)

    def check(self, state: LedgerState, now: datetime | None = None) -> None:
        """Judge by a state that the caller holds already.

        Raises:
            ConsentError: the consent was revoked or has ended since.
            TrustError: the clock was set back, or the photo turned out to be an output of fomm itself.
        """
        self._search.check()
        now = now or self.ledger.clock()
        state.check_clock(now)
        reason = state.objection(state.consent(self.consent.id), now, self.make, self.use, self.content)
        if reason:
            raise ConsentError(f"Consent {self.consent.id} no longer covers this render: {reason}.")
        if self.model is not None:
            self.model.check(state, self.ledger.keys, now, self.photo, self.use, self.content)


def authorise(
    photo: bytes,
    *,
    purpose: str = "animate",
    ledger: Ledger,
    name: str = "photo",
    use: str = "private",
    content: Sequence[str] = (),
    now: datetime | None = None,
    model: BoundModel | None = None,
    fit: Fit = WHOLE,
) -> Authorisation:
    """Return leave to render a photo, or raise with the command that would record the missing consent.

    Args:
        photo: the photo file's bytes, read once; they are hashed and decoded here.
        purpose: what is made: animate, dub, live or train.
        ledger: where consents are recorded.
        name: the photo's path, for messages.
        use: where it will be shown: private, research, internal, web, broadcast or advertising.
        content: sensitive subjects it touches: sexual, political, endorsement.
        now: the instant to judge by; the ledger's clock by default.
        model: the model that shall render, where it is bound to a consent of its own: that one must stand too.
        fit: what the picture is reduced to; leave is given for the whole photo.

    Raises:
        ConsentError: no consent covers this (the sentence holds the `fomm consent grant` command), or the model is
            bound to another photo or to a consent that ended.
        MediaError: the photo cannot be decoded.
        SettingsError: an unknown purpose, use or content.
        TrustError: the photo is an output of fomm itself, the ledger cannot be trusted, or the clock was set back.
    """
    for what, values, known in (("purpose", [purpose], MAKE), ("use", [use], USE), ("content", content, EXCLUDE)):
        for value in values:
            if value not in known:
                raise SettingsError(f"Unknown {what} {value!r}; choose from {', '.join(known)}.")
    decoded = decode_photo(photo, name, fit=fit)
    # Memory that nobody can make writeable again, so that what was authorised is what is rendered.
    image = np.frombuffer(decoded.pixels.tobytes(), np.uint8).reshape(decoded.pixels.shape)
    begin_search = search_photo(photo, image, name, ledger.keys)
    fingerprint = ledger.fingerprint(photo, decoded, name)
    ledger.settle(lambda consent: consent.photo.same(fingerprint))
    if model is not None:
        model.settle(ledger)
    with ledger.view() as state:
        now = now or ledger.clock()
        state.check_clock(now)
        near = state.near(fingerprint)
        exact = [consent for consent in near if consent.photo.same(fingerprint)]
        reasons = [state.objection(consent, now, purpose, use, content) for consent in exact]
        for consent, reason in zip(exact, reasons, strict=True):
            if reason is None:
                state.check_cap(consent, name, purpose, use)
                if model is not None:
                    model.check(state, ledger.keys, now, fingerprint, use, content)
                subjects, search = tuple(content), begin_search()
                search.check()  # known by now if the photo was here before
                return Authorisation(
                    _TOKEN, ledger, consent, fingerprint, image, purpose, use, subjects, model, search=search
                )
        revoked = state.needs_renewal(fingerprint)
        earlier = next((consent.terms for consent in (*exact, *near)), None)
        command = grant_command(name, purpose, use, earlier=earlier, renew=revoked is not None, content=content)
        advice = record_it(command, earlier, again=revoked is not None, more=bool(exact))
        if exact:
            raise ConsentError(f"Consent {exact[0].id} does not cover {name}: {reasons[0]}; {advice}")
        if revoked:
            raise ConsentError(f"{name} looks like the photo of consent {revoked.consent}, which was revoked; {advice}")
        if near:
            raise ConsentError(
                f"{name} looks like the photo of consent {near[0].id}, re-saved or resized: use the original file or "
                f"record a consent for this one: {command}"
            )
    raise ConsentError(f"No consent is recorded for {name}; {advice}")
