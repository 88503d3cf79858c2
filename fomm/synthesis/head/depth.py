"""Where the parts of a head are in depth and how far they go with it: harmonic functions on the portrait's mesh.

A harmonic function is given on some vertices and as smooth as can be on all others; here the solution of Laplace's
equation on the graph of the mesh's edges.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.ndimage import map_coordinates
from scipy.sparse.linalg import spsolve
from scipy.spatial import Delaunay, cKDTree

from fomm.synthesis.head.topology import CHIN, FACE_OUTLINE, FOREHEAD, LANDMARKS, LEFT_EDGE, RIGHT_EDGE

Array = NDArray[np.float64]
CELLS = 14  # grid cells in a face width
_BEHIND = 0.12  # depth of the silhouette behind the edges of the face, in face widths
_NECK = 0.34  # depth of neck and chest behind the chin
_SKULL = 0.55  # depth of the head behind its silhouette
_SPILL = 5  # pixels inside the matte's edge that may still hold colours of the background
_RIM_STRIP = 0.12  # breadth of the strip along the silhouette that the back of the head takes its colours from


def sample(field: NDArray[np.floating], points: Array) -> Array:
    """Read a field `[H, W]` at points `[N, 2]`, its edge continued."""
    return np.asarray(map_coordinates(field, [points[:, 1], points[:, 0]], order=1, mode="nearest"), np.float64)


def laplacian(triangles: NDArray[np.int64], count: int) -> sparse.csr_matrix:
    """Return the Laplacian `[V, V]` of the graph of the triangles' edges, every edge weighing the same."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    links = sparse.coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(count, count)).tocsr()
    links = ((links + links.T) > 0).astype(float)
    return (sparse.diags(np.asarray(links.sum(1)).ravel()) - links).tocsr()


def _harmonic(smooth: sparse.csr_matrix, known: NDArray[np.bool_], values: Array, otherwise: float) -> Array:
    """Return the smoothest field `[V]` with the given values where known; loose parts get `otherwise`."""
    free = np.flatnonzero(~known)
    matrix = smooth[free]
    right = -matrix[:, np.flatnonzero(known)] @ values[known] + 1e-4 * otherwise
    field = values.astype(np.float64).copy()
    field[free] = spsolve((matrix[:, free] + 1e-4 * sparse.eye(len(free))).tocsc(), right)
    return field


def head_share(face: Array, grid: Array, width: float, smooth: sparse.csr_matrix) -> Array:
    """Return how far every vertex goes with the head, `[V]`: 1 on face and skull, 0 on the trunk.

    Args:
        face: the landmarks, `[468, 3]`.
        grid: the vertices around them, `[V - 468, 2]`.
        width: of the face.
        smooth: Laplacian of the mesh.
    """
    middle = (face[LEFT_EDGE, 0] + face[RIGHT_EDGE, 0]) / 2
    aside, below = np.abs(grid[:, 0] - middle) / width, (grid[:, 1] - face[CHIN, 1]) / width
    on_head = (below < -0.25) & (aside < 1.0)
    on_trunk = (below > 0.6) | ((aside > 1.05) & (below > -0.2)) | (aside > 1.5)
    known = np.concatenate([np.ones(LANDMARKS, bool), on_head | on_trunk])
    values = np.concatenate([np.ones(LANDMARKS), on_head.astype(float)])
    share = np.clip(_harmonic(smooth, known, values, 0.0), 0, 1)
    return share * share * (3 - 2 * share)


def depth(face: Array, grid: Array, inside: Array, head: Array, width: float, smooth: sparse.csr_matrix) -> Array:
    """Return the depth of every vertex, `[V]`: the landmarks' own, and from the face's outline back to the silhouette.

    Args:
        face: the landmarks, `[468, 3]`.
        grid: the vertices around them, `[V - 468, 2]`.
        inside: their distance to the silhouette, `[V - 468]`.
        head: what `head_share` returned.
        width: of the face.
        smooth: Laplacian of the mesh.
    """
    trunk = face[CHIN, 2] - _NECK * width
    below = (grid[:, 1] - face[CHIN, 1]) / width
    known = np.concatenate([np.ones(LANDMARKS, bool), (inside < 0.5 * width / CELLS) | (below > 0.25)])
    near = _harmonic(smooth, known, np.concatenate([np.ones(LANDMARKS), np.zeros(len(grid))]), 0.0)[LANDMARKS:]
    share = head[LANDMARKS:]
    ground = share * _rim_depth(face, width) + (1 - share) * trunk
    outline = face[list(FACE_OUTLINE)]
    away = np.linalg.norm(grid[:, None] - outline[None, :, :2], axis=2)
    weight = 1 / (away + 0.05 * width) ** 2
    edge = (weight @ outline[:, 2]) / weight.sum(1)
    dome = np.sqrt(1 - (1 - np.clip(near, 0, 1)) ** 2)  # hair bulges; the neck falls away under the chin
    under = np.clip(below / 0.1 + 0.5, 0, 1)
    z = ground + (edge - ground) * (dome * (1 - under) + near * under)
    return np.concatenate([face[:, 2], z])


def _rim_depth(face: Array, width: float) -> float:
    return float((face[LEFT_EDGE, 2] + face[RIGHT_EDGE, 2]) / 2 - _BEHIND * width)


def back_of_head(
    face: Array,
    points: Array,
    head: Array,
    inside: NDArray[np.floating],
    rim: NDArray[np.integer],
    width: float,
) -> tuple[Array, Array, Array, NDArray[np.int64], Array]:
    """Return the half ellipsoid behind the rim: vertices, colour spots, light, triangles and head shares.

    Args:
        face: the landmarks.
        points: `[V, 2]`, vertices of the front.
        head: their share in the head's turn.
        inside: distance of every pixel to the silhouette, `[H, W]`.
        rim: row and column of the nearest pixel outside, `[2, H, W]`.
        width: of the face.
    """
    height, length = inside.shape
    step = width / CELLS
    y, x = np.meshgrid(np.arange(0, height, step), np.arange(0, length, step), indexing="ij")
    flat = np.stack([x.ravel(), y.ravel()], 1)
    flat = flat[flat[:, 1] < face[CHIN, 1] + 0.35 * width]
    deep = sample(inside, flat)
    share = head[cKDTree(points).query(flat)[1]]
    keep = (deep > 2) & (share > 0.05)
    flat, deep, share = flat[keep], deep[keep], share[keep]
    triangles = Delaunay(flat).simplices
    longest = np.linalg.norm(flat[triangles] - flat[np.roll(triangles, 1, axis=1)], axis=2).max(1)
    triangles = triangles[(longest < 1.6 * step) & (sample(inside, flat[triangles].mean(1)) > 2)]
    t = np.clip(deep / (0.6 * width), 0, 1)
    trunk = face[CHIN, 2] - _NECK * width
    ground = share * _rim_depth(face, width) + (1 - share) * (trunk - 0.05 * width)
    brow = (face[FOREHEAD, 1] + face[CHIN, 1]) / 2
    nape = np.clip((flat[:, 1] - brow) / (face[CHIN, 1] - brow), 0, 1)  # the head recedes from ear to nape
    z = ground - _SKULL * (1 - 0.6 * nape) * width * share * np.sqrt(1 - (1 - t) ** 2)
    nearest = rim[::-1, flat[:, 1].astype(int), flat[:, 0].astype(int)].T  # [N, 2]
    inset = _SPILL + np.minimum(deep, _RIM_STRIP * width)
    spots = nearest + (flat - nearest) * (inset / np.maximum(deep, 1))[:, None]
    shadow = 1 - 0.45 * np.clip(deep / (0.25 * width), 0, 1)
    return np.c_[flat, z], spots, shadow, np.asarray(triangles, np.int64), share
