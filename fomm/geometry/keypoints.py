"""Keypoints of a batch of images."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Keypoints:
    """Keypoints of a batch of images.

    Attributes:
        value: positions `[B, K, 2]`, x then y in [-1, 1].
        jacobian: local affine frames `[B, K, 2, 2]` (rows: d/dx and d/dy components), or None for a
            translation-only model.
    """

    value: Tensor
    jacobian: Tensor | None = None

    def __getitem__(self, index: slice | Tensor) -> Keypoints:
        """Select along the batch dimension."""
        return Keypoints(self.value[index], None if self.jacobian is None else self.jacobian[index])

    def __len__(self) -> int:
        return len(self.value)

    def to(self, target: torch.device | torch.dtype) -> Keypoints:
        """Move or cast both tensors to one device or one floating type."""
        return Keypoints(self.value.to(target), None if self.jacobian is None else self.jacobian.to(target))

    def detach(self) -> Keypoints:
        """Return the same keypoints cut off from the autograd graph."""
        return Keypoints(self.value.detach(), None if self.jacobian is None else self.jacobian.detach())

    def expand(self, batch: int) -> Keypoints:
        """Repeat a single set of keypoints (`B == 1`) to `batch` without copying."""
        jacobian = None if self.jacobian is None else self.jacobian.expand(batch, -1, -1, -1)
        return Keypoints(self.value.expand(batch, -1, -1), jacobian)

    def mirrored(self, order: tuple[int, ...]) -> Keypoints:
        """Return the keypoints of the mirrored picture, left for right.

        Args:
            order: for each keypoint which one it becomes, see `fomm.geometry.landmarks.mirror_order`.
        """
        picks = list(order)
        value = self.value[:, picks] * self.value.new_tensor((-1.0, 1.0))
        if self.jacobian is None:
            return Keypoints(value)
        swapped = self.jacobian.new_tensor(((1.0, -1.0), (-1.0, 1.0)))  # M J M with M = diag(-1, 1)
        return Keypoints(value, self.jacobian[:, picks] * swapped)

    @staticmethod
    def cat(parts: list[Keypoints]) -> Keypoints:
        """Concatenate along the batch dimension; all parts have a Jacobian or none has."""
        jacobians = [part.jacobian for part in parts if part.jacobian is not None]
        return Keypoints(torch.cat([part.value for part in parts]), torch.cat(jacobians) if jacobians else None)

    @staticmethod
    def mean(looks: list[Keypoints]) -> Keypoints:
        """Average several looks at the same pictures; all have a Jacobian or none has."""
        jacobians = [look.jacobian for look in looks if look.jacobian is not None]
        value = torch.stack([look.value for look in looks]).mean(0)
        return Keypoints(value, torch.stack(jacobians).mean(0) if jacobians else None)
