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
    from fomm.errors import FommError as FommError
    from fomm.motion.edit import EditSettings as EditSettings
    from fomm.motion.track import MotionTrack as MotionTrack
    from fomm.scenes.animate import Pipeline as Pipeline
    from fomm.scenes.edit import EditPhotoSettings as EditPhotoSettings
    from fomm.scenes.edit import edit_motion as edit_motion
    from fomm.scenes.edit import edit_still as edit_still
    from fomm.scenes.edit import save_edit_motion as save_edit_motion
    from fomm.scenes.settings import AnimateSettings as AnimateSettings
    from fomm.trust.consent import ConsentTerms as ConsentTerms
    from fomm.trust.ledger import Ledger as Ledger

_HOMES = {
    "AnimateSettings": "fomm.scenes.settings",
    "ConsentTerms": "fomm.trust.consent",
    "EditPhotoSettings": "fomm.scenes.edit",
    "EditSettings": "fomm.motion.edit",
    "FommError": "fomm.errors",
    "Ledger": "fomm.trust.ledger",
    "MotionTrack": "fomm.motion.track",
    "Pipeline": "fomm.scenes.animate",
    "edit_motion": "fomm.scenes.edit",
    "edit_still": "fomm.scenes.edit",
    "save_edit_motion": "fomm.scenes.edit",
}
__all__ = ["__version__", *_HOMES]  # noqa: PLE0604 - the keys are strings


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'fomm' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
