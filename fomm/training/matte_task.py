"""Train only the network that finds the person, on a folder of portraits with mattes."""

from __future__ import annotations

import torch
from torch.nn import functional as F
from torch.optim import Optimizer

from fomm.errors import SettingsError
from fomm.nn.compact import CompactModel
from fomm.nn.compact_detector import to_blocks
from fomm.nn.layout import channels_last
from fomm.nn.matte import CompactMatte
from fomm.training.critic import Critic
from fomm.training.matte_stage import matte_loss
from fomm.training.motion_stage import cosine_rate
from fomm.training.portrait_views import MatteViews, PortraitPictures, draw_views
from fomm.training.settings import CompactConfig, StageSettings
from fomm.training.start import start_from
from fomm.training.task import Draw, Outcome, Phase, Pictures, RunIdentity


class MatteTask:
    """The matte stages of a compact configuration as a `Task`.

    Args:
        config: model and schedule; every stage must be named matte.
        portraits: what to learn from.
        device: where to compute.

    Raises:
        SettingsError: another stage is in the schedule, or the model has no matte.
    """

    critic: Critic | None = None

    def __init__(self, config: CompactConfig, portraits: PortraitPictures, device: torch.device) -> None:
        self.config, self.loop = config, config.training
        self.portraits, self.device = portraits, device
        for stage in config.training.stages:
            if stage.name != "matte":
                raise SettingsError(f"A stage named {stage.name} trains on clips; portraits train the matte alone.")
        self.phases = tuple(Phase(stage.name, stage.steps) for stage in config.training.stages)
        self.identity = RunIdentity.of(config.model, config.training.lasting() | {"data": "portraits"})
        torch.manual_seed(self.loop.seed)
        self.model = channels_last(CompactModel(config.model).to(device))
        if self.model.matte is None:
            raise SettingsError("A stage named matte trains a model that has one; set model.matte_width.")
        self.matte: CompactMatte = self.model.matte
        if config.training.start:
            start_from(self.model, config.training.start)
        self._number = 0

    @property
    def stage(self) -> StageSettings:
        """The present stage."""
        return self.config.training.stages[self._number]

    def begin(self, phase: int) -> None:
        """Get ready for a stage: all but the matte stays as it is."""
        self._number = phase
        self.model.eval()
        self.matte.train()

    def optimizer(self) -> Optimizer:
        """Return AdamW over the matte."""
        rate, decay = self.stage.learning_rate, self.loop.weight_decay
        return torch.optim.AdamW(self.matte.parameters(), lr=rate, betas=(0.5, 0.99), weight_decay=decay)

    def rate(self, step: int) -> float:
        """Return the factor on the learning rates."""
        return cosine_rate(step, self.stage.steps)

    def make_batch(self, draw: Draw) -> MatteViews:
        """Return random views of random portraits."""
        stage = self.config.training.stages[draw.phase]
        views = draw_views(self.portraits, stage.batch_size, stage.side, torch.Generator().manual_seed(draw.seed))
        return MatteViews(views.pictures.to(self.device), views.person.to(self.device))

    def losses(self, batch: MatteViews) -> Outcome:
        """Compute the loss."""
        return Outcome({"matte": matte_loss(self.matte, self.model.settings, batch.pictures, batch.person)})

    def pictures(self, batch: MatteViews) -> Pictures:
        """Return the batch, its mattes, and what is found, as pictures."""
        settings, size = self.model.settings, batch.pictures.shape[2:]
        found = self.matte.find(to_blocks(batch.pictures, settings.motion_side, settings.matte_detail))
        person, mattes = (planes.expand(-1, 3, -1, -1) for planes in (batch.person, F.interpolate(found, size=size)))
        return Pictures(batch.pictures, person, mattes)
