"""New people from pairs of portraits: the skin's detail of one in the light of the other, and faces of mixed shape.

The partner's face is drawn in the layout of the portrait's landmarks. Below a sixth of the face width its colours are
replaced by the portrait's own, so that light and complexion stay and features, wrinkles and brows change.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, gaussian_filter, zoom

from fomm.synthesis.head.polygons import polygon_mask
from fomm.synthesis.head.topology import EYES, FACE_OUTLINE, INNER_LIPS, LANDMARKS, RIGID
from fomm.synthesis.head.units import fit
from fomm.synthesis.opengl import Screen
from fomm.synthesis.portraits import Portrait, own_yaw

Array = NDArray[np.float64]
_MOST_APART = np.radians(9.0)  # portraits that look to different sides do not share a texture
_MOST_SHIFT = 0.06  # of the face width
_COARSE = 8


def blend_skin(
    screen: Screen, triangles: NDArray[np.int64], portrait: Portrait, partner: Portrait, share: float, keep: float
) -> NDArray[np.uint8]:
    """Return the portrait's picture with `share` of the partner's facial detail, uint8 `[H, W, 3]`.

    Args:
        screen: of the portrait's size, draws the partner's face in place.
        triangles: of the landmarks, `[T, 3]`.
        portrait: whose hair, light and outline stay.
        partner: whose features are mixed in.
        share: in [0, 1].
        keep: how much of the partner's own light and complexion comes along, in [0, 1].
    """
    own = portrait.image.astype(np.float32)
    if abs(own_yaw(portrait.landmarks) - own_yaw(partner.landmarks)) > _MOST_APART:
        return portrait.image
    other, drawn = _warp(screen, triangles, portrait, partner)
    width = portrait.face_width
    face = binary_erosion(drawn, iterations=max(1, int(0.03 * width)))
    for loop in (INNER_LIPS, *(eye.contour for eye in EYES)):
        face &= ~polygon_mask(face.shape, portrait.landmarks[list(loop), :2])
    mask = gaussian_filter(face.astype(np.float32), 0.035 * width)[..., None]
    low, other_low = (_broad(picture, drawn, 0.16 * width) for picture in (own, other))
    mixed = (1 - keep) * low + keep * other_low + other - other_low
    return np.asarray(np.clip(own + share * mask * (mixed - own), 0, 255), np.uint8)


def mixed_shape(rng: Generator, portrait: Portrait, partner: Portrait) -> Array:
    """Return a displacement of the landmarks toward the partner's shape of face, `[468, 3]`."""
    rigid = list(RIGID)
    place = fit(partner.landmarks[rigid], portrait.landmarks[rigid])
    apart = place.points(partner.landmarks[:LANDMARKS]) - portrait.landmarks[:LANDMARKS]
    apart[:, 2] *= 0.5
    inner = list(INNER_LIPS)  # an open mouth is an expression, not a shape
    apart[inner] = apart[inner].mean(0)
    most = _MOST_SHIFT * portrait.face_width
    return np.asarray(np.clip(rng.uniform(0.1, 0.65) * apart, -most, most))


def _warp(
    screen: Screen, triangles: NDArray[np.int64], portrait: Portrait, partner: Portrait
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    height, width = portrait.alpha.shape
    place = portrait.landmarks[:LANDMARKS, :2] / [width, height] * 2 - 1
    spots = partner.landmarks[:LANDMARKS, :2] / partner.alpha.shape[::-1]
    texture = screen.texture(np.dstack([partner.image, np.full(partner.alpha.shape, 255, np.uint8)]))
    surface = screen.surface(triangles, LANDMARKS)
    screen.begin_picture()
    screen.use(texture, depth=False)
    surface.draw(np.c_[place, np.zeros(LANDMARKS)], spots, np.ones((LANDMARKS, 3)))
    picture = screen.end_picture().astype(np.float32)
    surface.release()
    texture.release()
    if picture.shape[:2] != (height, width):
        scale = (height / picture.shape[0], width / picture.shape[1], 1)
        picture = np.asarray(zoom(picture, scale, order=1, mode="nearest", grid_mode=True), np.float32)
    return picture, polygon_mask((height, width), portrait.landmarks[list(FACE_OUTLINE), :2])


def _broad(picture: NDArray[np.float32], where: NDArray[np.bool_], sigma: float) -> NDArray[np.float32]:
    """Return the picture without detail finer than `sigma`, averaged over `where` only."""
    height, width = where.shape
    rows, columns = height // _COARSE, width // _COARSE
    stack = np.dstack([picture * where[..., None], where])[: rows * _COARSE, : columns * _COARSE]
    small = stack.reshape(rows, _COARSE, columns, _COARSE, 4).mean((1, 3))
    small = np.stack([gaussian_filter(small[..., c], sigma / _COARSE) for c in range(4)], -1)
    smooth = small[..., :3] / np.maximum(small[..., 3:], 1e-3)
    return np.asarray(
        zoom(smooth, (height / rows, width / columns, 1), order=1, mode="nearest", grid_mode=True), np.float32
    )
