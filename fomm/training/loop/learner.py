"""One optimiser step, done safely: averaged over processes, clipped, and left out when it is not finite."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from fomm.errors import CheckpointError
from fomm.training.loop.workers import Workers


class Learner:
    """Advance one optimiser.

    Args:
        optimizer: its present learning rates are the peak rates.
        module: where batch statistics live that forward passes change.
        clip_norm: largest gradient norm; 0 for no limit.
        workers: the processes to average over.
    """

    def __init__(self, optimizer: Optimizer, module: nn.Module, clip_norm: float, workers: Workers) -> None:
        self.optimizer, self.clip_norm, self.workers = optimizer, clip_norm, workers
        self.peaks = [float(group["lr"]) for group in optimizer.param_groups]
        self.parameters: list[Tensor] = [p for group in optimizer.param_groups for p in group["params"]]
        self.statistics = [b for n, b in module.named_buffers() if n.endswith(("running_mean", "running_var"))]

    def remember(self) -> list[Tensor]:
        """Return copies of the batch statistics, for `advance` to go back to."""
        return [statistic.clone() for statistic in self.statistics]

    def advance(self, losses: Mapping[str, Tensor], rate: float, before: list[Tensor]) -> bool:
        """Minimise the sum of the losses by one step at `rate` times the peak learning rates.

        Args:
            losses: weighted losses, still attached to their graph.
            rate: factor on the learning rates.
            before: the batch statistics from before the forward pass.

        Returns:
            False if the gradient was not finite: then nothing has changed, the batch statistics included.
        """
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        self.workers.average_([*gradients, *self.statistics])
        norm = nn.utils.clip_grad_norm_(self.parameters, self.clip_norm or math.inf)
        if not torch.isfinite(norm):
            for statistic, old in zip(self.statistics, before, strict=True):
                statistic.copy_(old)
            return False
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * rate
        self.optimizer.step()
        return True

    def load(self, state: dict[str, Any]) -> None:
        """Continue from a stored optimiser state.

        Raises:
            CheckpointError: it is of another optimiser.
        """
        try:
            self.optimizer.load_state_dict(state)
        except (ValueError, KeyError) as error:
            raise CheckpointError(
                "The stored optimiser state does not fit this phase of training; choose another run folder."
            ) from error
