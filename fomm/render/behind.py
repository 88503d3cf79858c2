"""Fine texture for what a head uncovers.

The inpainted background behind a person has the model's resolution, which beside a photo's own wall is a blur that
follows the head. But it was put together from cells of the source (see `fomm.source.background`), and the photo shows
these finer. What they show beyond the model's resolution is laid out once per portrait; where a frame shows the
inpainted, it is added.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.render.animator import Portrait
from fomm.render.resample import Resampler
from fomm.source.background import with_texture

_FINEST = 16  # pixels of a cell along either side, at most
_STILL, _GONE = 1.0, 4.0  # photo pixels by which a wall moves: so far its texture is its own, and then not any more


def fine_texture(portrait: Portrait, grid: Tensor, resample: Resampler, side: int) -> Tensor | None:
    """Return what the photo adds to the inpainted background.

    Args:
        portrait: the photo, its window and its features.
        grid: where the photo's pixels are in the window, `[h, w, 2]`, see `CropWindow.to_window_grid`.
        resample: brings squares of the model's resolution onto the photo's pixels inside the window.
        side: of these squares, at most the model's.

    Returns:
        Float32 `[1, 3, h, w]` in [-255, 255] for the photo's pixels inside the window; None if the model makes no
        inpainted up, or the photo is no finer than the model.
    """
    places, model_side = portrait.encoded.places, portrait.encoded.image.shape[-1]
    if places is None or portrait.window.side <= model_side:
        return None
    cells = places.shape[1]
    size = cells * min(math.ceil(portrait.window.side / cells), _FINEST)
    square = torch.from_numpy(portrait.canvas.window.crop(portrait.canvas.picture, size).copy())
    picture = square.permute(2, 0, 1)[None].float().to(places.device)  # [1, 3, size, size] in [0, 255]
    fine = with_texture(picture, places[:1], picture)
    coarse = F.interpolate(fine, size=(side, side), mode="bilinear", align_corners=False, antialias=True)
    return (Resampler(grid, size)(fine[0]) - resample(coarse[0]))[None]


def texture_share(behind: Tensor, displacement: Tensor, window_side: float) -> Tensor:
    """Return how much of the texture to add, `[B, 1, S, S]` in [0, 1]: none to a wall that moves.

    Args:
        behind: share of the inpainted background in the frames, `[B, 1, S, S]` in [0, 1].
        displacement: backward, `[B, 2, S, S]` in [-1, 1] units.
        window_side: of the window, in photo pixels.
    """
    pixels = displacement.square().sum(1, keepdim=True).sqrt() * (window_side / 2)
    return behind * ((_GONE - pixels) / (_GONE - _STILL)).clamp(0, 1)
