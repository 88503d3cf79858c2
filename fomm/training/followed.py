"""Training's stand-in for the tracker of the driver's shoulders (`fomm.motion.shoulders`): the true flow, a little off.

The tracker registers pictures one by one on a processor, where a GPU learns from a thousand samples a second. What it
finds is a similarity map of the body, so one is fitted to the true flow here. It is off by about what the tracker is
off by, and now and then it is missing: a network that only saw perfect maps would trust them too much.
"""

from __future__ import annotations

import torch

from fomm.nn.geometry import Keypoints, coordinate_grid
from fomm.nn.shoulders import TORSO, Similarity, body_weight, carried_by_body, chin
from fomm.training.augment import TransferSample

_LEAST_CELLS = 12.0  # of a body that is followed
_SHIFTED = 0.002  # standard deviation of what a shift is off by, in [-1, 1] units
_TURNED = 0.004  # and of a turn, in radians, and a zoom
_MISSING = 0.15  # share of samples without


def followed(driving: Keypoints, source: Keypoints, sample: TransferSample, tied: int) -> Keypoints:
    """Return keypoints that drive person 0, `[B, K, 2]`, with those below the chin moved as the body moved.

    Args:
        driving: as the detector found them, `[B, K, 2]`.
        source: of person 0 at the source moment, `[B, K, 2]`.
        sample: the batch.
        tied: how many keypoints lie on the face.
    """
    count, side = sample.flow.shape[:2]
    grid = coordinate_grid(side, side, sample.flow, corners=False)
    low, height = (part[:, None, None] for part in chin(sample.landmarks[:, 1]))
    body = sample.valid * sample.person[:, 1] * body_weight(grid[..., 1], low, height, TORSO)  # [B, S, S]
    places = grid.flatten(0, 1).expand(count, -1, -1)  # [B, S * S, 2]
    back = Similarity.fit(places, sample.flow.flatten(1, 2), body.flatten(1))
    noise = torch.randn(count, 4, device=body.device)
    mistake = Similarity(noise[:, :2] * _SHIFTED, noise[:, 2:] * _TURNED + noise.new_tensor((1.0, 0.0)))
    there = torch.rand(count, device=body.device) >= _MISSING
    sure = (there & (body.sum((1, 2)) > _LEAST_CELLS)).float()
    return carried_by_body(driving, source, mistake.after(back.inverse()), tied, sure)
