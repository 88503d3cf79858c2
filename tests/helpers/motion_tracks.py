"""Small motion tracks made of numbers, no model needed."""

from fractions import Fraction

import torch

from fomm.track.track import MotionTrack


def make_track(frames=12, keypoints=5, *, seed=0, jacobian=True, fps=Fraction(25), detector="detector-a", **fields):
    """A track of random keypoints with well-behaved Jacobians."""
    random = torch.Generator().manual_seed(seed)
    value = torch.rand(frames, keypoints, 2, generator=random) * 1.6 - 0.8
    turn = torch.eye(2) + 0.2 * torch.randn(frames, keypoints, 2, 2, generator=random)
    fields.setdefault("reference", 0)
    fields.setdefault("found", torch.ones(frames, dtype=torch.bool))
    return MotionTrack(value=value, jacobian=turn if jacobian else None, fps=fps, detector=detector, **fields)
