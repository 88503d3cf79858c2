"""Train a compact model on plain clips without labels, where no labelled pairs exist."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from fomm.config.training.paper import LossWeights, TransformParams
from fomm.config.training.stages import CompactConfig, StageSettings
from fomm.training.data.clip_folder import ClipFolder
from fomm.training.loop.start import refuse_untrained_look
from fomm.training.losses.perceptual import COMPACT_WITHOUT
from fomm.training.tasks.clips import ClipLosses, ClipTask
from fomm.training.tasks.task import Draw, Phase, RunIdentity, cosine_rate


class CompactClipTask(ClipTask):
    """Train a compact model on plain clips: every stage of its schedule trains everything, without labels.

    Its tied keypoints then follow whatever they find, not face landmarks.

    Args:
        config: model and schedule.
        clips: what to learn from; frames are as large as they say, whatever the stages' `side`.
        device: where to compute.
        backbone: see `ClipTask`; by default the one `training.perceptual` names.

    Raises:
        SettingsError: the model has a close look, which only labelled clips can train.
    """

    def __init__(
        self, config: CompactConfig, clips: ClipFolder, device: torch.device, backbone: nn.Module | None = None
    ) -> None:
        refuse_untrained_look(config.model, None)
        self.config = config
        weights = LossWeights(perceptual=(0.0,) if config.training.perceptual == "none" else (10.0,) * 5)
        parts = ClipLosses(weights, (1.0, 0.5, 0.25), TransformParams(), corners=False, without=COMPACT_WITHOUT)
        super().__init__(config.model, clips, parts, config.training, device, backbone)
        self.phases = tuple(Phase(stage.name, stage.steps) for stage in config.training.stages)
        self.identity = RunIdentity.of(config.model, config.training.lasting() | {"clips": "plain"})
        self._number = 0

    @property
    def _stage(self) -> StageSettings:
        return self.config.training.stages[self._number]

    def begin(self, phase: int) -> None:
        """Get ready for a stage."""
        self._number = phase

    def optimizer(self) -> Optimizer:
        """Return AdamW over the whole model."""
        decay = self.config.training.weight_decay
        rate = self._stage.learning_rate
        return torch.optim.AdamW(self.model.parameters(), lr=rate, betas=(0.5, 0.99), weight_decay=decay)

    def rate(self, step: int) -> float:
        """Return the factor on the learning rates: warm-up, then a cosine."""
        return cosine_rate(step, self._stage.steps)

    def make_batch(self, draw: Draw) -> Tensor:
        """Return pairs of random clips."""
        size = self.config.training.stages[draw.phase].batch_size
        chosen = np.random.default_rng((draw.seed, 1)).integers(0, len(self.clips), size)
        return self._pairs([int(index) for index in chosen], draw)
