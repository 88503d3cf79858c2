"""Who is in front: a small network that finds the person in a source photo, once per source.

A head that moves uncovers what the photo hides. What to put there depends on what is behind the head, and the colours
next to it are of no help: on one side they are the head's own. A matte tells the two apart.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fomm.networks.compact.blocks import CompactHourglass

_CERTAINTY = 2.5  # how much steeper the matte is than the network's own probability


class CompactMatte(nn.Module):
    """Find the person in a picture.

    Args:
        channels: of the blocks it reads, see `fomm.networks.compact.dense_motion.to_blocks`.
        width: channels at the field's resolution.
        max_width: most channels at any resolution.
        levels: halvings inside the hourglass.
    """

    def __init__(self, channels: int, width: int, max_width: int, levels: int) -> None:
        super().__init__()
        self.hourglass = CompactHourglass(channels, width, max_width, levels)
        self.head = nn.Conv2d(self.hourglass.channels_out, 1, 3, padding=1)

    def forward(self, blocks: Tensor) -> Tensor:
        """Return the logit of being of the person, float32 `[B, 1, S, S]`, for blocks `[B, C, S, S]`."""
        logit: Tensor = self.head(self.hourglass(blocks)).float()
        return logit

    @torch.no_grad()
    def find(self, blocks: Tensor) -> Tensor:
        """Return the matte `[B, 1, S, S]` in [0, 1], 1 on the person.

        Doubt is a narrow edge here: where next to nothing is known to be wall, a little of the person's colour would
        otherwise stand out of it.
        """
        return ((torch.sigmoid(self(blocks)) - 0.5) * _CERTAINTY + 0.5).clamp(0, 1)
