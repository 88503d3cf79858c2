"""The portrait as texture: its matte, and colours of the person continued outward so that no halo shows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, gaussian_filter

from fomm.synthesis.head.fill import fill_in
from fomm.synthesis.head.polygons import polygon_mask
from fomm.synthesis.head.topology import FACE_OUTLINE
from fomm.synthesis.portraits import Portrait


def picture_with_matte(portrait: Portrait) -> NDArray[np.uint8]:
    """Return skin, hair and clothes with the matte as fourth channel, RGBA `[H, W, 4]`."""
    outline = portrait.landmarks[list(FACE_OUTLINE), :2]
    alpha = np.maximum(portrait.alpha, polygon_mask(portrait.alpha.shape, outline))
    core = binary_erosion(alpha > 0.97, iterations=2)
    colour = fill_in(portrait.image, core)  # the nearest colours win
    own = np.clip((gaussian_filter(alpha, 1) - 0.85) / 0.13, 0, 1)[..., None]
    own = np.maximum(own, core[..., None])
    mixed = own * portrait.image + (1 - own) * colour
    return np.dstack([mixed, 255 * alpha]).clip(0, 255).astype(np.uint8)
