"""All settings of one animation, one dataclass per stage; the command line, the studio and the API share them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from fomm.config.edit import MoodSettings
from fomm.config.encode import EncodeSettings
from fomm.config.face import FaceSettings
from fomm.config.label import LabelSettings
from fomm.config.motion import ANYWHERE, SmoothSettings, TransferSettings
from fomm.config.refine import RefineSettings
from fomm.config.render import RenderSettings
from fomm.config.settings import Settings, option

USE = ("private", "research", "internal", "web", "broadcast", "advertising")
"""Where a result may be shown."""
DEFAULT_MODEL = "compact-256"
TRACK_SUFFIX = ".safetensors"
"""How the name of a motion track ends."""


@dataclass(frozen=True)
class AnimateSettings(Settings):
    """How a photo is animated, stage by stage."""

    model: str = option(DEFAULT_MODEL, "Name of a bundled model, or path of a checkpoint.")
    face: FaceSettings = field(default_factory=FaceSettings)
    smooth: SmoothSettings = field(default_factory=SmoothSettings)
    transfer: TransferSettings = field(default_factory=TransferSettings)
    mood: MoodSettings = field(default_factory=MoodSettings)
    render: RenderSettings = field(default_factory=RenderSettings)
    refine: RefineSettings = field(default_factory=RefineSettings)
    encode: EncodeSettings = field(default_factory=EncodeSettings)
    label: LabelSettings = field(default_factory=LabelSettings)
    use: str = option("private", "Where the result will be shown; the consent must allow it.", choices=USE)
    max_seconds: float | None = option(None, "Stop after this many seconds of the driving clip.", low=0.04)

    @property
    def carried(self) -> TransferSettings:
        """How motion is carried over: a plain square has no photo around it that would hold the body back."""
        return replace(self.transfer, roam=ANYWHERE) if self.refine.crop_only else self.transfer
