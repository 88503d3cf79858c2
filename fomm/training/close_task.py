"""Train only the close look at mouth and eyes, on paired labelled clips."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F
from torch.optim import Optimizer

from fomm.errors import SettingsError
from fomm.nn.close_look import CloseLook
from fomm.nn.compact import CompactModel
from fomm.nn.layout import channels_last
from fomm.training.clips import PairedClips, TransferBatch
from fomm.training.close_stage import CloseViews, close_losses, draw_close_views
from fomm.training.critic import Critic
from fomm.training.motion_stage import cosine_rate
from fomm.training.picks import random_picks
from fomm.training.resident import ResidentClips
from fomm.training.settings import CompactConfig, StageSettings
from fomm.training.start import start_from
from fomm.training.task import Draw, Outcome, Phase, Pictures, RunIdentity

CLOSE = "close"
"""Name of the stages that do this."""


class CloseTask:
    """The close stages of a compact configuration as a `Task`.

    Args:
        config: model and schedule; every stage must be named close.
        clips: what to learn from.
        device: where to compute.

    Raises:
        SettingsError: another stage is in the schedule, or the model does not look twice.
    """

    critic: Critic | None = None

    def __init__(self, config: CompactConfig, clips: PairedClips | ResidentClips, device: torch.device) -> None:
        self.config, self.loop = config, config.training
        self.clips, self.device = clips, device
        if any(stage.name != CLOSE for stage in config.training.stages):
            raise SettingsError("Stages named close train nothing else; give them a configuration of their own.")
        self.phases = tuple(Phase(stage.name, stage.steps) for stage in config.training.stages)
        self.identity = RunIdentity.of(config.model, config.training.lasting())
        torch.manual_seed(self.loop.seed)
        self.model = channels_last(CompactModel(config.model).to(device))
        look = self.model.detector.close
        if look is None:
            raise SettingsError("A stage named close trains a model that looks closer; set model.close_look.")
        self.look: CloseLook = look
        if config.training.start:
            start_from(self.model, config.training.start)
        self._number = 0

    @property
    def stage(self) -> StageSettings:
        """The present stage."""
        return self.config.training.stages[self._number]

    def begin(self, phase: int) -> None:
        """Get ready for a stage: all but the close look stays as it is."""
        self._number = phase
        self.model.eval()
        self.look.train()

    def optimizer(self) -> Optimizer:
        """Return AdamW over the close look."""
        rate, decay = self.stage.learning_rate, self.loop.weight_decay
        return torch.optim.AdamW(self.look.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=decay)

    def rate(self, step: int) -> float:
        """Return the factor on the learning rates."""
        return cosine_rate(step, self.stage.steps)

    def make_batch(self, draw: Draw) -> CloseViews:
        """Return views of random people and moments."""
        stage = self.config.training.stages[draw.phase]
        batch = self.clips.batch(random_picks(self.clips, stage, np.random.default_rng(draw.seed)))
        with self.device:
            batch = TransferBatch(**{name: value.to(self.device) for name, value in vars(batch).items()})
            return draw_close_views(batch, torch.Generator(self.device).manual_seed(draw.seed))

    def losses(self, batch: CloseViews) -> Outcome:
        """Compute the losses."""
        return Outcome(close_losses(self.look, batch))

    def pictures(self, batch: CloseViews) -> Pictures:
        """Return views of mouths, and of left and right eyes, as pictures."""
        shown = batch.mouths.shown
        left, right = (F.interpolate(eyes, shown.shape[2:]) for eyes in batch.eyes.shown.chunk(2))
        return Pictures(shown, left, right)
