"""How a photo is edited, stage by stage."""

from __future__ import annotations

from dataclasses import dataclass, field

from fomm.config.animate import DEFAULT_MODEL, USE, AnimateSettings
from fomm.config.edit import EditSettings
from fomm.config.face import FaceSettings
from fomm.config.label import LabelSettings
from fomm.config.refine import RefineSettings
from fomm.config.render import RenderSettings
from fomm.config.settings import Settings, option

PATHS = ("return", "hold")
MOVE_SECONDS, STAY_SECONDS = 0.6, 0.8


@dataclass(frozen=True)
class EditMotionSettings(Settings):
    """How an edit becomes a motion."""

    path: str = option("return", "return goes back to the photo as it is; hold stays at the edit.", choices=PATHS)
    move_seconds: float = option(MOVE_SECONDS, "How long the face takes to get there, in seconds.", low=0.1, high=10.0)
    stay_seconds: float = option(STAY_SECONDS, "How long it stays there, in seconds.", low=0.04, high=60.0)


@dataclass(frozen=True)
class EditPhotoSettings(Settings):
    """How a photo is edited, stage by stage."""

    model: str = option(DEFAULT_MODEL, "Name of a bundled model, or path of a checkpoint.")
    edit: EditSettings = field(default_factory=EditSettings)
    motion: EditMotionSettings = field(default_factory=EditMotionSettings)
    face: FaceSettings = field(default_factory=FaceSettings)
    render: RenderSettings = field(default_factory=RenderSettings)
    refine: RefineSettings = field(default_factory=RefineSettings)
    label: LabelSettings = field(default_factory=LabelSettings)
    use: str = option("private", "Where the result will be shown; the consent must allow it.", choices=USE)

    def scene(self) -> AnimateSettings:
        """Return the settings that an edit shares with an animation."""
        return AnimateSettings(
            model=self.model, face=self.face, render=self.render, refine=self.refine, label=self.label, use=self.use
        )
