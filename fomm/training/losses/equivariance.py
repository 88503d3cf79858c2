"""The random deformation of the equivariance loss, and the loss itself (the paper's section 3.1, equations 8 and 9).

Keypoints of a deformed picture, mapped back by the deformation, must be the keypoints of the picture; Jacobians must
change by the deformation's own Jacobian. The deformation is affine plus a thin-plate spline,
`T(z) = A z + t + sum_i w_i U(|z - c_i|)` with `U(r) = r^2 log r` around the control points `c_i`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.config.training.paper import TransformParams
from fomm.geometry.affine import inverse_2x2
from fomm.geometry.grids import coordinate_grid
from fomm.geometry.keypoints import Keypoints

_TINY = 1e-9


@dataclass(frozen=True)
class Deformation:
    """A random smooth map of the plane for each row of a batch, from new to old coordinates in [-1, 1].

    Attributes:
        linear: `[B, 2, 2]`.
        shift: `[B, 2]`.
        centres: control points `[C, 2]`; C may be 0.
        bend: weight of each control point for x and y, `[B, C, 2]`.
    """

    linear: Tensor
    shift: Tensor
    centres: Tensor
    bend: Tensor

    @classmethod
    def random(cls, batch: int, params: TransformParams, device: torch.device) -> Deformation:
        """Draw deformations near the identity, from torch's global randomness."""
        noise = torch.randn(batch, 2, 3, device=device) * params.sigma_affine
        linear = torch.eye(2, device=device) + noise[..., :2]
        if not params.sigma_tps or not params.points_tps:
            return cls(linear, noise[..., 2], noise.new_zeros(0, 2), noise.new_zeros(batch, 0, 2))
        centres = coordinate_grid(params.points_tps, params.points_tps, noise, corners=True).flatten(0, 1)
        bend = torch.randn(batch, len(centres), 2, device=device) * params.sigma_tps
        return cls(linear, noise[..., 2], centres, bend)

    def map(self, points: Tensor) -> Tensor:
        """Return where points `[B, N, 2]` come from."""
        square = self._square_distance(points)
        kernel = 0.5 * square * torch.log(square + _TINY)  # r^2 log r
        return points @ self.linear.transpose(-1, -2) + self.shift[:, None] + kernel @ self.bend

    def jacobian(self, points: Tensor) -> Tensor:
        """Return the derivative of `map` at points `[B, N, 2]`: `[B, N, 2, 2]`."""
        square = self._square_distance(points)
        radial = torch.log(square + _TINY) + square / (square + _TINY)  # U'(r) / r
        offset = points[:, :, None] - self.centres  # [B, N, C, 2]
        # [B, N, i, j] = sum over control points of bend_i * dU / dz_j
        return self.linear[:, None] + torch.einsum("bci,bnc,bncj->bnij", self.bend, radial, offset)

    def apply(self, pictures: Tensor, *, corners: bool) -> Tensor:
        """Deform pictures `[B, C, H, W]`; `corners` is the grid convention of the model's keypoints."""
        height, width = pictures.shape[2:]
        grid = coordinate_grid(height, width, self.linear, corners=corners).flatten(0, 1)
        where = self.map(grid.expand(len(pictures), -1, -1)).view(-1, height, width, 2)
        return F.grid_sample(pictures, where, padding_mode="reflection", align_corners=corners)

    def _square_distance(self, points: Tensor) -> Tensor:
        """Return squared distances of points `[B, N, 2]` to the control points, `[B, N, C]`."""
        return (points[:, :, None] - self.centres).square().sum(-1)


def equivariance_losses(found: Keypoints, changed: Keypoints, deformation: Deformation) -> dict[str, Tensor]:
    """Return the unweighted losses `equivariance_value` and, with Jacobians, `equivariance_jacobian`.

    Args:
        found: keypoints of the pictures.
        changed: keypoints of the deformed pictures.
        deformation: what was done to them.
    """
    losses = {"equivariance_value": (found.value - deformation.map(changed.value)).abs().mean()}
    if found.jacobian is not None and changed.jacobian is not None:
        carried = deformation.jacobian(changed.value) @ changed.jacobian
        difference = inverse_2x2(found.jacobian) @ carried - torch.eye(2, device=carried.device)
        losses["equivariance_jacobian"] = difference.abs().mean()
    return losses
