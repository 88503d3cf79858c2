"""Train the compact model on paired labelled clips: motion under true flow and landmarks, then the generator, or both.

A stage named `motion` trains detector and dense motion, `flow` the dense motion on top of a detector that stays as it
is, `generator` the generator on top of a fixed motion, `joint` all three, `matte` the network that finds the person.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer

from fomm.config.training.stages import CompactConfig, StageSettings
from fomm.errors import SettingsError
from fomm.geometry.warping import warp
from fomm.model.compact import CompactModel
from fomm.training.augment.views import TransferSample, augment
from fomm.training.data.labelled_clips import PairedClips, TransferBatch
from fomm.training.data.picks import random_picks
from fomm.training.data.resident import ResidentClips
from fomm.training.loop.start import begun_model
from fomm.training.losses.critic import Critic
from fomm.training.losses.generator import GeneratorStage, transferred_motion
from fomm.training.losses.matte import matte_loss
from fomm.training.losses.motion import motion_losses
from fomm.training.tasks.task import Draw, Outcome, Phase, Pictures, RunIdentity, cosine_rate


class PairedTask:
    """The stages of a compact configuration as a `Task`.

    Args:
        config: model and schedule.
        clips: paired clips to learn from.
        device: where to compute.

    Raises:
        SettingsError: `training.start` does not fit, or the model has a close look that nobody trains.
    """

    def __init__(self, config: CompactConfig, clips: PairedClips | ResidentClips, device: torch.device) -> None:
        self.config, self.loop = config, config.training
        self.clips, self.device = clips, device
        self.phases = tuple(Phase(stage.name, stage.steps) for stage in config.training.stages)
        self.identity = RunIdentity.of(config.model, config.training.lasting())
        torch.manual_seed(self.loop.seed)
        self.model = begun_model(config, device)
        self._generator_stage: GeneratorStage | None = None
        self._number = 0

    @property
    def stage(self) -> StageSettings:
        """The present stage."""
        return self.config.training.stages[self._number]

    @property
    def critic(self) -> Critic | None:
        """The present stage's adversary, if it has one."""
        return self._generator_stage.critic if self._generator_stage else None

    def begin(self, phase: int) -> None:
        """Get ready for a stage.

        Raises:
            SettingsError: the perceptual backbone is wanted but not installed, or a stage trains what is not there.
        """
        self._number = phase
        self._generator_stage = None
        if self.model.matte is not None:
            self.model.matte.train(self.stage.name == "matte")
        elif self.stage.name == "matte":
            raise SettingsError("A stage named matte trains a model that has one; set model.matte_width.")
        if self.stage.name in ("generator", "joint"):
            torch.manual_seed(self.loop.seed)  # the discriminator's first weights
            self._generator_stage = GeneratorStage(self.model, self.stage, self.loop, self.device)
        if self.stage.name in ("flow", "generator", "matte"):
            self.model.detector.eval()
        self.model.detector.requires_grad_(self.model.detector.training)
        if self.stage.name in ("generator", "matte"):
            self.model.dense_motion.eval()
        if self.stage.name == "matte":
            self.model.generator.eval()

    def optimizer(self) -> Optimizer:
        """Return AdamW over the networks that this stage trains."""
        return torch.optim.AdamW(
            _trained_parameters(self.model, self.stage.name),
            lr=self.stage.learning_rate,
            betas=(0.5, 0.99),
            weight_decay=self.loop.weight_decay,
        )

    def rate(self, step: int) -> float:
        """Return the factor on the learning rates."""
        return cosine_rate(step, self.stage.steps)

    def make_batch(self, draw: Draw) -> TransferSample:
        """Return an augmented sample of random clips and frames."""
        stage = self.config.training.stages[draw.phase]
        batch = self.clips.batch(random_picks(self.clips, stage, np.random.default_rng(draw.seed)))
        self_driven = stage.batch_size - round(stage.batch_size * stage.cross_share)
        with self.device:  # where the losses are computed: views of a large batch would keep a CPU busy for seconds
            batch = TransferBatch(**{name: value.to(self.device) for name, value in vars(batch).items()})
            generator = torch.Generator(self.device).manual_seed(draw.seed)
            return augment(batch, self.loop.augment, stage.side, generator, self_driven)

    def losses(self, batch: TransferSample) -> Outcome:
        """Compute the stage's losses."""
        if self._generator_stage is not None:
            return self._generator_stage.losses(batch)
        if self.model.matte is not None and self.stage.name == "matte":
            pictures = batch.seen[: 2 * len(batch.clean)]  # both moments of person 0 come first
            person = batch.person.flatten(0, 1)[:, None]
            return Outcome({"matte": matte_loss(self.model.matte, self.model.settings, pictures, person)})
        return Outcome(motion_losses(self.model, batch, self.stage.motion).losses)

    def pictures(self, batch: TransferSample) -> Pictures:
        """Return the batch warped and, once the generator learns, generated."""
        source, driving = batch.clean[:, 0], batch.clean[:, 1]
        if self._generator_stage is not None:
            blend = self._generator_stage.generate(batch)
            return Pictures(source, driving, blend.warped, blend.image)
        motion, _ = transferred_motion(self.model, batch)
        return Pictures(source, driving, warp(source, motion.displacement().permute(0, 3, 1, 2)))


def _trained_parameters(model: CompactModel, stage: str) -> list[nn.Parameter]:
    if stage == "motion":
        return [*model.detector.parameters(), *model.dense_motion.parameters()]
    if stage == "flow":
        return list(model.dense_motion.parameters())
    if stage == "generator":
        return list(model.generator.parameters())
    if stage == "matte":
        return [] if model.matte is None else list(model.matte.parameters())
    return [parameter for name, parameter in model.named_parameters() if not name.startswith("matte.")]
