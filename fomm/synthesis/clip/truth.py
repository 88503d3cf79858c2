"""The truth about a clip: flow between two of its frames, where it holds, what is visible, and where the person is.

All fields have 64 cells a side with centres at (c + 0.5) / 64 of the frame; they are drawn at twice that and averaged.
Flow is backward: from a cell of the driving frame to the place of the same point in the source frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from fomm.synthesis.head.painter import Painter, depth_of
from fomm.synthesis.head.pose import Pose
from fomm.synthesis.head.topology import LANDMARKS
from fomm.synthesis.scene import Camera

FIELD_SIDE = 64
DRAWN_SIDE = 2 * FIELD_SIDE
FRAME_SIDE = 256
_FLOW_STEPS = 4 * FRAME_SIDE / 2  # quarter pixels of the frame in a unit of [-1, 1]
_LANDMARK_STEPS = 8 * FRAME_SIDE / 2
_SLACK = 0.06  # depth in face widths within which two surfaces count as one

Array = NDArray[np.float64]


def clip_truth(
    rng: Generator,
    painter: Painter,
    seen: Sequence[Array],
    irises: Sequence[Array],
    cameras: Sequence[Camera],
    covers: NDArray[np.floating],
    poses: Sequence[Pose],
) -> dict[str, NDArray[np.generic]]:
    """Return everything that is stored beside a clip's frames.

    Args:
        rng: chooses the source frame of every driving frame.
        painter: the person.
        seen: where the vertices are in every frame, each `[V, 3]`.
        irises: where the face mesh's points of the irises are, each `[10, 3]`.
        cameras: of every frame.
        covers: how much of a pixel is hidden by a thing in front, `[T, S, S]`.
        poses: of every frame.
    """
    cover = _to_field(covers)  # [T, 128, 128]
    source = choose_sources(rng, len(seen))
    traced = [painter.trace(seen[j], seen[source[j]]) for j in range(len(seen))]
    depths = np.stack([depth for _, depth in traced])
    fields = [
        _fields(traced[j][0], depths[i], cameras[j], cameras[i], cover[j], cover[i]) for j, i in enumerate(source)
    ]
    flow, valid, visible, person = (np.stack(parts) for parts in zip(*fields, strict=True))
    mesh = np.stack([np.concatenate([skin[:LANDMARKS], eyes]) for skin, eyes in zip(seen, irises, strict=True)])
    landmarks = (mesh[..., :2] + 1) * _LANDMARK_STEPS  # [T, 478, 2]
    # Stored as x right and y down, like everything in the picture.
    picture = np.array([1, -1])
    return {
        "source": source.astype(np.uint8),
        "flow": np.clip(np.round(flow * _FLOW_STEPS), -32768, 32767).astype(np.int16),
        "valid": np.packbits(valid, axis=-1),
        "visible": np.packbits(visible, axis=-1),
        "person": np.packbits(person, axis=-1),
        "landmarks": np.clip(np.round(landmarks), -32768, 32767).astype(np.int16),
        "expression": np.stack([pose.expression for pose in poses]).astype(np.float16),
        "pose": (np.stack([pose.turn for pose in poses]) * [1, -1, 1]).astype(np.float32),
        "gaze": (np.stack([pose.gaze for pose in poses]) * picture).astype(np.float16),
    }


def choose_sources(rng: Generator, count: int) -> NDArray[np.int64]:
    """Return a source frame for each of `count` driving frames: any other one, near or far, as users' photos may be."""
    if count < 2:
        return np.zeros(count, np.int64)
    return (np.arange(count) + rng.integers(1, count, size=count)) % count


def _fields(
    traced: NDArray[np.float32],
    source_depth: NDArray[np.float32],
    camera: Camera,
    source_camera: Camera,
    cover: NDArray[np.float32],
    source_cover: NDArray[np.float32],
) -> tuple[Array, NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return displacement `[64, 64, 2]` in [-1, 1] units, and where it is true, visible, and on a person."""
    axis = (2 * np.arange(DRAWN_SIDE) + 1) / DRAWN_SIDE - 1
    here = np.stack(np.meshgrid(axis, axis), -1)  # [128, 128, 2]
    kind = np.round(traced[..., 3]).astype(int)
    plane = (here + 1) * (camera.size / 2) + np.array([camera.x, camera.y])
    there = np.where((kind > 0)[..., None], traced[..., :2], source_camera.to_frame(plane))
    cell = np.floor((there + 1) / 2 * DRAWN_SIDE).astype(int)
    inside = ((cell >= 0) & (cell < DRAWN_SIDE)).all(-1)
    column, row = np.clip(cell, 0, DRAWN_SIDE - 1).transpose(2, 0, 1)
    around = maximum_filter(source_depth, size=3)[row, column]
    front = np.where(kind > 0, depth_of(traced[..., 2] + _SLACK) <= around, source_depth[row, column] >= 1)
    seen = inside & front & (source_cover[row, column] < 0.5)
    blocks = _blocks(kind)
    same = (blocks == blocks[..., :1]).all(-1)
    valid = same & (blocks[..., 0] < 2) & (_blocks(cover) < 0.1).all(-1)
    person = ((blocks > 0).sum(-1) > 2) | (_blocks(cover).mean(-1) > 0.5)
    return _blocks(there - here).mean(-2), valid, _blocks(seen).sum(-1) > 2, person


def _blocks(field: NDArray[Any]) -> NDArray[Any]:
    """Gather the four drawn cells of every stored one: `[128, 128, ...]` to `[64, 64, 4, ...]`."""
    rest = field.shape[2:]
    paired = field.reshape(FIELD_SIDE, 2, FIELD_SIDE, 2, *rest)
    return np.moveaxis(paired, 2, 1).reshape(FIELD_SIDE, FIELD_SIDE, 4, *rest)


def _to_field(covers: NDArray[np.floating]) -> NDArray[np.float32]:
    frames, side = covers.shape[:2]
    step = side // DRAWN_SIDE
    return np.asarray(covers.reshape(frames, DRAWN_SIDE, step, DRAWN_SIDE, step).mean((2, 4)), np.float32)
