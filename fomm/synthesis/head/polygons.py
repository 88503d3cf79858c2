"""What lies inside a polygon."""

from __future__ import annotations

from typing import Any

import numpy as np
import skimage.draw
import skimage.measure
from numpy.typing import NDArray

_draw: Any = skimage.draw  # scikit-image is only partly typed
_measure: Any = skimage.measure


def polygon_mask(shape: tuple[int, ...], corners: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return which pixels of a picture of this shape are inside a polygon with corners `[N, 2]`, x then y."""
    return np.asarray(_draw.polygon2mask(shape, corners[:, ::-1]), bool)


def inside_polygon(points: NDArray[np.floating], corners: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return which points `[P, 2]` are inside a polygon with corners `[N, 2]`."""
    return np.asarray(_measure.points_in_poly(points, corners), bool)
