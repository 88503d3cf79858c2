"""What the trainer asks of something that can be trained; the trainer knows no data set, model or loss."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

from torch import Tensor
from torch.optim import Optimizer

from fomm.config.settings import Settings
from fomm.config.training.loop import LoopSettings
from fomm.geometry.keypoints import Keypoints
from fomm.model.interface import AnimationModel
from fomm.training.losses.critic import Critic

Batch = TypeVar("Batch")


@dataclass(frozen=True)
class Phase:
    """A stretch of training with one optimiser: its name and its length in optimiser steps."""

    name: str
    steps: int


@dataclass(frozen=True)
class Draw:
    """Which batch is wanted. Equal draws give equal batches: `seed` differs for every phase, step and process."""

    phase: int
    step: int
    seed: int
    rank: int = 0
    world: int = 1


@dataclass(frozen=True)
class Outcome:
    """What a training step computed.

    Attributes:
        losses: weighted losses by name; their sum is minimised.
        generated: generated frames `[B, 3, H, W]`, for a critic.
        target: the frames they should have been, `[B, 3, H, W]`.
        driving: keypoints of those frames.
    """

    losses: dict[str, Tensor]
    generated: Tensor | None = None
    target: Tensor | None = None
    driving: Keypoints | None = None


@dataclass(frozen=True)
class Pictures:
    """Pictures of a batch to look at, each `[B, 3, H, W]` in [0, 1]; `generated` is None before anything generates."""

    source: Tensor
    driving: Tensor
    warped: Tensor
    generated: Tensor | None = None


@dataclass(frozen=True)
class RunIdentity:
    """Digests that tell whether a stored state belongs to these settings: of the model, and of its training."""

    model: str
    training: str

    @classmethod
    def of(cls, model: Settings, training: Mapping[str, object]) -> Self:
        """Digest a model's settings and plain training settings."""
        canonical = json.dumps(training, sort_keys=True, separators=(",", ":"))
        return cls(model.digest(), hashlib.sha256(canonical.encode()).hexdigest())


class Task(Protocol[Batch]):
    """A model with its data, losses and schedule.

    Attributes:
        model: what is trained, on its device.
        loop: settings of the loop.
        phases: the schedule, in order.
        identity: whose state this is.
        critic: an adversary with an optimiser of its own, or None; may change from phase to phase.
    """

    @property
    def model(self) -> AnimationModel: ...  # noqa: D102 - described above, as are the next four

    @property
    def loop(self) -> LoopSettings: ...  # noqa: D102

    @property
    def phases(self) -> Sequence[Phase]: ...  # noqa: D102

    @property
    def identity(self) -> RunIdentity: ...  # noqa: D102

    @property
    def critic(self) -> Critic | None: ...  # noqa: D102

    def begin(self, phase: int) -> None:
        """Get ready for a phase: modes of the networks, losses, critic."""

    def optimizer(self) -> Optimizer:
        """Return a new optimiser over what this phase trains; its learning rates are the phase's peak rates."""

    def rate(self, step: int) -> float:
        """Return the factor on all learning rates at a step of this phase."""

    def make_batch(self, draw: Draw) -> Batch:
        """Return a batch; called from other threads, ahead of time, so it may touch no global randomness."""

    def losses(self, batch: Batch) -> Outcome:
        """Compute the losses of a batch."""

    def pictures(self, batch: Batch) -> Pictures:
        """Return pictures of a batch; called in evaluation mode without gradients."""


def cosine_rate(step: int, steps: int, warm_up: int = 50) -> float:
    """Return the learning-rate factor of a step: linear warm-up, then a cosine from 1 to 0.03."""
    return min(1.0, (step + 1) / warm_up) * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * step / steps)))
