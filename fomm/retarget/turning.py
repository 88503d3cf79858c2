"""A head turned in space: rotations, and what they do to keypoints and slopes."""

from __future__ import annotations

import torch
from torch import Tensor

from fomm.geometry.head import Head

_LEAST_SEEN = 0.5  # cosine of how far a photo's face may look aside before its hair counts as no deeper


def as_it_lies(turn: Tensor, placed: Tensor, head: Head) -> Tensor:
    """Return `Directions.turn`, `[K, 4]`, of a photo whose head is turned itself.

    It was learnt of faces that look at the viewer. Those that look aside have their pivot beside them, and the nose is
    not what is nearest. Hair counts as beside the face, in the plane that it looks out of.

    Args:
        turn: as learnt.
        placed: keypoints in face sizes from the centre, `[K, 2]`.
        head: the photo's, `B = 1`.
    """
    face, axes = head.anatomy.face, head.axes[0]
    shape = turn.new_tensor(head.anatomy.shape)  # [F, 3]
    share, behind = turn[:, 0], turn[:face, 3].mean()  # how far behind the face the pivot is
    deeper = -placed @ axes[:2, 2] / axes[2, 2].clamp_min(_LEAST_SEEN) + behind * (axes[2, 2] - 1)
    deeper[:face] = shape @ axes[2] - shape[:, 2] + behind * (axes[2, 2] - 1)
    lying = turn.clone()
    lying[:, 1:3] -= share[:, None] * behind * axes[:2, 2]
    lying[:, 3] += share * deeper
    return lying


def head_rotation(pose: Tensor) -> Tensor:
    """Return rotations `[..., 3, 3]` for yaw, pitch and roll `[..., 3]` in radians (x right, y down, z to the viewer).

    Above 0, yaw turns and roll tilts the head to the right of the picture, and pitch lifts the chin.
    """
    yaw, pitch, roll = pose.unbind(-1)
    zero, one = torch.zeros_like(yaw), torch.ones_like(yaw)
    cos, sin = torch.cos, torch.sin
    turn = [cos(yaw), zero, sin(yaw), zero, one, zero, -sin(yaw), zero, cos(yaw)]
    nod = [one, zero, zero, zero, cos(pitch), -sin(pitch), zero, sin(pitch), cos(pitch)]
    tilt = [cos(roll), -sin(roll), zero, sin(roll), cos(roll), zero, zero, zero, one]
    turned, nodded, tilted = (torch.stack(rows, -1).view(*yaw.shape, 3, 3) for rows in (turn, nod, tilt))
    rotation: Tensor = tilted @ turned @ nodded
    return rotation


def turn_basis(placed: Tensor, rotation: Tensor) -> Tensor:
    """Return how the displacement depends on the columns of `Directions.turn`, `[..., K, 2, 4]`.

    Args:
        placed: keypoints before the turn, in face sizes from the centre, `[..., K, 2]`.
        rotation: of the head, `[..., 3, 3]`.
    """
    flat = rotation[..., None, :2, :2] - torch.eye(2)  # [..., 1, 2, 2]
    flat = flat.expand(*placed.shape[:-1], 2, 2)
    deep = rotation[..., None, :2, 2:].expand(*placed.shape[:-1], 2, 1)
    return torch.cat((flat @ placed[..., None], -flat, deep), dim=-1)


def slope_basis(rotation: Tensor) -> Tensor:
    """Return how the change of the Jacobian depends on the columns of `Directions.slope`, `[..., 2, 2, 3]`."""
    flat = rotation[..., :2, :2] - torch.eye(2)
    deep = rotation[..., :2, 2]
    zero = torch.zeros_like(deep)
    along_x, along_y = torch.stack((deep, zero), -1), torch.stack((zero, deep), -1)
    return torch.stack((flat, along_x, along_y), dim=-1)
