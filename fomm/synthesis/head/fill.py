"""Fills gaps in a picture from around them, by ever coarser averages.

Push and pull (Gortler and others, The Lumigraph, 1996): what is known is averaged over ever larger blocks, and every
gap takes the finest average there is. The result is smooth and close to the nearest known colours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import zoom

Picture = NDArray[np.float32]


def fill_in(picture: NDArray[Any], known: NDArray[Any]) -> Picture:
    """Return a picture `[H, W, 3]` with everything filled in that is not known.

    Args:
        picture: colours, of which only the known count, `[H, W, 3]`.
        known: how far a pixel is known, bool or in [0, 1], `[H, W]`.
    """
    weight = known.astype(np.float32)
    return _pull(picture.astype(np.float32) * weight[..., None], weight)


def _pull(colour: Picture, weight: NDArray[np.float32]) -> Picture:
    """Do so for colours times weight, `[H, W, 3]`, and weight `[H, W]`."""
    height, width = weight.shape
    if min(height, width) <= 2:
        mean = colour.sum((0, 1)) / max(float(weight.sum()), 1e-6)
        return np.broadcast_to(mean, colour.shape).astype(np.float32)
    even = ((0, height % 2), (0, width % 2))
    padded = np.pad(np.dstack([colour, weight]), (*even, (0, 0)))
    blocks = padded.reshape(padded.shape[0] // 2, 2, padded.shape[1] // 2, 2, 4).sum((1, 3))
    full = np.maximum(blocks[..., 3:], 1)
    coarse = _pull(blocks[..., :3] / full, np.minimum(blocks[..., 3], 1))
    scale = (padded.shape[0] / coarse.shape[0], padded.shape[1] / coarse.shape[1], 1)
    wide = zoom(coarse, scale, order=1, mode="nearest", grid_mode=True)[:height, :width]
    return np.asarray(colour + (1 - weight[..., None]) * wide, np.float32)
