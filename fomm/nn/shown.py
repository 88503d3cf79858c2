"""What the source shows, told from the motion alone.

A source pixel can end up in one place only. Where two driving pixels read the same one, the one that moved farther is
in front, such as a head, and takes it with it; the other, such as the wall beside it, was hidden in the source.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.nn.geometry import coordinate_grid

_AROUND = 3  # cells around one of the person that tell how far the person moves there


def shown_in_source(displacement: Tensor, margin: float, rim: int = 0, matte: Tensor | None = None) -> Tensor:
    """Tell from a backward motion alone where the source shows what belongs into a driving pixel.

    Args:
        displacement: backward, `[B, 2, S, S]` in [-1, 1] units.
        margin: how much farther the other must have moved to be told apart, in the same units.
        rim: cells around what something in front took with it that count as taken, too, by whatever moved less than
            half as far: hair and soft edges of a head before a wall. A face that turns is no rim of its own nose.
            Above 0, the source does not show either what lies beyond its own edges.
        matte: where the person is in the source, `[B, 1, S, S]` in [0, 1]. What is of the person and hardly moves,
            while most of the person around it in the source does, counts as taken, too: locks of hair that the flow
            leaves behind.

    Returns:
        `[B, 1, S, S]`, 1 where the source shows it, 0 where it does not. No gradient.
    """
    move = displacement.detach().float()
    batch, _, height, width = move.shape
    size = move.square().sum(1).sqrt()  # [B, S, S]
    place = move + coordinate_grid(height, width, move, corners=False).permute(2, 0, 1)  # [B, 2, S, S]
    column = ((place[:, 0] + 1) * width - 1) / 2
    row = ((place[:, 1] + 1) * height - 1) / 2
    farthest = move.new_zeros(batch, height * width)
    above, left = row.floor().long(), column.floor().long()
    for down in (0, 1):
        for right in (0, 1):
            y = (above + down).clamp(0, height - 1)
            x = (left + right).clamp(0, width - 1)
            farthest.scatter_reduce_(1, (y * width + x).flatten(1), size.flatten(1), "amax")
    taken = farthest.view(batch, 1, height, width)
    at = place.permute(0, 2, 3, 1)
    read = F.grid_sample(taken, at, padding_mode="border", align_corners=False)
    if rim:
        wide = F.max_pool2d(taken, 2 * rim + 1, stride=1, padding=rim)
        wide = F.grid_sample(wide, at, padding_mode="border", align_corners=False)
        read = torch.where(2 * size[:, None] < wide, wide, read)
    if matte is not None:
        around = F.avg_pool2d(torch.cat((taken * matte, matte)), 2 * _AROUND + 1, stride=1, padding=_AROUND)
        step, share = around.chunk(2)
        planes = torch.cat((step / share.clamp_min(1e-3), matte), dim=1)
        read_there = F.grid_sample(planes, at, padding_mode="border", align_corners=False)
        step, person = read_there[:, :1], read_there[:, 1:]
        read = torch.where((person > 1 / 2) & (2 * size[:, None] < step), torch.maximum(read, step), read)
    shown = torch.sigmoid((margin - (read - size[:, None])) * (5 / margin))
    if rim:
        beyond = (place.abs().amax(1, keepdim=True) - 1) * (width / 2)  # in cells
        shown = shown * (1 - beyond).clamp(0, 1)
    return shown
