"""What keypoints mean in a model whose training tied them to a face, and what is measured of that face with them.

Which keypoints are lids, lips and irises, which move with the skull alone, and where each lies on a mean face; how
large, tilted and turned a face is. How the skull itself moves is told from that in `fomm.geometry.head`.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import torch
from torch import Tensor

from fomm.config.settings import Settings
from fomm.config.training.compact import CompactSettings
from fomm.geometry.eye_shape import EyeShapes
from fomm.geometry.grids import on_axes
from fomm.geometry.landmarks import EYES, FREE_PLACES, MEAN_FACE, MIRROR, REGIONS, TIED_LANDMARKS

_STEADY_LANDMARKS = (98, 327, 1, 168, 33, 133, 263, 362, 10, 234, 454)
_LIP_LANDMARKS = ((39, 81, 178, 181), (0, 13, 14, 17), (269, 311, 402, 405))
_WITH_LOWER_LIP = {61: 0.26, 291: 0.26, 152: 0.37}  # parts of its way when a mouth opens, learnt (`fomm directions`)
_BETWEEN_EYES = TIED_LANDMARKS.index(168)
_BODY = 0.65  # face heights below the face's centre, from where a free keypoint is on the body


@dataclass(frozen=True)
class Eye:
    """Which keypoints describe one eye."""

    outer: int
    inner: int
    upper: int
    lower: int

    def opening(self, value: Tensor) -> Tensor:
        """Return lid distance over eye width `[B]` for keypoints `[B, K, 2]`."""
        lids = (value[:, self.upper] - value[:, self.lower]).norm(dim=-1)
        width = (value[:, self.outer] - value[:, self.inner]).norm(dim=-1)
        opening: Tensor = lids / width.clamp_min(1e-4)
        return opening


@dataclass(frozen=True)
class LipColumn:
    """The keypoints across both lips at one place along the mouth, from the upper lip's outer edge down."""

    upper_outer: int
    upper_inner: int
    lower_inner: int
    lower_outer: int

    def down(self, value: Tensor) -> Tensor:
        """Return unit vectors from upper to lower lip, `[B, 2]`, for keypoints `[B, K, 2]`."""
        across = value[:, self.lower_outer] - value[:, self.upper_outer]
        unit: Tensor = across / across.norm(dim=-1, keepdim=True).clamp_min(1e-4)
        return unit

    def gap(self, value: Tensor) -> Tensor:
        """Return how far apart the lips are, `[B]`, for keypoints `[B, K, 2]`; below 0 they overlap."""
        return ((value[:, self.lower_inner] - value[:, self.upper_inner]) * self.down(value)).sum(-1)

    def part(self, value: Tensor, way: Tensor) -> None:
        """Move both lips of `value`, in place, so that they are `way`, `[B]`, further apart."""
        half = (way / 2)[:, None] * self.down(value)  # [B, 2]
        value[:, [self.upper_outer, self.upper_inner]] -= half[:, None]
        value[:, [self.lower_inner, self.lower_outer]] += half[:, None]


@dataclass(frozen=True)
class Anatomy:
    """Which keypoints are where on the face.

    Attributes:
        face: how many keypoints lie on the face; they come first, the others follow hair and body.
        eyes: corners and lids of both eyes.
        steady: keypoints that move with the skull alone.
        shape: where the face's keypoints lie on a mean face, as in `MEAN_FACE`.
        irises: the keypoint on the iris of each of `eyes`, or none.
        lips: the lips' keypoints, column by column.
        body: keypoints on neck, shoulders and chest.
        jaw: keypoints off the lips that go with the lower lip when the mouth opens, and what part of its way.
    """

    face: int
    eyes: tuple[Eye, ...]
    steady: tuple[int, ...]
    shape: tuple[tuple[float, float, float], ...]
    irises: tuple[int, ...] = ()
    lips: tuple[LipColumn, ...] = ()
    body: tuple[int, ...] = ()
    jaw: tuple[tuple[int, float], ...] = ()

    @classmethod
    def of_tied(cls, tied: int, free: int = 0) -> Anatomy:
        """Return the anatomy of a model whose keypoints follow `TIED_LANDMARKS` and then `FREE_PLACES`."""
        steady = tuple(TIED_LANDMARKS.index(landmark) for landmark in _STEADY_LANDMARKS)
        irises = REGIONS["irises"]
        lips = tuple(LipColumn(*map(TIED_LANDMARKS.index, column)) for column in _LIP_LANDMARKS)
        body = tuple(tied + place for place, (_, y) in enumerate(FREE_PLACES[:free]) if y >= _BODY)
        jaw = tuple((TIED_LANDMARKS.index(landmark), part) for landmark, part in _WITH_LOWER_LIP.items())
        eyes = tuple(Eye(*eye) for eye in EYES)
        return cls(tied, eyes, steady, MEAN_FACE[:tied], irises if tied > max(irises) else (), lips, body, jaw)

    @property
    def moving(self) -> tuple[int, ...]:
        """Keypoints of the face that expressions move about most: lips but for their corners, lids and irises."""
        lips = (place for column in self.lips for place in astuple(column))
        lids = (place for eye in self.eyes for place in (eye.upper, eye.lower))
        return (*lips, *lids, *self.irises)

    def gaze(self, value: Tensor) -> Tensor:
        """Return where the eyes look, `[B, E, 2]` for E irises: along and down each eye, in half widths of it.

        Args:
            value: keypoints `[B, K, 2]`.
        """
        if not self.irises:
            return value.new_zeros(len(value), 0, 2)
        eyes = EyeShapes.of(value)
        return on_axes((value[:, list(self.irises)] - eyes.centre) / eyes.half, eyes.axes)

    def size(self, value: Tensor) -> Tensor:
        """Return the size of the face, `[B]`: the root mean square distance of its keypoints from their centre.

        Args:
            value: keypoints `[B, K, 2]`.
        """
        face = value[:, : self.face]
        return (face - face.mean(1, keepdim=True)).square().sum(-1).mean(1).sqrt()

    def tilt(self, value: Tensor) -> Tensor:
        """Return how far the face is tilted in the picture, `[B]` in radians: the angle of the line through the eyes.

        Args:
            value: keypoints `[B, K, 2]`.
        """
        left, right = (value[:, [eye.outer, eye.inner]].mean(1) for eye in self.eyes)
        way = right - left
        return torch.atan2(way[:, 1], way[:, 0])

    def halves(self, value: Tensor) -> Tensor:
        """Return how wide the left and the right half of the face are in the picture, `[B, 2]`: `sides` above 0.

        Args:
            value: keypoints `[B, K, 2]`.
        """
        return self.sides(value, self.tilt(value)).abs()

    def sides(self, value: Tensor, tilt: Tensor) -> Tensor:
        """Return how far the left and the right side of the face are from its middle, `[B, 2]`.

        Each is the way from between the eyes outwards to an eye's outer corner. A turned face shows one half narrower
        than the other, and in profile it falls below 0.

        Args:
            value: keypoints `[B, K, 2]` or `[1, K, 2]`.
            tilt: the angle along which to measure, `[B]` in radians.
        """
        along = torch.stack((tilt.cos(), tilt.sin()), dim=-1)[:, None]  # [B, 1, 2]
        outer = value[:, [eye.outer for eye in self.eyes]]
        way: Tensor = ((outer - value[:, _BETWEEN_EYES, None]) * along).sum(-1)
        return way * way.new_tensor((-1.0, 1.0))

    @property
    def lip_halves(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Keypoints of the lips, corners included, in the left and in the right half of the face; none on its axis."""
        lips = REGIONS["mouth"]
        return tuple(own for own in lips if own < MIRROR[own]), tuple(own for own in lips if own > MIRROR[own])


def anatomy_of(config: Settings) -> Anatomy | None:
    """Return the anatomy of the model with these settings, or None where training tied no keypoints to the face."""
    if not isinstance(config, CompactSettings) or config.tied_keypoints <= max(map(max, EYES)):
        return None
    return Anatomy.of_tied(config.tied_keypoints, config.free_keypoints)
