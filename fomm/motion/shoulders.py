"""How the driver's body moves, by registering every frame with the first: what keypoints on cloth are too vague for.

All of the body below the chin moves by one similarity map (`fomm.nn.shoulders`). It is found as Baker and Matthews,
"Lucas-Kanade 20 years on" (2004), section 3.2, find a warp: the first frame's slopes are known, so that a step solves
four equations, `(H + stiffness) step = slopes * miss + stiffness * (map - guess)`. The guess is the map that the
detector's own keypoints make; it is all there is where cloth is plain. Hands and light that change are misses too large
to count. A frame is always compared with the first one, so nothing drifts.

In here points are complex numbers, x + iy in [-1, 1], and a map is `z -> turn z + shift`, about the body's centre.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import convolve1d
from torch import Tensor
from torch.nn import functional as F

from fomm.nn.geometry import Keypoints
from fomm.nn.shoulders import TORSO, Similarity, body_weight, carried_by_body, chin

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]
_Map = tuple[complex, complex]
"""Turn and shift."""

_SIDES = ((32, 4), (64, 4), (128, 3))  # of the pictures that are compared, coarse to fine, and steps on each
_SMOOTH = np.array([1, 4, 6, 4, 1], np.float32) / 16
_MOST = 2000  # pixels of the body that are compared: those with the steepest slopes
_LEAST = 12  # of the coarsest picture's: fewer are no body
_STIFF = 0.004  # squared grey levels (of 1, a pixel's mean over the picture) that outweigh the guess
_OUTLIER = 0.1  # miss in grey levels of 1 that counts half
_WILD = 0.5  # a step that far, in [-1, 1] units or as a part of the zoom, leads nowhere
_PLAIN = 1e-4  # variance of grey levels below which cloth is plain
_LOST, _SURE = 0.2, 0.5  # correlation with the first frame at which a map is not trusted at all, and wholly


@dataclass(frozen=True)
class _Level:
    """What is known of the first frame at one resolution.

    Attributes:
        place: of each pixel, from the body's centre, complex `[N]`.
        value: its grey level, `[N]`.
        slope: how that changes with shift in x and y and with turn's two parts, `[N, 4]`.
        weight: `[N]`.
    """

    place: NDArray[np.complex64]
    value: Floats
    slope: Floats
    weight: Floats


@dataclass(frozen=True)
class _Seen:
    """What a map makes of the anchor's pixels in another frame: grey levels, how far off they are, what that counts."""

    value: Floats
    miss: Floats
    weight: Floats

    @property
    def cost(self) -> float:
        """Mean square of what is off, outliers counted as such; infinite where nothing is in the frame."""
        total = float(self.weight.sum())
        return float((self.weight * self.miss**2).sum()) / total if total else float("inf")


class _Anchor:
    """The frame that all others are compared with.

    Args:
        picture: uint8 `[S, S, 3]`.
        keypoints: in it, one row.
        person: where the person is, `[1, 1, s, s]` in [0, 1].
        tied: how many keypoints lie on the face.

    Attributes:
        keypoints: in it.
        has_body: whether enough of the body is in the frame, and keypoints are on it.
    """

    def __init__(self, picture: Picture, keypoints: Keypoints, person: Tensor, tied: int) -> None:
        self.keypoints, self._tied = keypoints, tied
        low, height = (float(part[0]) for part in chin(keypoints.value[:, :tied]))
        self._free = body_weight(keypoints.value[:, tied:, 1], low, height)  # [1, F]
        self._levels: list[_Level] = []
        self._centre = 0j
        for grey in _pyramid(picture):
            side = len(grey)
            matte = F.interpolate(person, size=(side, side), mode="bilinear", align_corners=False)[0, 0]
            axis = (2 * torch.arange(side) + 1) / side - 1
            mask = (matte * body_weight(axis, low, height, TORSO)[:, None]).numpy()
            place = (axis[None, :] + 1j * axis[:, None]).numpy()
            if not self._levels:
                if np.count_nonzero(mask > 0.5) < _LEAST:
                    break
                self._centre = complex((place * mask).sum() / mask.sum())
            self._levels.append(_level(grey, mask, place - np.complex64(self._centre)))
        self.has_body = bool(self._levels) and float(self._free.sum()) >= 1

    def guess(self, keypoints: Keypoints) -> _Map:
        """Return the map that the detector's keypoints below the chin make."""
        fitted = Similarity.fit(self.keypoints.value[:, self._tied :], keypoints.value[:, self._tied :], self._free)
        turn, shift = (complex(*part[0].tolist()) for part in (fitted.turn, fitted.shift))
        return turn, shift - self._centre + turn * self._centre

    def similarity(self, found: _Map) -> Similarity:
        """Return a map about the body's centre as one of the picture."""
        turn, shift = found
        shift += self._centre - turn * self._centre
        return Similarity(*(torch.tensor([[part.real, part.imag]], dtype=torch.float32) for part in (shift, turn)))

    def register(self, picture: Picture, start: _Map, guess: _Map) -> tuple[_Map, float]:
        """Return the map to a picture uint8 `[S, S, 3]`, and how far it is to be trusted, in [0, 1]."""
        pyramid = _pyramid(picture)
        # The last frame's map is nearly this one's, but not where a clip was cut.
        turn, shift = min((start, guess), key=lambda known: self._seen(self._levels[0], pyramid[0], known).cost)
        for level, (_, steps), grey in zip(self._levels, _SIDES, pyramid, strict=True):
            for _ in range(steps):
                seen = self._seen(level, grey, (turn, shift))
                weighted = level.slope * seen.weight[:, None]
                away = [*_parts(shift - guess[1]), *_parts(turn - guess[0])]
                pull = weighted.T @ seen.miss + _STIFF * np.array(away)
                step = np.linalg.solve(weighted.T @ level.slope + _STIFF * np.eye(4), pull)
                if not np.abs(step).max() < _WILD:
                    return guess, 0.0
                # The step moves the anchor's pixels, so its inverse goes before the map.
                turn = turn / complex(1 + step[2], step[3])
                shift = shift - turn * complex(step[0], step[1])
        seen = self._seen(self._levels[-1], pyramid[-1], (turn, shift))
        likeness = _correlation(seen.value, self._levels[-1].value, self._levels[-1].weight)
        return (turn, shift), float(np.clip((likeness - _LOST) / (_SURE - _LOST), 0, 1))

    def _seen(self, level: _Level, grey: Floats, present: _Map) -> _Seen:
        """Read a picture where a map puts the anchor's pixels."""
        place = np.complex64(self._centre + present[1]) + np.complex64(present[0]) * level.place
        value = _sample(grey, place)
        weight = level.weight * (np.maximum(np.abs(place.real), np.abs(place.imag)) < 1)
        miss = value - level.value
        miss -= (miss * weight).sum() / max(float(weight.sum()), 1e-6)  # light
        return _Seen(value, miss, weight / (1 + np.square(miss / _OUTLIER)))


class ShoulderTracker:
    """Follows the body of one driver from frame to frame of one window; the first frame that is found is the anchor.

    Args:
        person: finds the person in a picture uint8 `[S, S, 3]`: `[1, 1, s, s]` in [0, 1] on the CPU, or None.
        tied: how many keypoints lie on the face; they come first. None if training tied none, and nothing is followed.
    """

    def __init__(self, person: Callable[[Picture], Tensor | None], tied: int | None) -> None:
        self._person, self._tied = person, tied
        self._anchor: _Anchor | None = None
        self._last: _Map = (1, 0)

    def follow(
        self, pictures: Sequence[Picture], keypoints: Keypoints, found: Sequence[bool] | None = None
    ) -> Keypoints:
        """Return keypoints `[B, K, 2]` of the next frames, those below the chin moved as the body did.

        Args:
            pictures: the frames, uint8 `[S, S, 3]`.
            keypoints: what the detector found in them.
            found: which of them show the face; all if it is not given.
        """
        shown = [True] * len(pictures) if found is None else found
        rows = [keypoints[index : index + 1] for index in range(len(keypoints))]
        return Keypoints.cat([self._one(*frame) for frame in zip(pictures, rows, shown, strict=True)])

    def _one(self, picture: Picture, keypoints: Keypoints, shown: bool) -> Keypoints:
        if self._tied is None or not shown:
            return keypoints
        if self._anchor is None:
            person = self._person(picture)
            if person is None:
                self._tied = None
            else:
                self._anchor = _Anchor(picture, keypoints, person, self._tied)
            return keypoints
        if not self._anchor.has_body:
            return keypoints
        self._last, sure = self._anchor.register(picture, self._last, self._anchor.guess(keypoints))
        body = self._anchor.similarity(self._last)
        return carried_by_body(keypoints, self._anchor.keypoints, body, self._tied, torch.tensor([sure]))


def _parts(number: complex) -> tuple[float, float]:
    return number.real, number.imag


def _pyramid(picture: Picture) -> list[Floats]:
    """Return a picture uint8 `[S, S, 3]` in smooth grey levels of 1 at each of `_SIDES`."""
    grey = picture.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32) / 255
    whole = torch.from_numpy(grey)[None, None]
    levels = []
    for side, _ in _SIDES:
        small = F.interpolate(whole, size=(side, side), mode="area")[0, 0].numpy()
        levels.append(convolve1d(convolve1d(small, _SMOOTH, 0, mode="nearest"), _SMOOTH, 1, mode="nearest"))
    return levels


def _level(grey: Floats, mask: Floats, place: NDArray[np.complex64]) -> _Level:
    """Choose the body's pixels of the anchor that tell most, and what a map does to them."""
    down, along = np.gradient(grey, 2 / len(grey))
    steep = mask * np.hypot(along, down)
    body = np.flatnonzero(mask > 0.1)
    chosen = body[np.argsort(steep.ravel()[body])[-_MOST:]]
    x, y, z = along.ravel()[chosen], down.ravel()[chosen], place.ravel()[chosen]
    slope = np.stack((x, y, x * z.real + y * z.imag, y * z.real - x * z.imag), axis=1)
    weight = mask.ravel()[chosen] * (len(body) / len(chosen) / grey.size)
    return _Level(z.astype(np.complex64), grey.ravel()[chosen], slope.astype(np.float32), weight.astype(np.float32))


def _sample(grey: Floats, place: NDArray[np.complex64]) -> Floats:
    """Read a picture `[S, S]` bilinearly at points `[N]`; what lies beyond its edge is its last pixel."""
    side = len(grey)
    column, row = (np.clip(((part + 1) * side - 1) / 2, 0, side - 1.001) for part in (place.real, place.imag))
    left, top = column.astype(np.int64), row.astype(np.int64)
    right, down = (column - left).astype(np.float32), (row - top).astype(np.float32)
    flat, first = grey.ravel(), top * side + left
    above = flat[first] * (1 - right) + flat[first + 1] * right
    below = flat[first + side] * (1 - right) + flat[first + side + 1] * right
    return np.asarray(above + (below - above) * down, np.float32)


def _correlation(seen: Floats, known: Floats, weight: Floats) -> float:
    """Return the weighted correlation of grey levels, near 1 where both are plain."""
    share = weight / max(float(weight.sum()), 1e-6)
    seen, known = seen - (seen * share).sum(), known - (known * share).sum()
    both, one, other = ((a * b * share).sum() + _PLAIN for a, b in ((seen, known), (seen, seen), (known, known)))
    return float(both / np.sqrt(one * other))
