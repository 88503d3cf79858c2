"""From what the networks made to what the exit takes: composed frames, tied to the photo they show."""

from __future__ import annotations

from fomm.model.interface import GeneratedFrames
from fomm.render.paste_back import PasteBack
from fomm.trust.consent.authorise import Authorisation
from fomm.trust.release.rendered import Rendered


def sealed(paste: PasteBack, made: GeneratedFrames) -> Rendered:
    """Return composed frames, which leave under the leave of their portrait alone, or not at all if it has none."""
    leave = paste.leave
    return Rendered(paste.compose(made), leave if isinstance(leave, Authorisation) else None)
