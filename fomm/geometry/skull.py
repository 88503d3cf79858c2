"""Places inside the mouth as the skull sees them, whatever the lips do: along and across from the nose down.

A step is the way from between the eyes to the nostrils, which neither jaw nor lips move. Across is measured from the
middle of the upper lip, which turns with the teeth where the tip of the nose stands out further.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_LEFT_NOSTRIL, _RIGHT_NOSTRIL, _BETWEEN_EYES, _UPPER_LIP = 8, 9, 10, 3  # among `fomm.geometry.mouth_shape.LANDMARKS`
_NARROWEST, _WIDEST = 0.6, 1.2


@dataclass(frozen=True)
class SkullAxes:
    """The axes of B skulls.

    Attributes:
        nose: amid the nostrils, `[B, 2]` in [-1, 1].
        down: unit vector from between the eyes to there, `[B, 2]`.
        step: that way's length, `[B, 1]`.
        middle: how far across from the nose the middle of the upper lip is, in steps, `[B, 1, 1]`.
        nostrils: how far they are apart, in steps, `[B, 1, 1]`.
    """

    nose: Tensor
    down: Tensor
    step: Tensor
    middle: Tensor
    nostrils: Tensor

    @classmethod
    def of(cls, marks: Tensor) -> SkullAxes:
        """Measure marks `[B, 11, 2]`, as `fomm.geometry.mouth_shape.marks_of` gives them."""
        left, right = marks[:, _LEFT_NOSTRIL], marks[:, _RIGHT_NOSTRIL]
        nose = (left + right) / 2
        way = nose - marks[:, _BETWEEN_EYES]
        step = way.square().sum(-1, keepdim=True).add(1e-4).sqrt()  # [B, 1]
        down = way / step
        lip = (marks[:, _UPPER_LIP] - nose) / step
        middle = lip[:, 0] * down[:, 1] - lip[:, 1] * down[:, 0]
        nostrils = (right - left).square().sum(-1).sqrt() / step[:, 0]
        return cls(nose, down, step, middle[:, None, None], nostrils[:, None, None])

    def measure(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Return how far across from the middle and below the nose points are, in steps, `[B, h, w]` each.

        Args:
            points: `[h, w, 2]` or `[B, h, w, 2]` in [-1, 1].
        """
        offset = (points - self.nose[:, None, None]) / self.step[:, None, None]  # [B, h, w, 2]
        down = self.down[:, None, None]
        across = offset[..., 0] * down[..., 1] - offset[..., 1] * down[..., 0]
        return across - self.middle, (offset * down).sum(-1)

    def point(self, across: Tensor, depth: Tensor) -> Tensor:
        """Return the point that `measure` measures so, `[B, h, w, 2]`."""
        down = self.down[:, None, None]
        aside = torch.stack((down[..., 1], -down[..., 0]), dim=-1)
        offset = (across + self.middle)[..., None] * aside + depth[..., None] * down
        return self.nose[:, None, None] + self.step[:, None, None] * offset

    def narrowed(self, before: SkullAxes) -> Tensor:
        """Return how much narrower than before a turn has made the face, `[B, 1, 1]`, told from the nostrils."""
        return (self.nostrils / before.nostrils.clamp_min(1e-3)).clamp(_NARROWEST, _WIDEST)
