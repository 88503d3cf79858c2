"""Which stages a model has, in which order, and how one is left out."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from fomm.config.training.compact import CompactSettings
from fomm.errors import SettingsError
from fomm.geometry.landmarks import EYES, REGIONS
from fomm.parts.eyeballs import EyeballStage
from fomm.parts.irises import IrisStage
from fomm.parts.lashes import LashStage
from fomm.parts.lids import LidStage
from fomm.parts.lips import LipStage
from fomm.parts.own_teeth import OwnTeethStage
from fomm.parts.photo import Background, BackgroundTexture, Layers, MatteRefinement, MirroredHalf, Tone
from fomm.parts.stage import Frame, Source, Stage
from fomm.parts.teeth import TeethStage
from fomm.parts.tongue import TongueStage
from fomm.parts.visibility import VisibilityStage

_NEEDED = (Background.name,)  # by the networks themselves


@dataclass(frozen=True)
class StageSequence:
    """Stages in the order in which they act."""

    stages: tuple[Stage, ...] = ()

    @classmethod
    def of(cls, settings: CompactSettings) -> StageSequence:
        """Return the stages of a model with these settings."""
        stages: list[Stage] = []
        if settings.matte_width:
            stages += [MatteRefinement(), Background(), BackgroundTexture()]
            stages += [Layers(), Tone()] if settings.edge else []
        if settings.hidden_margin:
            stages.append(VisibilityStage())
        if settings.tied_keypoints > max(REGIONS["irises"]):
            stages += [LidStage(), IrisStage(), LipStage()]
        if settings.lashes:
            stages += [EyeballStage(), LashStage()]
        if settings.teeth:
            stages += [OwnTeethStage(), TongueStage(), TeethStage()]
        if settings.tied_keypoints > max(map(max, EYES)):
            stages.append(MirroredHalf())
        return cls(tuple(stages))

    @property
    def names(self) -> tuple[str, ...]:
        """Those that can be left out."""
        return tuple(stage.name for stage in self.stages if stage.name not in _NEEDED)

    def __contains__(self, name: str) -> bool:
        return any(stage.name == name for stage in self.stages)

    def without(self, names: Collection[str]) -> StageSequence:
        """Return the sequence without some stages.

        Raises:
            SettingsError: it has no stage of that name.
        """
        for name in names:
            if name not in self.names:
                near = difflib.get_close_matches(name, self.names, 1)
                hint = f"; did you mean {near[0]}?" if near else "."
                raise SettingsError(
                    f"This model has no stage '{name}' that could be left out{hint} "
                    f"It has {', '.join(self.names) or 'none'}."
                )
        return StageSequence(tuple(stage for stage in self.stages if stage.name not in names))

    def prepare(self, source: Source, *, learning: bool) -> Source:
        """Return what is known of a photo once every stage has looked at it."""
        for stage in self._acting(learning):
            source = stage.prepare(source)
        return source

    def apply(self, frame: Frame, *, learning: bool) -> Frame:
        """Return a batch of frames as the stages have it."""
        for stage in self._acting(learning):
            frame = stage.apply(frame)
        return frame

    def _acting(self, learning: bool) -> Iterator[Stage]:
        return (stage for stage in self.stages if stage.when == "always" or not learning)
