"""Affine motions around keypoints (the paper's equation 4)."""

from __future__ import annotations

import torch
from torch import Tensor

from fomm.geometry.grids import coordinate_grid
from fomm.geometry.keypoints import Keypoints


def inverse_2x2(matrix: Tensor) -> Tensor:
    """Invert `[..., 2, 2]` matrices in closed form, far faster than a batched LAPACK call."""
    a, b = matrix[..., 0, 0], matrix[..., 0, 1]
    c, d = matrix[..., 1, 0], matrix[..., 1, 1]
    adjugate = torch.stack((torch.stack((d, -b), -1), torch.stack((-c, a), -1)), -2)
    return adjugate / (a * d - b * c)[..., None, None]


def sparse_motions(driving: Keypoints, source: Keypoints, height: int, width: int, *, corners: bool) -> Tensor:
    """Return the K local affine motions and, in slot 0, the identity for the background.

    Equation 4 of the paper: `T_k(z) = p_source + J_source J_driving^-1 (z - p_driving)`.

    Args:
        driving: keypoints of the frame to make, `B` of them.
        source: keypoints of the source, `B` of them.
        height: rows of the field.
        width: columns of the field.
        corners: the grid convention, see the module docstring.

    Returns:
        `[B, K + 1, H, W, 2]`, each a backward flow in [-1, 1].
    """
    grid = coordinate_grid(height, width, driving.value, corners=corners)
    batch = driving.value.shape[0]
    x, y = grid[0, :, 0], grid[:, 0, 1]  # [W], [H]
    offset_x = (x - driving.value[..., 0:1]).unsqueeze(-2)  # [B, K, 1, W]
    offset_y = (y - driving.value[..., 1:2]).unsqueeze(-1)  # [B, K, H, 1]
    start = source.value[..., None, None]  # [B, K, 2, 1, 1]
    if driving.jacobian is not None and source.jacobian is not None:
        local = _matmul_2x2(source.jacobian, inverse_2x2(driving.jacobian))[..., None, None]  # [B, K, 2, 2, 1, 1]
        # An affine map is a sum of a part along x and one along y: two small products and one sum of H * W.
        moved_x = (local[:, :, 0, 0] * offset_x + start[:, :, 0]) + local[:, :, 0, 1] * offset_y  # [B, K, H, W]
        moved_y = (local[:, :, 1, 0] * offset_x + start[:, :, 1]) + local[:, :, 1, 1] * offset_y  # [B, K, H, W]
    else:
        moved_x = (offset_x + start[:, :, 0]).expand(-1, -1, height, -1)
        moved_y = (offset_y + start[:, :, 1]).expand(-1, -1, -1, width)
    moved = torch.stack((moved_x, moved_y), dim=-1)  # [B, K, H, W, 2]
    return torch.cat((grid.expand(batch, 1, -1, -1, -1), moved), dim=1)


def _matmul_2x2(left: Tensor, right: Tensor) -> Tensor:
    """Multiply `[..., 2, 2]` matrices element by element: autocast would round a matrix product to bfloat16."""
    return (left.unsqueeze(-1) * right.unsqueeze(-3)).sum(-2)
