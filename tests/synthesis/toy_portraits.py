"""Portraits, expression units and a mouth made of ellipses, for tests: a few kB instead of a data set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay

from fomm.synthesis.head.topology import EYES, FACE_OUTLINE, LANDMARKS, LOWER_LIP_INNER, UPPER_LIP_INNER
from fomm.synthesis.portraits import PortraitFolder
from fomm.trust.consent.grant_set import grant_pictures, pictures_in
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import NO_LIVING, ConsentTerms

SIDE = 160
TERMS = ConsentTerms(kind=NO_LIVING, origin="ai-generated", source="ellipses", subject="toys")
WIDTH, HEIGHT = 56.0, 76.0  # of the face
_BOTH = [
    "browDown",
    "browOuterUp",
    "cheekSquint",
    "eyeBlink",
    "eyeLookDown",
    "eyeLookIn",
    "eyeLookOut",
    "eyeLookUp",
    "eyeSquint",
    "eyeWide",
    "mouthDimple",
    "mouthFrown",
    "mouthLowerDown",
    "mouthPress",
    "mouthSmile",
    "mouthStretch",
    "mouthUpperUp",
    "noseSneer",
]
_ONE = [
    "browInnerUp",
    "cheekPuff",
    "jawForward",
    "jawLeft",
    "jawOpen",
    "jawRight",
    "mouthClose",
    "mouthFunnel",
    "mouthLeft",
    "mouthPucker",
    "mouthRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
    "tongueOut",
]
NAMES = tuple(sorted([*_ONE, *(name + side for name in _BOTH for side in ("Left", "Right"))]))


@dataclass(frozen=True)
class Toys:
    """Where the toy files are."""

    portraits: Path
    units: Path
    mouth: Path
    ledger: Ledger

    @property
    def folder(self) -> PortraitFolder:
        return PortraitFolder(self.portraits)


def make_toys(root: Path, names: tuple[str, ...] = ("a_1", "a_2", "b_3", "b_5"), recorded: bool = True) -> Toys:
    """Write a folder of portraits and the two archives beside it, and record where the portraits come from."""
    portraits = root / "portraits"
    portraits.mkdir(parents=True)
    (root / "LICENCE.md").write_text("Drawn by a test; nobody real.\n")
    landmarks = {}
    for number, name in enumerate(names):
        points = _face(np.array([SIDE / 2 + 2 * number, 70.0]))
        landmarks[name] = points.astype(np.float32)
        picture, alpha = _picture(points, number)
        iio.imwrite(portraits / f"{name}.jpg", picture)
        iio.imwrite(portraits / f"{name}_alpha.png", (255 * alpha).astype(np.uint8))
    np.savez(portraits / "landmarks.npz", **landmarks)
    neutral = _face(np.zeros(2))[:LANDMARKS] * [1, -1, 1] / WIDTH * 1.4 + [0, 0, 1.6]
    delta = np.zeros((len(NAMES), LANDMARKS, 3), np.float32)
    delta[NAMES.index("jawOpen"), list(LOWER_LIP_INNER[1:-1]), 1] = -0.3
    delta[NAMES.index("jawOpen"), 152, 1] = -0.2
    triangles = Delaunay(neutral[:, :2]).simplices.astype(np.int16)
    np.savez(root / "face_units.npz", names=np.array(NAMES), delta=delta, neutral=neutral, triangles=triangles)
    _write_mouth(root / "mouth.npz", neutral)
    ledger = Ledger(root / "home")
    if recorded:
        grant_pictures(ledger, pictures_in(portraits), TERMS)
    return Toys(portraits, root / "face_units.npz", root / "mouth.npz", ledger)


def _face(centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 478 landmarks of an egg-shaped face; those without a role are strewn over it."""
    points = np.full((478, 3), np.nan)
    angle = np.linspace(0, 2 * np.pi, len(FACE_OUTLINE), endpoint=False)
    points[list(FACE_OUTLINE), :2] = np.stack([np.sin(angle) * WIDTH / 2, -np.cos(angle) * HEIGHT / 2], 1)
    across = np.linspace(-1, 1, len(UPPER_LIP_INNER))
    for row, sign in ((UPPER_LIP_INNER, -1), (LOWER_LIP_INNER, 1)):
        points[list(row), 0] = across * 10
        points[list(row), 1] = 18 + sign * (1 - across**2) * 0.4
    for eye, side in zip(EYES, (-1, 1), strict=True):
        middle = np.array([side * 13.0, -8.0])
        spread = side * np.linspace(5, -5, 9)  # from the outer corner inward
        lid = 2.2 * (1 - np.linspace(-1, 1, 9) ** 2)
        for row, lift in ((eye.upper, -lid), (eye.lower, lid), (eye.fold, -lid - 2), (eye.socket, -lid - 5)):
            points[list(row), :2] = middle + np.stack([spread, lift], 1)[1:-1]
        points[list(eye.bag), :2] = middle + np.stack([spread, lid + 2], 1)[1:-1]
        points[list(eye.corners), :2] = middle + np.stack([spread, 0 * lid], 1)[[0, -1]]
        points[list(eye.iris), :2] = middle + np.array([[0, 0], [2, 0], [0, -2], [-2, 0], [0, 2]])
    points[1, :2] = (0, 6)
    rng = np.random.default_rng(0)
    loose = np.flatnonzero(np.isnan(points[:, 0]))
    radius, turn = np.sqrt(rng.uniform(0, 0.85, len(loose))), rng.uniform(0, 2 * np.pi, len(loose))
    points[loose, :2] = np.stack([radius * np.cos(turn) * WIDTH / 2, radius * np.sin(turn) * HEIGHT / 2], 1)
    away = (points[:, 0] / (WIDTH / 2)) ** 2 + (points[:, 1] / (HEIGHT / 2)) ** 2
    points[:, 2] = 22 * np.sqrt(np.clip(1.05 - away, 0, None)) - 10
    points[:, :2] += centre
    return points


def _picture(points: NDArray[np.float64], number: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    centre = points[list(FACE_OUTLINE), :2].mean(0)
    head = ((x - centre[0]) / 36) ** 2 + ((y - centre[1] + 4) / 48) ** 2 < 1
    trunk = (np.abs(x - centre[0]) < 20) & (y > centre[1]) | (np.abs(x - centre[0]) < 60) & (y > centre[1] + 52)
    face = ((x - centre[0]) / (WIDTH / 2)) ** 2 + ((y - centre[1]) / (HEIGHT / 2)) ** 2 < 1
    waves = np.random.default_rng(number).uniform(0.01, 0.1, (6, 2)) @ np.stack([x, y]).reshape(2, -1)
    wall = 40 * np.sin(waves).mean(0).reshape(SIDE, SIDE, 1)  # another one behind everybody: pictures have to differ
    picture = np.full((SIDE, SIDE, 3), (90, 120, 150), np.float32) + 2 * wall
    picture[trunk] = (60, 60, 140)
    picture[head] = (70, 45, 30)
    picture[face] = (200 - 20 * number, 150, 125)
    for eye in EYES:
        iris = points[eye.iris[0]]
        near = np.hypot((x - iris[0]) / 2, y - iris[1])
        picture[near < 2.6] = 240
        picture[np.hypot(x - iris[0], y - iris[1]) < 2.2] = (50, 70, 40)
    picture += 12 * np.sin(x / 2)[..., None] * np.sin(y / 2.5)[..., None]
    return np.clip(picture, 0, 255).astype(np.uint8), (head | trunk).astype(np.float32)


def _write_mouth(path: Path, neutral: NDArray[np.float64]) -> None:
    """Write two arcs of teeth and a flat tongue."""
    lips = neutral[list(UPPER_LIP_INNER)]
    data: dict[str, NDArray[np.generic]] = {}
    x = np.linspace(-0.2, 0.2, 9)
    for part, heights in (("teeth", (0.15, 0.0, -0.02, -0.15)), ("tongue", (-0.1, -0.12, -0.14, -0.16))):
        rows = [
            np.stack([x, 0 * x + lips[:, 1].mean() + height, lips[:, 2].mean() - 3 * x**2], 1) for height in heights
        ]
        vertices = np.concatenate(rows)
        order = [[row * 9 + i for i in (0, 1, 9)] for row in (0, 2)]
        order += [[row * 9 + i for i in (1, 10, 9)] for row in (0, 2)]
        triangles = np.array([[v + i for v in corners] for corners in order for i in range(8)])
        delta = np.zeros((len(vertices), len(NAMES), 3), np.float16)
        delta[18:, NAMES.index("jawOpen"), 1] = -0.27
        data |= {
            f"{part}_vertices": vertices.astype(np.float32),
            f"{part}_uv": np.full((len(vertices), 2), 0.5, np.float32),
            f"{part}_triangles": triangles.astype(np.int32),
            f"{part}_delta": delta,
            f"{part}_texture": np.full((4, 4, 4), 255, np.uint8),
        }
    np.savez(path, **data)
