"""Train one part of a compact model while all the rest stays as it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import nn
from torch.optim import Optimizer

from fomm.config.training.stages import CompactConfig, StageSettings
from fomm.errors import SettingsError
from fomm.model.compact import CompactModel
from fomm.training.loop.start import begun_model
from fomm.training.losses.critic import Critic
from fomm.training.tasks.task import Phase, RunIdentity, cosine_rate


class PartTask(ABC):
    """What such tasks have in common; `name` is that of their stages, `alone` says why there are no others.

    Args:
        config: model and schedule; every stage must have that name.
        data: tells runs on other data than clips apart, in their identity.
        device: where to compute.

    Raises:
        SettingsError: another stage is in the schedule, the model lacks the part, or see `begun_model`.
    """

    name: ClassVar[str]
    alone: ClassVar[str]
    momentum: ClassVar[float] = 0.5
    closer: ClassVar[bool] = False  # whether the part is the close look
    critic: Critic | None = None

    def __init__(self, config: CompactConfig, data: dict[str, str], device: torch.device) -> None:
        self.config, self.loop, self.device = config, config.training, device
        for stage in config.training.stages:
            if stage.name != self.name:
                raise SettingsError(f"A stage named {stage.name} has no place in this schedule: {self.alone}.")
        self.phases = tuple(Phase(stage.name, stage.steps) for stage in config.training.stages)
        self.identity = RunIdentity.of(config.model, config.training.lasting() | data)
        torch.manual_seed(self.loop.seed)
        self.model = begun_model(config, device, closer=self.closer)
        self._part = self.part_of(self.model)
        self._number = 0

    @abstractmethod
    def part_of(self, model: CompactModel) -> nn.Module:
        """Return the part that learns.

        Raises:
            SettingsError: the model has none.
        """

    @property
    def stage(self) -> StageSettings:
        """The present stage."""
        return self.config.training.stages[self._number]

    def begin(self, phase: int) -> None:
        """Get ready for a stage."""
        self._number = phase
        self.model.eval()
        self._part.train()

    def optimizer(self) -> Optimizer:
        """Return AdamW over the part."""
        rate, decay = self.stage.learning_rate, self.loop.weight_decay
        return torch.optim.AdamW(self._part.parameters(), lr=rate, betas=(self.momentum, 0.99), weight_decay=decay)

    def rate(self, step: int) -> float:
        """Return the factor on the learning rates."""
        return cosine_rate(step, self.stage.steps)
