"""The bundled demo: a portrait of nobody, a talking clip, and the consent record such a picture needs too."""

from __future__ import annotations

from pathlib import Path

from fomm.errors import ConsentError, MediaError
from fomm.trust.consent.authorise import authorise
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import NO_LIVING, ConsentTerms
from fomm.weights.locations import demo_folder

ORIGIN = "ai-generated"
SOURCE = "faker-js/assets-person-portrait, CC0 1.0, Stable Diffusion 3; shows no real person"
"""Where the bundled portraits come from, as their consent records say it."""

_TERMS = ConsentTerms(
    subject="demo portrait",
    kind=NO_LIVING,
    origin=ORIGIN,
    source=SOURCE,
    capture="source-statement",
)


def demo_files() -> tuple[Path, Path]:
    """Return the bundled portrait and driving clip.

    Raises:
        MediaError: the installation lacks them.
    """
    portrait, driving = demo_folder() / "portrait.jpg", demo_folder() / "driving.mp4"
    for path in (portrait, driving):
        if not path.is_file():
            raise MediaError(f"The demo file {path} is missing; install fomm again.")
    return portrait, driving


def record_demo_consent(portrait: Path, ledger: Ledger | None = None) -> None:
    """Record that the demo portrait shows nobody, unless that is recorded already.

    Raises:
        TrustError: the ledger cannot be trusted.
    """
    ledger = ledger or Ledger()
    data = portrait.read_bytes()
    try:
        authorise(data, ledger=ledger, name=portrait.name)
    except ConsentError:
        ledger.grant(data, _TERMS, name=portrait.name)
