"""Eyeballs behind the lids: the white of the eye with the iris painted out, and the iris completed to a full disc.

Both come from the portrait itself, so that colour and light fit; what the lids hide is filled from what they show.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, gaussian_filter, map_coordinates

from fomm.synthesis.head.fill import fill_in
from fomm.synthesis.head.polygons import polygon_mask
from fomm.synthesis.head.topology import Eye
from fomm.synthesis.portraits import Portrait

Array = NDArray[np.float64]
_FINE = 3  # texture pixels in a pixel of the portrait
_MARGIN = 1.5  # half size of the white's patch in half widths of the eye
_RIM = 24  # points around the iris
_MESH_POINTS = (0, 1, 19, 13, 7)  # of the disc: centre, then right, top, left and bottom of the rim
_REACH = np.array([0.042, -0.026])  # shift of the iris at a gaze of 1, in face widths: right, and up


@dataclass(frozen=True)
class Eyeball:
    """Textures and geometry of one eye.

    Attributes:
        white: RGBA texture of the patch around the eye.
        iris: RGBA texture of the iris, round.
        fan: centre and contour points of the white, `[17, 3]`, a little larger than the lids' opening.
        fan_uv: their places in `white`.
        disc: centre and edge of the iris, `[25, 3]`.
        disc_uv: their places in `iris`.
        reach: shift of the iris at a gaze of 1 to the right and upward, in pixels, `[2]`.
    """

    white: NDArray[np.uint8]
    iris: NDArray[np.uint8]
    fan: Array
    fan_uv: Array
    disc: Array
    disc_uv: Array
    reach: Array

    def iris_points(self, gaze: NDArray[np.floating]) -> Array:
        """Return the face mesh's five points of the iris turned to `gaze`, its centre first, `[5, 3]`."""
        return self.look(gaze)[list(_MESH_POINTS)]

    def look(self, gaze: NDArray[np.floating]) -> Array:
        """Return the iris turned to `gaze` (right, up), `[25, 3]`; it narrows as it turns away."""
        shift = np.asarray(gaze, np.float64) * self.reach
        disc = self.disc.copy()
        narrow = np.sqrt(1 - np.minimum((0.47 * np.asarray(gaze, np.float64)) ** 2, 0.5))  # sine of 28 degrees
        disc[:, :2] = disc[0, :2] + (disc[:, :2] - disc[0, :2]) * narrow + shift
        return disc


def build_eyeball(portrait: Portrait, eye: Eye, reshape: Array | None = None) -> Eyeball:
    """Cut one eye out of a portrait.

    Args:
        portrait: where to take it from.
        eye: which one.
        reshape: another shape of face, as displacement of the landmarks, `[468, 3]`.
    """
    width = portrait.face_width
    points = portrait.landmarks
    contour = points[list(eye.contour)]
    centre = contour.mean(0)
    half = _MARGIN * (np.ptp(contour[:, 0]) / 2)
    side = int(2 * half * _FINE)
    corner = centre[:2] - half
    patch = _cut(portrait.image, corner, side, 2 * half / side)  # [S, S, 3]
    opening = polygon_mask((side, side), (contour[:, :2] - corner) * side / (2 * half))
    seen = binary_erosion(opening, iterations=2)
    iris_centre = points[eye.iris[0]]
    radius = float(np.linalg.norm(points[list(eye.iris[1:]), :2] - iris_centre[:2], axis=1).mean()) * 1.06
    y, x = np.mgrid[:side, :side] + 0.5
    spot = (iris_centre[:2] - corner) * side / (2 * half)
    away = np.hypot(x - spot[0], y - spot[1]) * 2 * half / side / radius  # in radii of the iris
    white = _fill(patch, seen & (away > 1.2), sigma=0.03 * side)
    disc_texture = _round(patch, seen, spot, radius * side / (2 * half))
    fan = np.concatenate([centre[None], centre + (contour - centre) * [1.25, 1.6, 1.0]])
    fan[:, 2] -= 0.02 * width
    fan[0, 2] += 0.03 * width
    angle = np.linspace(0, 2 * np.pi, _RIM, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle), 0 * angle], 1)
    disc = iris_centre + np.concatenate([np.zeros((1, 3)), ring]) * radius
    disc[:, 2] = fan[0, 2]
    fan_uv = (fan[:, :2] - corner) / (2 * half)
    if reshape is not None:
        contour_shift = reshape[list(eye.contour)]
        fan += np.concatenate([contour_shift.mean(0, keepdims=True), contour_shift])
        disc += contour_shift.mean(0)
    return Eyeball(
        white=white,
        iris=disc_texture,
        fan=fan,
        fan_uv=fan_uv,
        disc=disc,
        disc_uv=0.5 + np.concatenate([np.zeros((1, 2)), ring[:, :2]]) / 2,
        reach=_REACH * width,
    )


def fan_triangles(rim: int) -> NDArray[np.int64]:
    """Return the triangles of a fan: its centre is vertex 0, its rim vertices 1 to `rim`."""
    edge = np.arange(rim)
    return np.stack([np.zeros(rim, np.int64), 1 + edge, 1 + (edge + 1) % rim], 1)


def _cut(image: NDArray[np.uint8], corner: Array, side: int, step: float) -> Array:
    y, x = np.mgrid[:side, :side]
    rows, columns = corner[1] + (y + 0.5) * step - 0.5, corner[0] + (x + 0.5) * step - 0.5
    channels = [
        map_coordinates(image[..., c].astype(float), [rows, columns], order=1, mode="nearest") for c in range(3)
    ]
    return np.stack(channels, -1)


def _fill(patch: Array, known: NDArray[np.bool_], sigma: float) -> NDArray[np.uint8]:
    """Return the patch with everything but the white filled from the white, `[S, S, 4]`."""
    if known.sum() < 20:
        grey = np.full_like(patch, np.percentile(patch, 80))
        return _opaque(grey)
    bright = patch.mean(-1)
    known = known & (bright > np.percentile(bright[known], 35) * 0.8)  # lashes and shadow are not white
    filled = gaussian_filter(fill_in(patch, known), (sigma, sigma, 0))
    soft = gaussian_filter(binary_erosion(known, iterations=2).astype(float), 1.5)[..., None]
    return _opaque(soft * patch + (1 - soft) * filled)


def _round(patch: Array, seen: NDArray[np.bool_], spot: Array, radius: float) -> NDArray[np.uint8]:
    """Return the iris on its own, every ring completed from the part that is seen, soft at the edge."""
    side = int(2 * radius) + 2
    rings, turns = side, 64
    r = (np.arange(rings) + 0.5) / rings * radius
    angle = np.arange(turns) / turns * 2 * np.pi
    rows = spot[1] + r[:, None] * np.sin(angle) - 0.5
    columns = spot[0] + r[:, None] * np.cos(angle) - 0.5
    polar = np.stack([map_coordinates(patch[..., c], [rows, columns], order=1, mode="nearest") for c in range(3)], -1)
    shown = map_coordinates(seen.astype(float), [rows, columns], order=1) > 0.5
    share = gaussian_filter(shown.astype(float), (0.7, 5), mode=("nearest", "wrap"))[..., None] + 1e-3
    colour = gaussian_filter(polar * shown[..., None], (0.7, 5, 0), mode=("nearest", "wrap", "nearest"))
    mean = (polar * shown[..., None]).sum(1, keepdims=True) / np.maximum(shown.sum(1), 1)[:, None, None]
    seen_anywhere = shown.any(1)
    mean = (
        mean[np.flatnonzero(seen_anywhere)[np.abs(np.arange(rings)[:, None] - np.flatnonzero(seen_anywhere)).argmin(1)]]
        if seen_anywhere.any()
        else np.full_like(mean, 40.0)
    )
    polar = np.where(shown[..., None], polar, (colour + 1e-3 * mean) / share)
    y, x = np.mgrid[:side, :side] + 0.5 - side / 2
    away = np.hypot(x, y) / (side / 2)
    at = [away * rings - 0.5, np.arctan2(y, x) % (2 * np.pi) / (2 * np.pi) * turns]
    disc = np.stack([map_coordinates(polar[..., c], at, order=1, mode="grid-wrap") for c in range(3)], -1)
    outer = np.stack(
        [
            map_coordinates(polar[..., c], [np.minimum(at[0], rings - 1), at[1]], order=1, mode="nearest")
            for c in range(3)
        ],
        -1,
    )
    disc = np.where((at[0] > rings - 1)[..., None], outer, disc)
    alpha = np.clip((1 - away) / 0.16, 0, 1) * 255
    return np.dstack([disc, alpha]).clip(0, 255).astype(np.uint8)


def _opaque(colour: Array) -> NDArray[np.uint8]:
    return np.dstack([colour, np.full(colour.shape[:2], 255.0)]).clip(0, 255).astype(np.uint8)
