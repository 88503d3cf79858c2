"""Where an open mouth is, drawn from keypoints alone, so that the generator can put teeth and tongue into it.

The inside of a mouth that the source shows shut is nowhere in the source, and a field of a few pixels per cell cannot
say where teeth would begin. But the keypoints of the inner lips tell: two curves through the corners bound the opening.
Upper teeth hang from the skull, which the nose marks, lower ones stand on the jaw, which the lower lip follows.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fomm.geometry.keypoints import Keypoints
from fomm.geometry.mouth_shape import LARGEST, Mouth, Opening, marks_of

CHANNELS = 6
"""How many planes `mouth_map` draws."""
_EDGE = 0.1  # of half the mouth's width: over which the inside begins
_OPEN = 0.3  # of half the mouth's width: how far apart lips are that show what is behind them


def mouth_map(driving: Keypoints, source: Keypoints, side: int) -> Tensor:
    """Draw the inside of the mouth that is to be made.

    Args:
        driving: keypoints of the frame to make, `B` of them.
        source: keypoints of the source, `B` of them.
        side: rows and columns of the planes.

    Returns:
        `[B, 6, side, side]` in float32 without gradient, all 0 outside of the mouth: whether this is inside (0 to 1);
        distance from the upper and from the lower lip; place along the mouth; depth below the nose, in steps from
        between the eyes to the nostrils; and how far open the source's mouth is. Lengths are in half widths of the
        mouth.
    """
    marks = marks_of(driving)  # [B, 11, 2]
    here = Opening.of(marks, side)
    inside = (torch.minimum(here.below, here.above) / _EDGE + 0.5).clamp(0, 1) * (here.along.abs() < 1)
    nose, eyes = marks[:, 8:10].mean(1), marks[:, 10]
    down = nose - eyes
    down = down / down.square().sum(-1, keepdim=True).add(1e-4)
    depth = ((here.grid - nose[:, None, None]) * down[:, None, None]).sum(-1)
    shown = Mouth.of(marks_of(source)).opening()[:, None, None].expand_as(depth)
    planes = torch.stack((torch.ones_like(depth), here.below, here.above, here.along, depth, shown), dim=1)
    return here.drawn(planes.clamp(-LARGEST, LARGEST) * inside[:, None])


def opened(planes: Tensor) -> Tensor:
    """Return where the inside of a mouth is that the source shows shut, from planes of `mouth_map`: `[B, 1, H, W]`."""
    inside, shown = planes[:, :1], planes[:, CHANNELS - 1 :]  # the latter is 0 outside, too
    return inside - torch.minimum(shown / _OPEN, inside)
