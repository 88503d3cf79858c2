"""A frame in two layers: the person with alpha, who moves, before a background that rests.

The network's weights tell person from background anew in every driving cell. Where a head tilts quickly they tear hair
from its head: cells of hair are taken for wall, or follow a shoulder. The source's matte knows better what belongs
together, if it is moved as the person moves. So the flow is trusted where the network is sure of the person and reads
the person, and is continued from there over the rest of head and hair (pull-push interpolation, see `fomm.parts.fill`);
the silhouette is then the matte that this flow carries. Without the continuation, hair would double where motions of
keypoints far away disagree.

The two layers meet in colours, by alpha, and never in the flow: a mean of the head's flow and the wall's reads pixels
that are neither.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.geometry.grids import coordinate_grid, resize
from fomm.geometry.pull_push import pull_push

_SURE_AT, _SURE_STEEP = 1.0, 4.0  # logit of person against background at which the network is half sure, and how soon
_LEAST = 1e-4  # weight of a cell that tells nothing
_ROUNDS, _SPREAD = 3, 9  # smoothings of what was continued, and cells along either side of each
_STEEP = 1.5  # how much steeper alpha is than the matte: what is half wall would shine before another wall


def carried_person(moved: Tensor, before: Tensor, matte: Tensor) -> Tensor:
    """Return the displacement of a person who moves as one, `[B, 2, h, w]`.

    Args:
        moved: displacement by all motions but the background's, `[B, 2, h, w]` in [-1, 1] units.
        before: by how much a cell is of the person rather than of the background, a logit, `[B, 1, h, w]`.
        matte: where the person is in the source, `[B, 1, s, s]` in [0, 1].
    """
    sure = torch.sigmoid(_SURE_STEEP * (before - _SURE_AT))
    weights = (sure * _read(matte, moved)).clamp(_LEAST, 1.0)  # [B, 1, h, w]
    smooth = pull_push(moved, weights)
    for _ in range(_ROUNDS):
        around = F.avg_pool2d(smooth, _SPREAD, 1, _SPREAD // 2, count_include_pad=False)
        smooth = torch.lerp(around, moved, weights)
    return smooth


def silhouette(displacement: Tensor, matte: Tensor) -> Tensor:
    """Return the alpha that a person's displacement `[B, 2, h, w]` carries, as fine as their matte `[B, 1, H, W]`."""
    read = _read(matte, resize(displacement, matte.shape[2], matte.shape[3]))
    return ((read - 0.5) * _STEEP + 0.5).clamp(0, 1)


def _read(matte: Tensor, displacement: Tensor) -> Tensor:
    """Return what a displacement `[B, 2, h, w]` reads of a matte, `[B, 1, h, w]`."""
    height, width = displacement.shape[2:]
    place = displacement.permute(0, 2, 3, 1) + coordinate_grid(height, width, displacement, corners=False)
    return F.grid_sample(matte, place, padding_mode="border", align_corners=False)
