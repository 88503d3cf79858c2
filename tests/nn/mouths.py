"""Keypoints of a face whose mouth is as told."""

import math

import torch

from fomm.nn.geometry import Keypoints
from fomm.nn.landmarks import TIED_LANDMARKS

HALF = 0.25  # half the width of the mouth below
PLACES = {
    **{
        61: (-1, 0),
        291: (1, 0),
        168: (0, -2.2),
        98: (-0.3, -0.7),
        327: (0.3, -0.7),
        50: (-1.2, -0.8),
        280: (1.2, -0.8),
    },
    **{81: (-0.5, 0), 13: (0, 0), 311: (0.5, 0), 178: (-0.5, 0), 14: (0, 0), 402: (0.5, 0)},
}


def face(upper=0.0, lower=0.0, angle=0.0, where=(0.0, 0.0)):
    """Keypoints of a face whose lips are `upper` above and `lower` below where they meet, in half widths."""
    value = torch.zeros(1, 42, 2)
    for landmark, (x, y) in PLACES.items():
        part = 7 / 8 if abs(x) == 0.5 else 1.0
        apart = {81: -upper, 13: -upper, 311: -upper, 178: lower, 14: lower, 402: lower}.get(landmark, 0.0)
        value[0, TIED_LANDMARKS.index(landmark)] = HALF * torch.tensor((x, y + apart * part))
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return Keypoints(value @ turn.T + torch.tensor(where))
