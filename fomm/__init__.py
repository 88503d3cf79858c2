"""fomm: first-order-motion image animation of one consented portrait.

The Python API in a few lines:

    from fomm import Pipeline

    pipeline = Pipeline()
    receipt = pipeline.animate("photo.jpg", "talk.mp4", "out.mp4")

Paths are text or `pathlib.Path`, with `~/` for the home folder; whatever cannot be done raises a `FommError`.

The names below are imported on first use, so that `import fomm` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fomm.config.animate import AnimateSettings as AnimateSettings
    from fomm.config.edit import EditSettings as EditSettings
    from fomm.config.edit_photo import EditPhotoSettings as EditPhotoSettings
    from fomm.errors import FommError as FommError
    from fomm.tasks.animate import Pipeline as Pipeline
    from fomm.tasks.edit import edit_motion as edit_motion
    from fomm.tasks.edit import edit_still as edit_still
    from fomm.tasks.edit import save_edit_motion as save_edit_motion
    from fomm.track.track import MotionTrack as MotionTrack
    from fomm.trust.consent.ledger import Ledger as Ledger
    from fomm.trust.consent.terms import ConsentTerms as ConsentTerms

_HOMES = {
    "AnimateSettings": "fomm.config.animate",
    "ConsentTerms": "fomm.trust.consent.terms",
    "EditPhotoSettings": "fomm.config.edit_photo",
    "EditSettings": "fomm.config.edit",
    "FommError": "fomm.errors",
    "Ledger": "fomm.trust.consent.ledger",
    "MotionTrack": "fomm.track.track",
    "Pipeline": "fomm.tasks.animate",
    "edit_motion": "fomm.tasks.edit",
    "edit_still": "fomm.tasks.edit",
    "save_edit_motion": "fomm.tasks.edit",
}
__all__ = ["__version__", *_HOMES]  # noqa: PLE0604 - the keys are strings


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'fomm' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
