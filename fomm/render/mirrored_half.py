"""Frames of a head that turns from aside to the front: the far half of its face comes from the mirrored photo.

Both are generated from the same keypoints, see `fomm.source.mirrored_half`, and laid over one another. Light falls on
the mirrored half from the wrong side, so it takes the colours that the photo has there, smoothed over a good part of
the face.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.geometry.grids import resize
from fomm.geometry.keypoints import Keypoints
from fomm.model.interface import EncodedSource, GeneratedFrames, MirroredDetail
from fomm.source.mirrored_half import FarHalf

_CELLS = 64  # along either side of the maps that colours are smoothed on
_WIDE = 0.2  # of the square's half, over which they are smoothed
_LIGHTER = 1.5  # at most, or darker
_EVERYWHERE = 0.05  # weight of the mean colour, for cells far from all that is inside
_PERSON = 0.5  # share from which a cell counts as the person's


@dataclass(frozen=True)
class MirroredPortrait:
    """The mirror image of a portrait's square, ready to be animated.

    Attributes:
        encoded: its features.
        keypoints: its keypoints, one row.
        half: how it follows, and where it is to be taken.
    """

    encoded: EncodedSource
    keypoints: Keypoints
    half: FarHalf


def with_far_half(made: GeneratedFrames, mirrored: GeneratedFrames, half: FarHalf, driving: Tensor) -> GeneratedFrames:
    """Return frames of which the far half is the mirrored person's.

    Args:
        made: frames of the portrait.
        mirrored: the same of the mirrored one.
        half: where to take it.
        driving: keypoints of the frames, float32 `[B, K, 2]`.
    """
    image, other = made.image.float(), mirrored.image.float()
    side = image.shape[-1]
    inside, taken = half.region(driving, _CELLS)  # [B, 1, c, c] each
    taken = resize(taken, side, side)
    if mirrored.motion.front is not None:
        taken = taken * resize(mirrored.motion.front.float(), side, side)
    for front in (made.motion.front, mirrored.motion.front):
        if front is not None:
            inside = inside * (resize(front.float(), _CELLS, _CELLS) > _PERSON)
    inside = inside * F.adaptive_avg_pool2d(resize(made.visible.float(), side, side), _CELLS)
    gain = _colours(image, inside) / _colours(other, inside)  # [B, 3, c, c]
    other = (other * resize(gain.clamp(1 / _LIGHTER, _LIGHTER), side, side)).clamp(0, 1)
    left = 1 - taken
    detail = None
    if mirrored.moved is not None:
        place = mirrored.displacement().float()  # [B, 2, s, s]
        detail = MirroredDetail(place, resize(mirrored.visible.float(), side, side) * taken, mirrored.moved.float())
    return replace(
        made,
        image=torch.lerp(image, other, taken),
        visible=resize(made.visible.float(), side, side) * left,
        behind=None if made.behind is None else made.behind * left,
        resting=None if made.resting is None else made.resting * left,
        mirrored=detail,
    )


def _colours(image: Tensor, inside: Tensor) -> Tensor:
    """Return colours `[B, 3, c, c]` of images `[B, 3, S, S]`, smoothed over what is inside `[B, 1, c, c]`."""
    cells = inside.shape[-1]
    known = torch.cat((F.adaptive_avg_pool2d(image, cells) * inside, inside), dim=1)  # [B, 4, c, c]
    smooth = _blur(known) + _EVERYWHERE * known.mean((2, 3), keepdim=True) + 1e-4
    return smooth[:, :3] / smooth[:, 3:]


def _blur(maps: Tensor) -> Tensor:
    """Return maps `[B, C, c, c]` blurred by a Gaussian; beyond their edges is nothing."""
    cells = torch.arange(maps.shape[-1], dtype=maps.dtype, device=maps.device)
    away = (cells[:, None] - cells) * (2 / len(cells) / _WIDE)
    kernel = torch.exp(-away.square() / 2)  # [c, c]
    kernel = kernel / kernel[len(cells) // 2].sum()
    return kernel @ maps @ kernel
