"""Faces made of 42 tied keypoints whose eyes and lips do as told."""

import math

import torch

from fomm.geometry.anatomy import Anatomy
from fomm.geometry.landmarks import EYES, MEAN_FACE

ANATOMY = Anatomy.of_tied(42)


def face(*, gap=0.0, lips=0.06, opening=0.3, gaze=0.0, angle=0.0):
    """Keypoints `[1, 42, 2]`; gap and thickness of the lips in [-1, 1] units, opening in eye widths, gaze likewise."""
    value = 0.33 * torch.tensor(MEAN_FACE)[None, :, :2] + torch.tensor([0.0, 0.1])  # what is neither eye nor lip
    for (outer, inner, upper, lower), iris, side in zip(EYES, ANATOMY.irises, (-1, 1), strict=True):
        value[0, outer], value[0, inner] = torch.tensor([[0.3 * side, -0.1], [0.1 * side, -0.1]])
        value[0, upper], value[0, lower] = torch.tensor([[0.2 * side, -0.1 - 0.2 * opening], [0.2 * side, -0.1]])
        value[0, iris] = torch.tensor([0.2 * (side + gaze), -0.1 - 0.1 * opening])
    for column, x in zip(ANATOMY.lips, (-0.06, 0.0, 0.06), strict=True):
        rows = (-gap / 2 - lips, -gap / 2, gap / 2, gap / 2 + lips)
        places = (column.upper_outer, column.upper_inner, column.lower_inner, column.lower_outer)
        value[0, list(places)] = torch.tensor([[x, 0.25 + row] for row in rows])
    turn = torch.tensor([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return value @ turn


def seen_from(yaw, pitch=0.0, start=None):
    """Keypoints of a solid face turned by angles in degrees, projected along its depth."""
    start = face() if start is None else start
    x, y = start[..., 0], start[..., 1]
    z = torch.tensor(ANATOMY.shape)[:, 2] * ANATOMY.size(start)
    yaw, pitch = math.radians(yaw), math.radians(pitch)
    y, z = y * math.cos(pitch) - z * math.sin(pitch), y * math.sin(pitch) + z * math.cos(pitch)
    return torch.stack((x * math.cos(yaw) + z * math.sin(yaw), y), dim=-1)


def gap_of(value):
    return torch.stack([column.gap(value) for column in ANATOMY.lips], dim=1)
