"""A portrait as a 2.5-D mesh: face landmarks, hair, neck and shoulders around them, and the back of the head.

The face is the 468 landmarks with holes for mouth and eyes. Around it lies a grid of triangles over the matte. How far
a grid point goes with the head, and how deep it lies, are harmonic functions on that mesh: given on the head, on the
trunk, on the face's outline and along the silhouette, and as smooth as can be between them, so that hair and neck
stretch but never tear. Behind the silhouette the head goes on as half an ellipsoid, which is what a turn uncovers.

Space: x right, y down, z to the viewer, in pixels of the portrait.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.ndimage import distance_transform_edt, maximum_filter
from scipy.spatial import Delaunay, cKDTree

from fomm.synthesis.head.depth import CELLS, back_of_head, depth, head_share, laplacian, sample
from fomm.synthesis.head.polygons import inside_polygon
from fomm.synthesis.head.topology import EYES, FACE_OUTLINE, INNER_LIPS, LANDMARKS
from fomm.synthesis.head.units import toward_viewer
from fomm.synthesis.portraits import Portrait

Array = NDArray[np.float64]
_REACH = 0.16  # how far an expression is felt beyond the face's outline, in face widths
_SHAPE_REACH = 0.5  # the same for another person's shape of face
_FLAT_FROM, _FLATTEN = -0.22, 0.6  # landmarks farther back than this are brought forward: cheeks stretch less


@dataclass(frozen=True)
class HeadMesh:
    """The mesh at rest. The first 468 vertices are the landmarks; the last ones are the back of the head.

    Attributes:
        vertices: `[V, 3]`.
        spots: where in the picture their colours come from, `[V, 2]`.
        shadow: light that the back of the head keeps, `[V]`.
        triangles: of face and surroundings, `[T, 3]`.
        back: of the back of the head, `[B, 3]`.
        head: share of the head's turn that a vertex follows, `[V]` in [0, 1].
        carry: what grid vertices take over of the movement of the face's outline, `[V - 468, 36]`.
        carry_shape: the same for another shape of face.
        normals: sums triangle normals into smooth vertex normals, `[V, T + B]`.
        face_width: unit of all sizes, in pixels.
    """

    vertices: Array
    spots: Array
    shadow: Array
    triangles: NDArray[np.int64]
    back: NDArray[np.int64]
    head: Array
    carry: Array
    carry_shape: Array
    normals: sparse.csr_matrix
    face_width: float


def build_head(portrait: Portrait, face_triangles: NDArray[np.int64]) -> HeadMesh:
    """Make the mesh of a portrait.

    Args:
        portrait: picture, matte and landmarks.
        face_triangles: triangulation of the landmarks, `[T, 3]`.
    """
    face = soft_landmarks(portrait)
    width = portrait.face_width
    outline = face[list(FACE_OUTLINE)]
    grid, apart = _grid_around(portrait, outline, width)
    around = _fill_around(portrait, outline, grid, width / CELLS)
    used = np.unique(around[around >= LANDMARKS]) - LANDMARKS
    renumber = np.concatenate([np.arange(LANDMARKS), np.zeros(len(grid), np.int64)])
    renumber[LANDMARKS + used] = LANDMARKS + np.arange(len(used))
    grid, apart = grid[used], apart[used]
    points = np.concatenate([face[:, :2], grid])
    front = np.concatenate([_without_holes(face_triangles), toward_viewer(renumber[around], points)])
    inside, rim = distance_transform_edt(portrait.alpha > 0.5, return_indices=True)
    smooth = laplacian(front, len(points))
    head = head_share(face, grid, width, smooth)
    z = depth(face, grid, sample(inside, grid), head, width, smooth)
    back_points, back_spots, shadow, back, back_head = back_of_head(face, points, head, inside, rim, width)
    vertices = np.concatenate([np.c_[points, z], back_points])
    spare = np.zeros((len(back_points), len(outline)))
    return HeadMesh(
        vertices=vertices,
        spots=np.concatenate([points, back_spots]),
        shadow=np.concatenate([np.ones(len(points)), shadow]),
        triangles=front,
        back=back + len(points),
        head=np.concatenate([head, back_head]),
        carry=np.concatenate([_carry(outline, grid, apart, _REACH * width), spare]),
        carry_shape=np.concatenate([_carry(outline, grid, apart, _SHAPE_REACH * width), spare]),
        normals=_normal_matrix(np.concatenate([front, back + len(points)]), len(vertices)),
        face_width=width,
    )


def soft_landmarks(portrait: Portrait) -> Array:
    """Return the 468 landmarks with the edges of the face brought forward, `[468, 3]`.

    A picture holds no more than a sliver of the side of a face; turned into view at its full depth it would smear.
    """
    face = portrait.landmarks[:LANDMARKS].copy()
    start = _FLAT_FROM * portrait.face_width
    face[:, 2] = np.where(face[:, 2] < start, start + _FLATTEN * (face[:, 2] - start), face[:, 2])
    return face


def vertex_normals(mesh: HeadMesh, vertices: Array) -> Array:
    """Return smooth unit normals `[V, 3]`, x right, y up, z to the viewer."""
    corners = vertices[np.concatenate([mesh.triangles, mesh.back])]  # [T + B, 3, 3]
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    faces *= np.where(faces[:, 2:] < 0, -1, 1) * [1, -1, 1]
    normals = mesh.normals @ faces
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9))


def _grid_around(portrait: Portrait, outline: Array, width: float) -> tuple[Array, Array]:
    """Return grid points `[G, 2]` outside the face, beyond the picture too, and their distance to its outline."""
    height, length = portrait.alpha.shape
    step = width / CELLS
    y, x = np.meshgrid(
        np.arange(-0.2 * width, height + 0.6 * width, step * 0.87),
        np.arange(-0.5 * width, length + 0.5 * width, step),
        indexing="ij",
    )
    x[1::2] += step / 2  # rows are staggered: triangles come out nearly equilateral
    grid = np.stack([x.ravel(), y.ravel()], 1)
    grid = grid[~inside_polygon(grid, outline[:, :2])]
    apart = cKDTree(_dense(outline[:, :2])).query(grid)[0]
    near = apart > 0.5 * step
    return grid[near], apart[near]


def _dense(loop: Array) -> Array:
    t = np.linspace(0, 1, 8, endpoint=False)[None, :, None]
    return (loop[:, None] * (1 - t) + np.roll(loop, -1, axis=0)[:, None] * t).reshape(-1, loop.shape[1])


def _without_holes(triangles: NDArray[np.int64]) -> NDArray[np.int64]:
    loops = [set(INNER_LIPS), *(set(eye.contour) for eye in EYES)]
    return np.array([triangle for triangle in triangles.tolist() if not any(set(triangle) <= loop for loop in loops)])


def _fill_around(portrait: Portrait, outline: Array, grid: Array, step: float) -> NDArray[np.int64]:
    """Return triangles between the face's outline and the grid wherever the person is."""
    points = np.concatenate([outline[:, :2], grid])
    numbers = np.concatenate([np.array(FACE_OUTLINE), LANDMARKS + np.arange(len(grid))])
    triangles = Delaunay(points).simplices
    centres = points[triangles].mean(1)
    person = maximum_filter(portrait.alpha, size=int(1.6 * step))
    keep = ~inside_polygon(centres, outline[:, :2]) & (sample(person, centres) > 0.02)
    return np.asarray(numbers[triangles[keep]], np.int64)


def _carry(outline: Array, grid: Array, apart: Array, reach: float) -> Array:
    away = np.linalg.norm(grid[:, None] - outline[None, :, :2], axis=2)  # [G, 36]
    weight = 1 / (away + 0.15 * reach) ** 3
    return np.asarray(weight / weight.sum(1, keepdims=True) * np.exp(-((apart / reach) ** 2))[:, None])


def _normal_matrix(triangles: NDArray[np.int64], count: int) -> sparse.csr_matrix:
    rows, columns = triangles.ravel(), np.repeat(np.arange(len(triangles)), 3)
    gather = sparse.coo_matrix((np.ones(rows.size), (rows, columns)), shape=(count, len(triangles))).tocsr()
    links = laplacian(triangles, count)
    average = sparse.eye(count) - sparse.diags(1 / (links.diagonal() + 1)) @ links
    return (average @ average @ average @ gather).tocsr()
