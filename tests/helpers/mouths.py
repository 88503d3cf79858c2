"""Keypoints of a face whose mouth is as told, and photos of it."""

import math

import torch

from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import TIED_LANDMARKS
from fomm.geometry.mouth_shape import Opening, marks_of

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
        152: (0, 1.5),
    },
    **{81: (-0.5, 0), 13: (0, 0), 311: (0.5, 0), 178: (-0.5, 0), 14: (0, 0), 402: (0.5, 0)},
}


LIPS, ENAMEL = (0.7, 0.42, 0.4), (0.85, 0.8, 0.72)


def face(upper=0.0, lower=0.0, angle=0.0, where=(0.0, 0.0), jaw=0.0, width=1.0):
    """Keypoints of a face whose lips are `upper` above and `lower` below where they meet, in half widths.

    Its chin is `jaw` further down, and its lips are `width` times as wide.
    """
    value = torch.zeros(1, 42, 2)
    for landmark, (x, y) in PLACES.items():
        part = 7 / 8 if abs(x) == 0.5 else 1.0
        apart = {81: -upper, 13: -upper, 311: -upper, 178: lower, 14: lower, 402: lower, 152: jaw}.get(landmark, 0.0)
        wide = width if landmark in (61, 291, 81, 311, 178, 402) else 1.0
        value[0, TIED_LANDMARKS.index(landmark)] = HALF * torch.tensor((x * wide, y + apart * part))
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return Keypoints(value @ turn.T + torch.tensor(where))


def photo_of(keypoints, inside=ENAMEL, lips=LIPS, side=256):
    """A photo of the face `[1, 3, side, side]`, of one colour but for what is between the lips."""
    here = Opening.of(marks_of(keypoints), side)
    between = here.drawn(((here.below > 0) & (here.above > 0)).float()[:, None])
    colours = (torch.tensor(colour).view(1, 3, 1, 1) for colour in (lips, inside))
    return torch.lerp(*colours, between)
