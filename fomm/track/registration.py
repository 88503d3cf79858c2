"""Register pictures of a person with the first one: where every part of them went, from a guess that is nearly right.

A point x of the first picture is at `G(x + w(x))` in another one. G is the guess, maps around keypoints averaged with
weights that fall with distance (the paper's equations 4 and 5); w is a smooth displacement (`fomm.track.spline`). The
other picture is read through G, so that w is small and slopes of the first picture serve for every step: the inverse
compositional idea of Baker and Matthews, "Lucas-Kanade 20 years on" (2004), section 3.2. A step solves

    (H + S) step = slopes * miss + S w

with S the spline's stiffness, and both H and its inverse known from the first picture on. Misses are cut off where
light, hands or hidden sides make them large. Every picture is compared with the first one, so nothing drifts; the
picture before only lends its w to start from, where that explains what is seen better than none.

Not every pixel is asked: a few thousand are drawn, steep ones sooner. The steepest alone would crowd on a few edges.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import convolve1d
from torch.nn import functional as F

from fomm.track.spline import NODES, Floats, axis_basis, basis, crossed, stiffness

Picture = NDArray[np.uint8]
Maps = Floats
"""Affine maps of N points, `[N, 6]`: shift x and y, then the linear part by rows."""

_SIDES = ((32, 2), (64, 2), (128, 2), (256, 2))  # of the pictures compared, each half of the next, and steps on each
_SMOOTH = np.array([1, 4, 6, 4, 1], np.float32) / 16
_MOST = 3000  # pixels that are compared
_SEED = 9  # of their drawing
_PART = 0.1  # weight from which a pixel counts as part of the person
_HOLD, _BEND = 0.03, 0.001  # in squared grey levels of 1, a pixel's mean over the picture
_MISS = 0.06  # grey levels of 1 beyond which a pixel shows something else
_REACH = 0.15  # deviation in [-1, 1] units of the pixels that tell how a point was found
_AROUND, _STEP = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)), np.float32(0.06)  # what tells how a point turns
_LEAST = 1e-4  # of the picture's pixels, by weight, from which anything can be told of a point
_PLAIN = 1e-4  # variance of grey levels below which cloth is plain
_LOST, _SURE = 0.2, 0.5  # correlation with the first picture at which a point is not found at all, and for sure


@dataclass(frozen=True)
class Registered:
    """Where points of the first picture are in another one.

    Attributes:
        place: `[N, 2]` in [-1, 1].
        local: what a step from each becomes, `[N, 2, 2]`.
        sure: how far that is to be trusted, `[N]` in [0, 1].
    """

    place: Floats
    local: Floats
    sure: Floats


@dataclass(frozen=True)
class _Level:
    """What is known of P of the first picture's pixels at one resolution.

    Attributes:
        place: of each pixel, `[P, 2]`.
        blend: what each keypoint's map counts there, `[P, K]`.
        along: what the spline's columns of nodes count there, `[P, NODES]`.
        down: likewise its rows.
        value: its grey level, `[P]`.
        weight: `[P]`, in shares of the picture.
        slopes: of the grey level along x and y, by weight, `[2, P]`.
        solve: inverse of H + S, `[2 nodes, 2 nodes]`.
    """

    place: Floats
    blend: Floats
    along: Floats
    down: Floats
    value: Floats
    weight: Floats
    slopes: Floats
    solve: Floats

    def bend(self, moved: Floats) -> Floats:
        """Return how far nodes `[2, nodes]` move each pixel, `[P, 2]`."""
        columns = self.down @ moved.reshape(2, NODES, NODES)  # [2, P, NODES]
        return np.asarray(np.einsum("cpn,pn->pc", columns, self.along))

    def pull(self, miss: Floats) -> Floats:
        """Return what misses `[P]` ask of the nodes, x then y, `[2 nodes]`: `bend` by the slopes, transposed."""
        asked = (self.slopes * miss)[..., None] * self.along  # [2, P, NODES]
        return np.asarray((self.down.T @ asked).ravel())


class Registration:
    """The first picture, and how to find it again in others, which are given in their order.

    Args:
        picture: uint8 `[S, S, 3]`.
        person: returns how far each pixel at that many pixels a side counts, `[side, side]` in [0, 1].
        blend: returns what each keypoint's map counts at points `[N, 2]`, `[N, K]`; rows sum to 1.
        points: what to find, `[N, 2]` in [-1, 1].
    """

    def __init__(
        self, picture: Picture, person: Callable[[int], Floats], blend: Callable[[Floats], Floats], points: Floats
    ) -> None:
        self._stiff = stiffness(_HOLD, _BEND)
        self._levels = [_level(grey, person(len(grey)), blend, self._stiff) for grey in _pyramid(picture)]
        # Each point, then a step to its left and right, up and down.
        self._points = (points + _STEP * np.array(_AROUND, np.float32)[:, None]).reshape(-1, 2)  # [5 N, 2]
        self._blend, self._nodes = blend(self._points), basis(self._points)
        finest = self._levels[-1]
        away = np.square(points[:, None] - finest.place[None]).sum(-1)  # [N, P]
        self._near = (np.exp(-away / (2 * _REACH**2)) * finest.weight).astype(np.float32)
        self._before: Floats | None = None

    def register(self, picture: Picture, guess: Maps) -> Registered:
        """Find the points in the next picture uint8 `[S, S, 3]`, given the maps around the keypoints `[K, 6]`."""
        pyramid = _pyramid(picture)
        moved, first = self._start(guess, pyramid[0])
        for level, (_, steps), grey in list(zip(self._levels, _SIDES, pyramid, strict=True))[first:]:
            maps = level.blend @ guess
            for _ in range(steps):
                miss, inside = self._missed(level, grey, maps, moved)
                step: Floats = level.solve @ (level.pull(miss * inside) + (moved @ self._stiff).ravel())
                moved = moved - step.reshape(2, -1)
        self._before = moved
        finest = self._levels[-1]
        likeness = self._likeness(*self._seen(finest, pyramid[-1], finest.blend @ guess, moved))
        return self._registered(guess, moved, likeness)

    def _start(self, guess: Maps, grey: Floats) -> tuple[Floats, int]:
        """Return nodes to begin with, and at which level: the coarsest is for pictures far from the one before."""
        nothing = np.zeros((2, NODES**2), np.float32)
        if self._before is None:
            return nothing, 0
        level = self._levels[0]
        maps = level.blend @ guess
        missed = (self._missed(level, grey, maps, nodes) for nodes in (self._before, nothing))
        then, now = (np.where(inside, np.abs(miss), _MISS).sum() for miss, inside in missed)
        return (self._before, 1) if then < now else (nothing, 0)

    def _missed(self, level: _Level, grey: Floats, maps: Maps, moved: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Return how far each pixel is off the first picture, cut off, and which are in the picture."""
        seen, inside = self._seen(level, grey, maps, moved)
        miss = seen - level.value
        miss -= miss @ level.weight / level.weight.sum()  # light
        return np.clip(miss, -_MISS, _MISS), inside

    def _seen(self, level: _Level, grey: Floats, maps: Maps, moved: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Return the grey levels where the first picture's pixels went, `[P]`, and which are in the picture."""
        x, y = _moved(maps, level.place + level.bend(moved))
        return _sample(grey, x, y), np.maximum(np.abs(x), np.abs(y)) < 1

    def _registered(self, guess: Maps, moved: Floats, likeness: Floats) -> Registered:
        went = np.stack(_moved(self._blend @ guess, self._points + self._nodes @ moved.T), axis=1)
        place, left, right, above, below = went.reshape(len(_AROUND), -1, 2)
        local = np.stack((right - left, below - above), axis=2) / (2 * _STEP)
        sure = np.clip((likeness - _LOST) / (_SURE - _LOST), 0, 1)
        return Registered(place, np.asarray(local, np.float32), sure)

    def _likeness(self, seen: Floats, inside: NDArray[np.bool_]) -> Floats:
        """Return the correlation of grey levels around each point, `[N]`, near 1 where both pictures are plain."""
        known = self._levels[-1].value
        values = np.stack((np.ones_like(known), seen, known, seen * known, seen**2, known**2), axis=1)
        total, one, other, both, ones, others = (self._near @ (values * inside[:, None])).T
        share = 1 / np.maximum(total, _LEAST)
        one, other = one * share, other * share
        covariance, spread, known_spread = both * share - one * other, ones * share - one**2, others * share - other**2
        spread, known_spread = (np.maximum(part, 0) + _PLAIN for part in (spread, known_spread))
        return np.asarray((covariance + _PLAIN) / np.sqrt(spread * known_spread) * (total > _LEAST), np.float32)


def _moved(maps: Maps, points: Floats) -> tuple[Floats, Floats]:
    """Return x and y of points `[N, 2]`, each through its own map."""
    x, y = points.T
    return maps[:, 0] + maps[:, 2] * x + maps[:, 3] * y, maps[:, 1] + maps[:, 4] * x + maps[:, 5] * y


def _pyramid(picture: Picture) -> list[Floats]:
    """Return a picture uint8 `[S, S, 3]` in smooth grey levels of 1 at each of `_SIDES`."""
    grey = np.asarray(picture.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32) / 255, np.float32)
    finest = _SIDES[-1][0]
    if len(grey) != finest:
        whole = torch.from_numpy(grey)[None, None]
        grey = F.interpolate(whole, size=(finest, finest), mode="area")[0, 0].numpy()
    levels = []
    for side, _ in reversed(_SIDES):
        if len(grey) != side:  # half of the one before
            grey = np.asarray((grey[::2, ::2] + grey[::2, 1::2] + grey[1::2, ::2] + grey[1::2, 1::2]) / 4)
        rows = convolve1d(grey, _SMOOTH, 0, mode="nearest")
        levels.append(convolve1d(rows, _SMOOTH, 1, mode="nearest"))
    return levels[::-1]


def _level(grey: Floats, person: Floats, blend: Callable[[Floats], Floats], stiff: Floats) -> _Level:
    """Draw pixels of the person, and find out what nodes do to them."""
    down, along = np.gradient(grey, 2 / len(grey))
    steep = person * np.hypot(along, down)
    parts = np.flatnonzero(person > _PART)
    # Drawn without replacement: the largest of weights over exponential numbers (Efraimidis and Spirakis, 2006).
    chance = np.sqrt(steep.ravel()[parts]) / np.random.default_rng(_SEED).exponential(size=len(parts))
    chosen = np.sort(parts[np.argsort(chance)[-_MOST:]])
    column, row = chosen % len(grey), chosen // len(grey)
    place = np.asarray((2 * np.stack((column, row), axis=1) + 1) / len(grey) - 1, np.float32)
    # The chosen pixels stand for all of them.
    weight = person.ravel()[chosen] * np.float32(len(parts) / max(len(chosen), 1) / grey.size)
    slopes = np.stack([part.ravel()[chosen] for part in (along, down)])  # [2, P]
    columns, rows = (axis_basis(axis) for axis in place.T)
    nodes = crossed(rows, columns)  # [P, nodes]
    every = np.concatenate([nodes * slope[:, None] for slope in slopes], axis=1)  # [P, 2 nodes]
    solve = np.linalg.inv((every * weight[:, None]).T @ every.astype(np.float64) + np.kron(np.eye(2), stiff))
    return _Level(
        place, blend(place), columns, rows, grey.ravel()[chosen], weight, slopes * weight, solve.astype(np.float32)
    )


def _sample(grey: Floats, x: Floats, y: Floats) -> Floats:
    """Read a picture `[S, S]` bilinearly at points `[N]`; what lies beyond its edge is its last pixel."""
    points = torch.from_numpy(np.stack((x, y), axis=1))[None, None]  # [1, 1, N, 2]
    picture = torch.from_numpy(grey)[None, None]
    seen: Floats = F.grid_sample(picture, points, padding_mode="border", align_corners=False)[0, 0, 0].numpy()
    return seen
