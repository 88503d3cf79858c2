"""Random numbers of one generator, by shape."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class TorchRng:
    """Draws tensors; the generator alone decides what comes."""

    generator: torch.Generator

    def some(self, *shape: int) -> Tensor:
        """Return numbers in [0, 1]."""
        return torch.rand(shape, generator=self.generator)

    def around(self, *shape: int) -> Tensor:
        """Return numbers in [-1, 1]."""
        return self.some(*shape) * 2 - 1

    def between(self, low: float, high: float, *shape: int) -> Tensor:
        """Return numbers in [low, high]."""
        return low + (high - low) * self.some(*shape)

    def chance(self, probability: float, *shape: int) -> Tensor:
        """Return what is true with a probability."""
        return self.some(*shape) < probability

    def numbers(self, below: int, count: int) -> Tensor:
        """Return whole numbers."""
        return torch.randint(below, (count,), generator=self.generator)
