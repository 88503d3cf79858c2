"""Train a model of the paper on plain clips, by the schedule of its configuration (the paper's section 4 and appendix).

Adam with betas 0.5 and 0.999, learning rates that fall tenfold at the epoch milestones, no averaging of weights.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from fomm.config.training.loop import LoopSettings
from fomm.config.training.paper import Config
from fomm.networks.paper.discriminator import MultiScaleDiscriminator
from fomm.training.data.clip_folder import ClipFolder
from fomm.training.losses.critic import Critic
from fomm.training.losses.perceptual import PAPER_WITHOUT
from fomm.training.tasks.clips import ClipLosses, ClipTask
from fomm.training.tasks.task import Draw, Phase, RunIdentity

_SAVE_AT_LEAST = 1000  # steps; `checkpoint_freq` counts in epochs, which may be hours


class PaperTask(ClipTask):
    """Train a model of the paper by its configuration: Adam, learning rates that fall tenfold at milestones, epochs.

    An epoch visits every identity (or clip) `num_repeats` times in random order and drops the incomplete last batch.

    Args:
        config: the whole configuration.
        clips: what to learn from.
        device: where to compute.
        backbone: see `ClipTask`.
    """

    def __init__(
        self, config: Config, clips: ClipFolder, device: torch.device, backbone: nn.Module | None = None
    ) -> None:
        params = config.train_params
        self.config = config
        self.epoch_steps = max(1, len(clips) * params.num_repeats // params.batch_size)
        loop = LoopSettings(
            clip_norm=0.0,
            ema_decay=0.0,
            checkpoint_every=min(params.checkpoint_freq * self.epoch_steps, _SAVE_AT_LEAST),
        )
        parts = ClipLosses(
            params.loss_weights, params.scales, params.transform_params, corners=True, without=PAPER_WITHOUT
        )
        super().__init__(config.model_params, clips, parts, loop, device, backbone)
        self.phases = (Phase("paper", params.num_epochs * self.epoch_steps),)
        self.identity = RunIdentity.of(config.model_params, params.to_mapping())

    def begin(self, phase: int) -> None:
        """Build the adversary, if the configuration has one."""
        params, model = self.config.train_params, self.config.model_params
        weights = params.loss_weights
        if weights.generator_gan > 0:
            torch.manual_seed(self.loop.seed)
            self.critic = Critic(
                MultiScaleDiscriminator(model.common_params, model.discriminator_params),
                adversarial=weights.generator_gan,
                feature_matching=weights.feature_matching,
                own=weights.discriminator_gan,
                learning_rate=params.lr_discriminator,
                device=self.device,
            )

    def optimizer(self) -> Optimizer:
        """Return Adam with one learning rate for the generator and one for the detector."""
        params = self.config.train_params
        detector = list(self.model.detector.parameters())
        inside = {id(parameter) for parameter in detector}
        rest = [parameter for parameter in self.model.parameters() if id(parameter) not in inside]
        groups = [{"params": rest, "lr": params.lr_generator}, {"params": detector, "lr": params.lr_kp_detector}]
        return torch.optim.Adam(groups, betas=(0.5, 0.999))

    def rate(self, step: int) -> float:
        """Return 0.1 to the power of the milestones passed."""
        epoch = step // self.epoch_steps
        return float(0.1 ** sum(epoch >= milestone for milestone in self.config.train_params.epoch_milestones))

    def make_batch(self, draw: Draw) -> Tensor:
        """Return this process's share of the step's pairs."""
        size = self.config.train_params.batch_size
        epoch, position = divmod(draw.step, self.epoch_steps)
        order = np.random.default_rng((self.loop.seed, epoch)).permutation(
            len(self.clips) * self.config.train_params.num_repeats
        )
        chosen = order[position * size : (position + 1) * size][draw.rank :: draw.world]
        return self._pairs([int(index) % len(self.clips) for index in chosen], draw)
