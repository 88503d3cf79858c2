"""What the studio allows its visitors."""

from __future__ import annotations

from dataclasses import dataclass

from fomm.config.settings import Settings, option
from fomm.errors import SettingsError


@dataclass(frozen=True)
class StudioSettings(Settings):
    """What the studio allows its visitors."""

    max_seconds: float = option(120.0, "Longest clip rendered, in seconds.", low=1.0)
    max_upload_mb: int = option(500, "Largest upload, in megabytes.", low=1)
    queue: int = option(16, "Most renders waiting at once.", low=1, high=1000)
    live: int = option(1, "Most visitors who may be live at once.", low=1, high=64)
    idle_minutes: float = option(60.0, "Forget a visitor who closed no page after this long.", low=1.0)
    max_stored_mb: int = option(10_000, "Most megabytes of all visitors' uploads kept at once.", low=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_stored_mb < self.max_upload_mb:
            raise SettingsError(
                f"StudioSettings.max_stored_mb ({self.max_stored_mb}) must have room for one upload "
                f"(max_upload_mb, {self.max_upload_mb})."
            )
