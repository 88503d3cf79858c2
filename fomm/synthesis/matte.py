"""The portrait as texture: its matte, and colours of the person continued outward so that no halo shows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, gaussian_filter

from fomm.synthesis.polygons import polygon_mask
from fomm.synthesis.portraits import Portrait
from fomm.synthesis.topology import FACE_OUTLINE


def picture_with_matte(portrait: Portrait) -> NDArray[np.uint8]:
    """Return skin, hair and clothes with the matte as fourth channel, RGBA `[H, W, 4]`."""
    outline = portrait.landmarks[list(FACE_OUTLINE), :2]
    alpha = np.maximum(portrait.alpha, polygon_mask(portrait.alpha.shape, outline))
    core = binary_erosion(alpha > 0.97, iterations=2)
    weight = core.astype(np.float32)
    colour, total = np.zeros(portrait.image.shape, np.float32), np.zeros(alpha.shape, np.float32)
    for sigma, share in ((2.0, 1.0), (6.0, 0.03), (20.0, 0.001)):  # the nearest colours win
        total += share * gaussian_filter(weight, sigma)
        for channel in range(3):
            colour[..., channel] += share * gaussian_filter(weight * portrait.image[..., channel], sigma)
    colour /= np.maximum(total, 1e-8)[..., None]
    own = np.clip((gaussian_filter(alpha, 1) - 0.85) / 0.13, 0, 1)[..., None]
    own = np.maximum(own, core[..., None])
    mixed = own * portrait.image + (1 - own) * colour
    return np.dstack([mixed, 255 * alpha]).clip(0, 255).astype(np.uint8)
