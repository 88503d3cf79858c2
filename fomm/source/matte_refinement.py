"""What hangs beside the person although the matte missed it: an earring, strands of hair, a ribbon.

The matte is coarse, and learnt from few people. What it leaves out, the inpainted background would take for the wall's,
and repeat all over what a head uncovers. So what is beside the person is compared with what the wall lets expect:
colours continued from further away, and how much the wall itself strays from such colours. Small groups of cells that
stray much more, hang together with the person and end near by are no wall to copy from. What goes on, such as the frame
of a picture behind the head, is the wall's. What is large, such as a veil that the matte misses, has to stay in the
inpainted: where the motion takes it for wall, it would come and go.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, label
from torch import Tensor
from torch.nn import functional as F

from fomm.geometry.pull_push import LEAST, pull_push

_BESIDE = 5  # cells around the person where something may hang
_DOUBT = 0.15  # share of the person above which the matte itself was in doubt
_STRAY, _LEAST_STRAY = 2.0, 0.1  # times as far off as the wall is itself, and levels on top
_SMOOTH = 9  # cells along either side over which the wall's own colours are smoothed
_LARGEST = 0.015  # part of the picture
_FEWEST = 30  # cells of the wall; with fewer, nothing is known of it
_TOUCHING = np.ones((3, 3), bool)


@torch.no_grad()
def refined_matte(source: Tensor, matte: Tensor) -> Tensor:
    """Return mattes that hold what hangs beside the person, too, `[B, 1, h, w]` in [0, 1].

    Args:
        source: `[B, 3, H, W]` in [0, 1]; H and W are multiples of the matte's sides.
        matte: 1 on the person, `[B, 1, h, w]` in [0, 1].
    """
    core = matte > 1 / 2
    doubted = F.max_pool2d(matte, 3, 1, 1) > _DOUBT
    near = (F.max_pool2d(core.float(), 2 * _BESIDE + 1, 1, _BESIDE) > 0) | doubted  # [B, 1, h, w]
    strays = near & _strays(source.float(), near)
    found = [
        torch.from_numpy(_hanging(*(each[0].cpu().numpy() for each in maps)))
        for maps in zip(strays, core, near, strict=True)
    ]
    return torch.maximum(matte, torch.stack(found)[:, None].to(matte))


def _strays(source: Tensor, near: Tensor) -> Tensor:
    """Return which cells `[B, 1, h, w]` show what the wall, where nothing is near, does not let expect."""
    size = near.shape[2:]
    cell = source.shape[2] // size[0]
    wall = (~near).float()
    colours = F.adaptive_avg_pool2d(source, (size[0], size[1]))
    smooth = F.avg_pool2d(colours, _SMOOTH, 1, _SMOOTH // 2, count_include_pad=False)
    expected = pull_push(colours, wall.clamp_min(LEAST))
    usual = pull_push(_furthest(source, smooth, cell), wall.clamp_min(LEAST))
    strays = _furthest(source, expected, cell) > _STRAY * usual + _LEAST_STRAY
    return strays & (wall.sum((2, 3), keepdim=True) >= _FEWEST)


def _furthest(source: Tensor, colours: Tensor, cell: int) -> Tensor:
    """Return how far any pixel of each cell is from smooth colours `[B, 3, h, w]`, `[B, 1, h, w]`."""
    there = F.interpolate(colours, size=source.shape[2:], mode="bilinear", align_corners=False)
    return F.max_pool2d((source - there).abs().amax(1, keepdim=True), cell)


def _hanging(strays: NDArray[np.bool_], core: NDArray[np.bool_], near: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which straying cells `[h, w]` hang together with the person and end near by.

    The row of cells along the person's edge strays anyway, as the edge runs through it. It counts where something
    hangs on it.
    """
    edge = binary_dilation(core, _TOUCHING) & ~core & strays
    things, _ = label(strays & ~core & ~edge, _TOUCHING)
    cells = np.bincount(things.ravel())
    cells[0] = 0  # what does not stray
    touching = np.unique(things[binary_dilation(edge, _TOUCHING)])
    small = touching[(cells[touching] > 0) & (cells[touching] <= _LARGEST * things.size)]
    hanging = np.isin(things, np.setdiff1d(small, things[binary_dilation(~near, _TOUCHING)]))
    return np.asarray(hanging | (binary_dilation(hanging, _TOUCHING) & edge), np.bool_)
