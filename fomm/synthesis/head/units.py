"""Expression units and the mouth's inside, read from their archives and brought into a portrait's frame.

The archives hold displacements of the 468 landmarks for 52 ARKit units, and teeth and tongue that move with them, in
the space of one neutral head (x right, y up, z to the viewer). Rigid landmarks tell where that head is in a portrait.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fomm.errors import MediaError
from fomm.synthesis.head.topology import CHIN, EYES, RIGID, UPPER_LIP_INNER

Array = NDArray[np.float64]
_PICTURE = np.array([1.0, -1.0, 1.0])  # y up to y down
# The archive's full strength is less than what a face can do.
_GAIN = {"mouthUpperUp": 2.0, "mouthLowerDown": 2.2, "browInnerUp": 1.4, "browOuterUp": 1.4, "noseSneer": 1.6}
_CHIN_GAIN = 0.65  # the archive's chin lags behind its teeth when the jaw opens


@dataclass(frozen=True)
class Units:
    """Expression units.

    Attributes:
        names: what they are called, `[U]`.
        delta: displacement of the landmarks at full strength, `[U, 468, 3]`, y down.
        neutral: the landmarks at rest, `[468, 3]`, y down.
        triangles: `[T, 3]` landmarks each, all wound alike.
    """

    names: tuple[str, ...]
    delta: Array
    neutral: Array
    triangles: NDArray[np.int64]


@dataclass(frozen=True)
class MouthPart:
    """Teeth or tongue.

    Attributes:
        vertices: `[V, 3]`, y down.
        uv: place in the texture, y down, `[V, 2]`.
        triangles: `[T, 3]`.
        delta: displacement by each unit, `[U, V, 3]`, y down.
        texture: RGBA `[H, W, 4]`.
    """

    vertices: Array
    uv: Array
    triangles: NDArray[np.int64]
    delta: NDArray[np.float32]
    texture: NDArray[np.uint8]


@dataclass(frozen=True)
class Similarity:
    """Rotation with scale `[3, 3]`, and shift `[3]`."""

    matrix: Array
    shift: Array

    def points(self, points: Array) -> Array:
        """Map points `[..., 3]`."""
        return points @ self.matrix.T + self.shift

    def vectors(self, vectors: NDArray[np.floating]) -> Array:
        """Map displacements `[..., 3]`."""
        return np.asarray(vectors @ self.matrix.T, np.float64)


def fit(source: Array, target: Array) -> Similarity:
    """Return the similarity that brings `source` `[N, 3]` closest to `target` (Umeyama 1991, equations 40 to 42)."""
    a, b = source - source.mean(0), target - target.mean(0)
    left, values, right = np.linalg.svd(b.T @ a / len(a))
    mirror = np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    turn = left @ mirror @ right
    scale = float(np.trace(np.diag(values) @ mirror) / (a**2).sum(1).mean())
    return Similarity(scale * turn, target.mean(0) - scale * turn @ source.mean(0))


def place_units(units: Units, landmarks: Array) -> Similarity:
    """Return where the neutral head is in a portrait with these landmarks."""
    return fit(units.neutral[list(RIGID)], landmarks[list(RIGID)])


def read_units(path: Path) -> Units:
    """Read the expression units and mend the few landmarks that hang on the wrong side of the lids and lips.

    Raises:
        MediaError: the file is missing or not such an archive.
    """
    data = _read(path, ("names", "delta", "neutral", "triangles"))
    names = tuple(str(name) for name in data["names"])
    neutral, delta = data["neutral"].astype(np.float64), data["delta"].astype(np.float64)
    _mend(names, neutral, delta)
    for number, name in enumerate(names):
        delta[number] *= _GAIN.get(name.removesuffix("Left").removesuffix("Right"), 1.0)
    jaw = delta[names.index("jawOpen")]
    low = np.clip((neutral[14, 1] - neutral[:, 1]) / (neutral[14, 1] - neutral[CHIN, 1]), 0, 1)
    jaw[:, 1] *= 1 + _CHIN_GAIN * low * low * (3 - 2 * low)
    neutral = neutral * _PICTURE
    triangles = _wind_alike(data["triangles"].astype(np.int64), neutral)
    return Units(names, delta * _PICTURE, neutral, triangles)


def read_mouth(path: Path) -> tuple[MouthPart, MouthPart]:
    """Read teeth and tongue.

    Raises:
        MediaError: the file is missing or not such an archive.
    """
    keys = [
        f"{part}_{key}" for part in ("teeth", "tongue") for key in ("vertices", "uv", "triangles", "delta", "texture")
    ]
    data = _read(path, tuple(keys))
    teeth, tongue = (
        MouthPart(
            data[f"{part}_vertices"].astype(np.float64) * _PICTURE,
            data[f"{part}_uv"].astype(np.float64),
            data[f"{part}_triangles"].astype(np.int64),
            (data[f"{part}_delta"].astype(np.float32) * _PICTURE.astype(np.float32)).transpose(1, 0, 2),
            data[f"{part}_texture"].astype(np.uint8),
        )
        for part in ("teeth", "tongue")
    )
    return teeth, tongue


def toward_viewer(triangles: NDArray[np.int64], points: Array) -> NDArray[np.int64]:
    """Wind triangles so that x, y and the corners turn alike: those that turn away can then be told from the others."""
    a, b, c = points[triangles].transpose(1, 0, 2)
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    return np.where((area < 0)[:, None], triangles[:, ::-1], triangles)


def _wind_alike(triangles: NDArray[np.int64], points: Array) -> NDArray[np.int64]:
    """Wind a face's triangles by how they lie, and those under a fold (nostrils, lips) as their neighbours are."""
    wound = toward_viewer(triangles, points)
    for _ in range(3):
        edges = [
            (int(t[i]), int(t[(i + 1) % 3])) for t in wound for i in range(3)
        ]  # a sound edge is used once each way
        used = Counter(edges)
        clashes = np.array([used[edge] > 1 for edge in edges]).reshape(-1, 3).sum(1)
        wound = np.where((clashes >= 2)[:, None], wound[:, ::-1], wound)
    return wound


def _mend(names: tuple[str, ...], neutral: Array, delta: Array) -> None:
    """Give landmarks that lie deep inside the head the place and movement of their mirror image."""
    deep = [i for i in range(len(neutral)) if neutral[i, 2] < 0.65]
    sound = np.setdiff1d(np.arange(len(neutral)), deep)
    swapped = [names.index(_mirrored(name)) for name in names]
    lips = [i for i in deep if i in UPPER_LIP_INNER[1:-1]]
    for i in [i for i in deep if i not in lips]:
        twin = sound[np.argmin(np.hypot(neutral[sound, 0] + neutral[i, 0], neutral[sound, 1] - neutral[i, 1]))]
        neutral[i, 2] = neutral[twin, 2]
        delta[:, i] = delta[swapped][:, twin] * [-1, 1, 1]
    for i in lips:
        place = UPPER_LIP_INNER.index(i)
        sides = [UPPER_LIP_INNER[place - 1], UPPER_LIP_INNER[place + 1]]
        neutral[i, 2] = neutral[sides, 2].mean()
        delta[:, i] = delta[:, sides].mean(1)
    lids = [point for eye in EYES for point in (*eye.upper, *eye.lower)]
    for eye in EYES:  # lids are moved by geometry, not by the archive
        delta[names.index(eye.blink)] = 0
        delta[names.index(eye.wide)] = 0
        delta[names.index(eye.squint), lids] = 0


def _mirrored(name: str) -> str:
    if name.endswith("Left"):
        return name.removesuffix("Left") + "Right"
    return name.removesuffix("Right") + "Left" if name.endswith("Right") else name


def _read(path: Path, keys: tuple[str, ...]) -> dict[str, NDArray[np.generic]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in keys}
    except FileNotFoundError as error:
        raise MediaError(f"{path} does not exist; say where it is with --units or --mouth.") from error
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise MediaError(f"{path} is not the archive it should be ({error}); copy it again.") from error
