"""What an adversary of mouths judges: open mouths cut out of frames, beside the planes that say where their inside is.

A frame has few pixels of teeth, so that an adversary of whole frames learns everything else first. Cut out, teeth are
most of what it sees; and told where lips are and how deep below the nose each pixel lies, it can say whether teeth are
where they belong, not only whether something looks like teeth.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_SHARE = 1 / 64  # of a piece: least part of it that is inside of the mouth


def cut_mouths(pictures: tuple[Tensor, ...], planes: Tensor, side: int) -> tuple[Tensor, ...]:
    """Cut open mouths out of pictures that show the same moment; samples without one are left out.

    Args:
        pictures: each `[B, 3, H, W]` in [0, 1].
        planes: of `fomm.nn.mouth.mouth_map` for that moment, `[B, C, h, w]`.
        side: of the pieces in pixels, no larger than the pictures.

    Returns:
        For each of the pictures its pieces with the planes behind the colours, `[N, 3 + C, side, side]`, N up to B.
    """
    height, width = pictures[0].shape[2:]
    planes = F.interpolate(planes, size=(height, width), mode="bilinear")
    inside = planes[:, 0]
    rows, columns = inside.sum(2), inside.sum(1)  # [B, H], [B, W]
    area = rows.sum(1)
    open_ones = (area >= _SHARE * side**2).nonzero().flatten().tolist()
    corners = [(_first(rows[index], height - side), _first(columns[index], width - side), index) for index in open_ones]
    return tuple(
        torch.stack(
            [
                torch.cat((picture[index], planes[index]))[:, top : top + side, left : left + side]
                for top, left, index in corners
            ]
        )
        if corners
        else picture.new_zeros(0, 3 + planes.shape[1], side, side)
        for picture in pictures
    )


def _first(mass: Tensor, most: int) -> int:
    """Return where a piece begins that is centred on a mass along one axis `[n]`."""
    places = torch.arange(len(mass), device=mass.device)
    middle = float((mass * places).sum() / mass.sum())
    side = len(mass) - most
    return round(min(max(middle - side / 2, 0), most))
