"""The inpainted background of a source: what is behind the person, made up once from all that is not.

Smooth colours come first, by pull-push interpolation. For pictures that people look at, texture comes on top, by
exemplar-based inpainting (Criminisi, Perez and Toyama, "Region Filling and Object Removal by Exemplar-Based Image
Inpainting", 2004): from the edge of the hole inward, the patch that is known best takes over the rest of itself from
the complete patch most like it. Patches are compared on the matte's coarse cells; their pixels are then copied. What is
known counts for more than in that paper: else a hedge on one side, which has edges, grows across the whole hole before
the plain wall on the other side, next to which a head uncovers it, has begun.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, gaussian_filter, maximum_filter, uniform_filter
from torch import Tensor
from torch.nn import functional as F

from fomm.geometry.pull_push import LEAST, pull_push

_MARGIN = 1  # cells around the matte that count as the person
_PATCH = 5  # cells of a patch along either side
_INWARD = 4  # power of the share of a patch that is known, in its priority; 1 in the paper
_FEWEST = 30  # complete patches; with fewer to choose from, the background stays smooth
_FAR = 0.4  # mean squared difference of colours that a patch as far away as the picture is wide has to make up for
_FLAT = 0.02  # strength of an edge where a patch without any counts half
_SIGHT = 6  # cells from which a cell's priority is told: a Gaussian's four deviations, its slope, a maximum of three
_SPREAD = 0.6  # deviation in cells of the weights with which neighbours' pixels are mixed

_Floats = NDArray[np.float32]
_Cells = NDArray[np.int64]


def inpainted_background(source: Tensor, matte: Tensor) -> Tensor:
    """Return the source with smooth colours instead of the person, float32 `[B, 3, H, W]`.

    Args:
        source: `[B, 3, H, W]` in [0, 1]; H and W are multiples of the matte's sides.
        matte: 1 on the person, `[B, 1, h, w]` in [0, 1].
    """
    near = _near(matte)
    colours = F.adaptive_avg_pool2d(source.float(), (matte.shape[2], matte.shape[3]))
    behind = pull_push(colours, (1 - near).clamp_min(LEAST))
    size = source.shape[2:]
    behind, near = (F.interpolate(x, size=size, mode="bilinear", align_corners=False) for x in (behind, near))
    return torch.lerp(source.float(), behind, near)


@torch.no_grad()
def texture_places(backgrounds: Tensor, matte: Tensor) -> Tensor:
    """Return which of the matte's cells each cell of the background takes its texture from, int64 `[B, h, w, 2]`.

    They are row and column. What is not behind the person takes its own; so does all, where next to nothing but the
    person is in the picture.

    Args:
        backgrounds: as `inpainted_background` returns them, `[B, 3, H, W]`.
        matte: 1 on the person, `[B, 1, h, w]` in [0, 1].
    """
    size = matte.shape[2:]
    colours = F.adaptive_avg_pool2d(backgrounds, (size[0], size[1])).permute(0, 2, 3, 1).cpu().numpy()
    holes = (_near(matte)[:, 0] > 1 / 2).cpu().numpy()
    found = [find_places(each, hole) for each, hole in zip(colours, holes, strict=True)]
    own = _own_places(holes.shape[1:])
    return torch.from_numpy(np.stack([own if each is None else each for each in found])).to(backgrounds.device)


@torch.no_grad()
def with_texture(source: Tensor, places: Tensor, backgrounds: Tensor) -> Tensor:
    """Return backgrounds with pixels of the source where they borrow them, float32 `[B, 3, H, W]`.

    Args:
        source: `[B, 3, H, W]` in [0, 1], of whichever size; H and W are multiples of h and w.
        places: `[B, h, w, 2]`, see `texture_places`.
        backgrounds: `[B, 3, H, W]` in [0, 1].
    """
    borrowed = (places != torch.from_numpy(_own_places(places.shape[1:3])).to(places)).any(-1)  # [B, h, w]
    made = [
        copy_places(picture.float(), inpainted.float(), hole.float(), place.cpu().numpy())
        if bool(hole.any())
        else inpainted
        for picture, inpainted, hole, place in zip(source, backgrounds, borrowed, places, strict=True)
    ]
    return torch.stack(made)


def _near(matte: Tensor) -> Tensor:
    """Return the matte, wider by some cells: hair beyond its edge would tint the wall."""
    return F.max_pool2d(matte, 2 * _MARGIN + 1, stride=1, padding=_MARGIN)


def find_places(
    colours: _Floats, hole: NDArray[np.bool_], known: NDArray[np.bool_] | None = None, patch_side: int = _PATCH
) -> _Cells | None:
    """Return which known cell each cell takes its pixels from, row and column, `[h, w, 2]`; all others take their own.

    Args:
        colours: of the cells, `[h, w, 3]`.
        hole: which cells are unknown, `[h, w]`.
        known: which cells belong to what is continued, likewise; all others by default.
        patch_side: cells of a patch along either side, an odd number.

    Returns:
        None if the picture has too few complete patches.
    """
    reach = patch_side // 2
    real = ~hole if known is None else known.copy()
    complete = ~maximum_filter(~real, patch_side, mode="constant", cval=True)
    complete[:reach] = complete[-reach:] = complete[:, :reach] = complete[:, -reach:] = False
    centres = np.argwhere(complete)
    if len(centres) < _FEWEST:
        return None
    windows = np.lib.stride_tricks.sliding_window_view(colours, (patch_side, patch_side), axis=(0, 1))
    choices = windows[centres[:, 0] - reach, centres[:, 1] - reach].reshape(len(centres), -1)  # [N, 3 * 49]
    squares = choices**2
    places = _own_places(hole.shape)
    picture, unknown, trust = colours.copy(), hole.copy(), real.astype(np.float32)
    priority = _priority(picture, real, trust, patch_side)
    while len(front := np.argwhere(unknown & binary_dilation(real))):
        row, column = front[priority[tuple(front.T)].argmax()]
        rows, columns = _around(row, column, reach)
        patch = np.zeros((patch_side, patch_side, 4), np.float32)  # its colours, and where they are known
        top, left = rows.start - row + reach, columns.start - column + reach
        here = real[rows, columns]
        inner = (slice(top, top + here.shape[0]), slice(left, left + here.shape[1]))
        patch[inner] = np.dstack((picture[rows, columns], here))
        told = np.broadcast_to(patch[None, :, :, 3], (3, patch_side, patch_side)).reshape(-1)
        wanted = patch[..., :3].transpose(2, 0, 1).reshape(-1)
        unlike = (squares @ told - 2 * choices @ (told * wanted)) / told.sum()
        away = ((centres - (row, column)) ** 2).sum(1) / hole.shape[0] ** 2
        best = centres[(unlike + _FAR * away).argmin()]
        fresh = np.argwhere(unknown[rows, columns]) + np.array((rows.start, columns.start))
        there = fresh - (row, column) + best
        picture[tuple(fresh.T)] = picture[tuple(there.T)]
        places[tuple(fresh.T)] = places[tuple(there.T)]
        trust[tuple(fresh.T)] = trust[rows, columns].sum() / patch_side**2
        unknown[rows, columns], real[tuple(fresh.T)] = False, True
        changed = _around(row, column, reach + _SIGHT)
        seen = _around(row, column, reach + 2 * _SIGHT)
        fresh_priority = _priority(picture[seen], real[seen], trust[seen], patch_side)
        priority[changed] = fresh_priority[_within(changed, seen)]
    return places


def _around(row: int, column: int, reach: int) -> tuple[slice, slice]:
    """Return the cells up to `reach` from one, as far as they are in the picture."""
    return slice(max(row - reach, 0), row + reach + 1), slice(max(column - reach, 0), column + reach + 1)


def _within(inner: tuple[slice, slice], outer: tuple[slice, slice]) -> tuple[slice, slice]:
    """Return where `inner` is in what `outer` cuts out."""
    rows, columns = (slice(i.start - o.start, i.stop - o.start) for i, o in zip(inner, outer, strict=True))
    return rows, columns


def _priority(picture: _Floats, real: NDArray[np.bool_], trust: _Floats, patch_side: int) -> _Floats:
    """Return how soon the patch around each cell is to be completed: much of it known, and an edge runs into it."""
    grey = picture.mean(2)
    edge_y, edge_x = np.gradient(grey)
    known = gaussian_filter(real.astype(np.float32), 1.0)
    normal_y, normal_x = np.gradient(known)
    across = np.abs(edge_x * normal_y - edge_y * normal_x) / (np.hypot(normal_x, normal_y) + LEAST)
    share = uniform_filter(trust, patch_side, mode="constant")
    return np.asarray(share**_INWARD * (maximum_filter(across, 3) + _FLAT), np.float32)


def _own_places(size: Sequence[int]) -> _Cells:
    """Return row and column of every cell, `[h, w, 2]`."""
    return np.moveaxis(np.indices(tuple(size)), 0, -1).copy()


def copy_places(source: Tensor, smooth: Tensor, hole: Tensor, places: _Cells) -> Tensor:
    """Return the inpainted `[3, H, W]`: in the hole pixels of the source from `places`, elsewhere `smooth`.

    Around each cell's middle its own place gives the pixels, toward its edges its neighbours' places do, too: where
    they belong together they show the same, and where they do not, the seam is soft.
    """
    side = hole.shape[0]
    cell = source.shape[1] // side
    blocks = F.unfold(source[None], cell, stride=cell)[0].T  # [h * w, 3 * cell * cell]
    inner = (torch.arange(cell) + 0.5) / cell - 0.5  # of a pixel in its cell
    own = _own_places(hole.shape)
    mixed, total = torch.zeros_like(blocks), torch.zeros_like(blocks[0])
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            neighbour = (own + np.array((down, right))).clip(0, side - 1)
            neighbour = (places[neighbour[..., 0], neighbour[..., 1]] + own - neighbour).clip(0, side - 1)
            there = torch.from_numpy(neighbour[..., 0] * side + neighbour[..., 1]).flatten()
            apart = (inner - down).square()[:, None] + (inner - right).square()  # [cell, cell]
            weight = torch.exp(-apart / (2 * _SPREAD**2)).flatten().repeat(3).to(blocks)
            mixed += blocks[there.to(blocks.device)] * weight
            total = total + weight
    texture = F.fold((mixed / total).T[None], source.shape[1:], cell, stride=cell)[0]
    share = F.interpolate(hole[None, None], size=smooth.shape[1:], mode="bilinear", align_corners=False)[0]
    return torch.lerp(smooth, texture, share)
