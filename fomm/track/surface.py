"""Follow the driver's hair, neck and clothes from frame to frame: what keypoints on them are too vague for.

No two people's hair or cloth are alike, so the detector finds a keypoint there in one frame and misses it by two or
three pixels in the next. Frames of one clip are alike, though: each is registered with the first one that shows the
face (`fomm.track.registration`), from the guess that all keypoints make together, and the free keypoints go where the
first frame's went. Those on the face stay as they are: training tied them to landmarks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.geometry.affine import inverse_2x2
from fomm.geometry.keypoints import Keypoints
from fomm.track.registration import Maps, Picture, Registration
from fomm.track.spline import Floats

_BLEND = 0.3  # deviation in [-1, 1] units of the weights with which keypoints' maps are averaged into a guess
_FACE = 0.2  # weight of the face's pixels: it has keypoints enough, and moves on its own
_LEAST = 12  # pixels of a picture of 32 x 32: fewer are no person

WILD = 0.6
"""Change of area beyond which a map around a keypoint is no good: near 1, the keypoint throws what it moves."""


class _Anchor:
    """The frame that all others are compared with.

    Args:
        picture: uint8 `[S, S, 3]`.
        keypoints: in it, one row.
        person: where the person is, `[1, 1, s, s]` in [0, 1].
        tied: how many keypoints lie on the face.
    """

    def __init__(self, picture: Picture, keypoints: Keypoints, person: Tensor, tied: int) -> None:
        self._keypoints, self._tied = keypoints, tied
        self._value: Floats = keypoints.value[0].numpy()
        face = self._value[:tied]
        self._middle, self._half = (face.max(0) + face.min(0)) / 2, (face.max(0) - face.min(0)).clip(1e-3) / 2
        self._person = person
        self._registration: Registration | None = None
        if np.count_nonzero(self._weight(32) > 1 / 2) >= _LEAST:
            self._registration = Registration(picture, self._weight, self._blend, self._value[tied:])

    def follow(self, picture: Picture, keypoints: Keypoints) -> Keypoints:
        """Return a frame's keypoints, one row, with the free ones where the anchor's went."""
        mine, found = self._keypoints.jacobian, keypoints.jacobian
        if self._registration is None or mine is None or found is None:
            return keypoints
        local = found[0] @ inverse_2x2(mine[0])  # [K, 2, 2]
        shift = keypoints.value[0] - (local @ self._keypoints.value[0].unsqueeze(-1))[..., 0]
        guess: Maps = torch.cat((shift, local.flatten(1)), dim=1).numpy()
        if not np.isfinite(guess).all():  # a Jacobian of the anchor's cannot be inverted
            return keypoints
        went = self._registration.register(picture, guess)
        sane = np.abs(np.linalg.det(went.local) - 1) < WILD
        place, turned, sure = (torch.from_numpy(part) for part in (went.place, went.local, went.sure * sane))
        tied = self._tied
        value = torch.lerp(keypoints.value[0, tied:], place, sure[:, None])
        jacobian = torch.lerp(found[0, tied:], turned @ mine[0, tied:], sure[:, None, None])
        return Keypoints(
            torch.cat((keypoints.value[:, :tied], value[None]), dim=1),
            torch.cat((found[:, :tied], jacobian[None]), dim=1),
        )

    def _weight(self, side: int) -> Floats:
        """Return how far each pixel counts, `[side, side]`."""
        matte = F.interpolate(self._person, size=(side, side), mode="bilinear", align_corners=False)[0, 0]
        axis = (2 * np.arange(side, dtype=np.float32) + 1) / side - 1
        x, y = ((axis - middle) / half for middle, half in zip(self._middle, self._half, strict=True))
        on_face = np.square(x)[None, :] + np.square(y)[:, None] < 1
        return np.asarray(matte.numpy() * np.where(on_face, _FACE, 1.0), np.float32)

    def _blend(self, points: Floats) -> Floats:
        """Return what each keypoint's map counts at points `[N, 2]`: `[N, K]`."""
        away = np.square(points[:, None] - self._value[None]).sum(-1)
        near = np.exp((away.min(1, keepdims=True) - away) / (2 * _BLEND**2))
        return np.asarray(near / near.sum(1, keepdims=True), np.float32)


class SurfaceTracker:
    """Follows one driver from frame to frame of one window; the first frame that shows the face is the anchor.

    Args:
        person: finds the person in a picture uint8 `[S, S, 3]`: `[1, 1, s, s]` in [0, 1] on the CPU, or None.
        tied: how many keypoints lie on the face; they come first. None if training tied none, and nothing is followed.
    """

    def __init__(self, person: Callable[[Picture], Tensor | None], tied: int | None) -> None:
        self._person, self._tied = person, tied
        self._anchor: _Anchor | None = None

    def follow(
        self,
        pictures: Sequence[Picture],
        keypoints: Keypoints,
        found: Sequence[bool] | None = None,
        fit: Sequence[bool] | None = None,
    ) -> Keypoints:
        """Return keypoints `[B, K, 2]` of the next frames, those off the face moved as the person's surface moved.

        Args:
            pictures: the frames, uint8 `[S, S, 3]`.
            keypoints: what the detector found in them.
            found: which of them show the face; all if it is not given.
            fit: which of those may be the anchor; all if it is not given.
        """
        shown = [True] * len(pictures) if found is None else found
        rows = [keypoints[index : index + 1] for index in range(len(keypoints))]
        frames = zip(pictures, rows, shown, shown if fit is None else fit, strict=True)
        return Keypoints.cat([self._one(*frame) for frame in frames])

    def _one(self, picture: Picture, keypoints: Keypoints, shown: bool, fit: bool) -> Keypoints:
        if self._tied is None or not shown:
            return keypoints
        if self._anchor is not None:
            return self._anchor.follow(picture, keypoints)
        if not fit:
            return keypoints
        person = self._person(picture)
        if person is None:
            self._tied = None
        else:
            self._anchor = _Anchor(picture, keypoints, person, self._tied)
        return keypoints
