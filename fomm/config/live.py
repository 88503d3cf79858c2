"""How one goes live."""

from __future__ import annotations

from dataclasses import dataclass

from fomm.config.animate import AnimateSettings
from fomm.config.settings import option


@dataclass(frozen=True)
class LiveSettings(AnimateSettings):
    """How a photo is shown live; smoothing and encoding are those of a recording."""

    view: str = option("photo", "Show the whole photo, or the square around the face.", choices=("photo", "face"))
    record_seconds: float = option(60.0, "Longest recording in seconds.", low=1.0)
