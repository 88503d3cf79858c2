"""Things in front of the face: glasses, hands, microphones and what else gets in the way, with their true mask.

Glasses sit on the landmarks and go with the head; hands, microphones and other things move on paths of their own.
Sizes are in face widths, so that they fit every framing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from fomm.synthesis.clip.curves import Curve, moves_and_holds, wander
from fomm.synthesis.clip.shapes import Canvas

_LEFT_EYE, _RIGHT_EYE = (33, 133), (362, 263)  # corners in the face mesh, left and right in the picture
_EARS = (127, 356)
_CHIN, _BROW, _MOUTH, _NOSE = 152, 9, 13, 4


class Occluder(ABC):
    """One thing over the whole clip."""

    @abstractmethod
    def draw(self, canvas: Canvas, frame: int, landmarks: NDArray[np.floating]) -> None:
        """Paint it as it is in `frame`; `landmarks` `[468, 2]` in pixels of the canvas."""


def draw_occluder(rng: Generator, frames: int, skin: NDArray[np.floating]) -> Occluder | None:
    """Return what is in front of the face in this clip: nothing three times in four.

    Args:
        rng: where the numbers come from.
        frames: length of the clip.
        skin: the person's skin colour, `[3]` in [0, 1]; the hand is of nearly the same.
    """
    makers: tuple[Callable[[], Occluder | None], ...] = (
        lambda: None,
        lambda: Glasses(rng, frames),
        lambda: Hand(rng, frames, skin),
        lambda: Microphone(rng, frames),
        lambda: Thing(rng, frames),
    )
    return makers[rng.choice(len(makers), p=(0.76, 0.09, 0.07, 0.05, 0.03))]()


class Glasses(Occluder):
    """Spectacles with clear or dark lenses."""

    def __init__(self, rng: Generator, frames: int) -> None:
        self._dark = rng.random() < 0.25
        self._rim = rng.uniform(0.008, 0.03)
        self._size = rng.uniform(0.15, 0.2) * np.array([1.0, rng.uniform(0.65, 1.0)])
        self._corner = rng.uniform(0.35, 1.0)
        self._colour = rng.uniform(0, 0.35) * (0.6 + 0.4 * rng.random(3))
        self._tint = rng.uniform(0, 0.15, 3) if self._dark else np.ones(3)
        self._lens_cover = rng.uniform(0.75, 0.97) if self._dark else rng.uniform(0.0, 0.1)
        self._slip = rng.uniform(-0.01, 0.05)

    def draw(self, canvas: Canvas, frame: int, landmarks: NDArray[np.floating]) -> None:
        """Paint rims, lenses, bridge and temples."""
        eyes = [landmarks[list(corners)].mean(0) for corners in (_LEFT_EYE, _RIGHT_EYE)]
        across = eyes[1] - eyes[0]
        angle = float(np.arctan2(across[1], across[0]))
        down = np.array([-np.sin(angle), np.cos(angle)])
        width = _face_width(landmarks)
        rim = max(self._rim * width, 0.8)
        middle = (landmarks[_LEFT_EYE[1]] + landmarks[_RIGHT_EYE[0]]) / 2
        # The lens that is turned away is narrower, as the eye is.
        for eye, corners, ear in zip(eyes, (_LEFT_EYE, _RIGHT_EYE), _EARS, strict=True):
            narrow = np.linalg.norm(landmarks[corners[1]] - landmarks[corners[0]]) / (0.2 * width)
            half = self._size * width * np.array([np.clip(narrow, 0.45, 1.1), 1.0])
            centre = eye + down * self._slip * width
            lens = canvas.box(centre, half, angle, self._corner * float(half.min()))
            glare = 0.5 + 0.5 * np.sin((canvas.x + canvas.y) / (0.12 * width))
            canvas.paint(lens, self._tint * (0.85 + 0.15 * glare[..., None]), self._lens_cover)
            outer = centre + (centre - middle) / max(np.linalg.norm(centre - middle), 1e-6) * half[0]
            canvas.paint(canvas.capsule(outer, landmarks[ear], rim, 0.7 * rim), self._colour)
            inner = centre + (middle - centre) / max(np.linalg.norm(middle - centre), 1e-6) * half[0]
            canvas.paint(canvas.capsule(inner, middle + down * self._slip * width / 2, rim, rim), self._colour)
            canvas.paint(np.abs(lens) - rim, self._colour)


class _Roaming(Occluder):
    """A thing that comes up to a spot on the face, stays near it and leaves again."""

    def __init__(self, rng: Generator, frames: int, far: float, spread: float) -> None:
        near = rng.normal(0, spread, 2)
        follow = rng.uniform(0, 1)

        def target() -> NDArray[np.floating]:
            away = rng.random() < 0.5
            return np.array([*(near + rng.normal(0, 0.25 * spread, 2)), far if away else rng.uniform(0, 0.15)])

        self._spot = (_CHIN, _MOUTH, _NOSE, _BROW, 50, 280, 159, 386)[rng.integers(8)]
        self._path: Curve = moves_and_holds(rng, frames, target, (0.2, 0.6), (0.1, 1.2))
        self._follow = follow
        self._first: NDArray[np.floating] | None = None
        self._side = rng.choice([-1.0, 1.0])
        self._angle = np.radians(rng.normal(0, 22)) + np.radians(4) * wander(rng, frames, 0.3)[:, 0]
        self._light = rng.uniform(-np.pi, 0)

    def place(self, frame: int, landmarks: NDArray[np.floating]) -> tuple[NDArray[np.floating], float]:
        """Return where the thing's tip is in this frame, and its angle (0 = pointing up)."""
        width = _face_width(landmarks)
        if self._first is None:
            self._first = landmarks[self._spot].copy()
        anchor = self._follow * landmarks[self._spot] + (1 - self._follow) * self._first
        angle = float(self._angle[frame]) + 0.35 * self._side
        back = np.array([np.sin(-angle), np.cos(angle)])
        return anchor + width * (self._path[frame, :2] + self._path[frame, 2] * back), angle


class Hand(_Roaming):
    """A hand with stretched or bent fingers, and the arm it belongs to."""

    def __init__(self, rng: Generator, frames: int, skin: NDArray[np.floating]) -> None:
        super().__init__(rng, frames, far=1.6, spread=0.22)
        self._skin = np.clip(skin * rng.uniform(0.85, 1.1) + rng.normal(0, 0.015, 3), 0.05, 1)
        self._sleeve = rng.uniform(0.05, 0.9, 3)
        self._size = rng.uniform(0.85, 1.15)
        fingers = rng.integers(1, 5)
        self._bent = np.where(np.arange(4) < fingers, rng.uniform(0.85, 1.0, 4), rng.uniform(0.35, 0.5, 4))
        self._spread = rng.uniform(0.04, 0.16)
        self._thumb = rng.uniform(0.3, 0.9)
        self._grain = gaussian_filter(rng.standard_normal((256, 256)), 1.2).astype(np.float32)

    def draw(self, canvas: Canvas, frame: int, landmarks: NDArray[np.floating]) -> None:
        """Paint the arm, the palm and the fingers from the wrist outward."""
        tip, angle = self.place(frame, landmarks)
        unit = _face_width(landmarks) * self._size
        up = np.array([np.sin(angle), -np.cos(angle)])
        right = np.array([np.cos(angle), np.sin(angle)]) * self._side
        grain = self._grain[: len(canvas.y), : len(canvas.x)]
        skin = self._skin * (1 + 0.06 * grain[..., None])
        palm = tip - up * 0.75 * unit
        wrist = palm - up * 0.42 * unit
        arm = canvas.capsule(wrist, wrist - up * 3 * unit, 0.17 * unit, 0.26 * unit)
        canvas.paint_round(arm, 0.2 * unit, skin, self._light)
        cuff = wrist - up * 0.25 * unit
        sleeve = canvas.capsule(cuff, cuff - up * 3 * unit, 0.22 * unit, 0.32 * unit)
        canvas.paint_round(sleeve, 0.3 * unit, self._sleeve * (1 + 0.08 * grain[..., None]), self._light)
        canvas.paint_round(canvas.capsule(wrist, palm, 0.18 * unit, 0.27 * unit), 0.3 * unit, skin, self._light)
        base = palm - up * 0.1 * unit
        joint = base + (right * 0.3 + up * (0.05 + 0.15 * self._thumb)) * unit
        end = joint + (right * 0.12 * self._thumb + up * 0.28) * unit
        self._rod(canvas, (base, joint, end), 0.085 * unit, skin)
        for finger, (offset, length) in enumerate(((-0.2, 0.34), (-0.07, 0.44), (0.07, 0.46), (0.2, 0.4))):
            root = palm + (right * offset + up * 0.2) * unit
            way = up + right * (finger - 1.5) * self._spread
            reach = length * unit * self._bent[finger]
            middle = root + way * 0.55 * reach
            self._rod(canvas, (root, middle, root + way * 1.15 * reach), (0.078 - 0.004 * finger) * unit, skin)

    def _rod(
        self, canvas: Canvas, joints: tuple[NDArray[np.floating], ...], radius: float, skin: NDArray[np.floating]
    ) -> None:
        lower = canvas.capsule(joints[0], joints[1], radius, 0.93 * radius)
        upper = canvas.capsule(joints[1], joints[2], 0.93 * radius, 0.75 * radius)
        finger = np.minimum(lower, upper)
        canvas.paint(finger - 0.12 * radius, 0.5 * skin, softness=0.25 * radius + 1)  # the gap between fingers is dark
        canvas.paint_round(finger, radius, skin, self._light)
        nail = joints[2] + 0.15 * (joints[2] - joints[1])
        shape = canvas.capsule(joints[2] - 0.1 * (joints[2] - joints[1]), nail, 0.42 * radius, 0.38 * radius)
        canvas.paint(np.asarray(shape, np.float32), np.minimum(skin * 1.12 + 0.04, 1), cover=0.6)


class Microphone(_Roaming):
    """A microphone held or standing in front of the mouth."""

    def __init__(self, rng: Generator, frames: int) -> None:
        super().__init__(rng, frames, far=1.2, spread=0.12)
        self._spot = _CHIN if rng.random() < 0.5 else _MOUTH
        self._radius = rng.uniform(0.12, 0.24)
        self._colour = rng.uniform(0.03, 0.6) + rng.normal(0, 0.03, 3)
        self._handle = rng.uniform(0.02, 0.25) + rng.normal(0, 0.02, 3)
        self._mesh = rng.uniform(0.03, 0.06)

    def draw(self, canvas: Canvas, frame: int, landmarks: NDArray[np.floating]) -> None:
        """Paint the handle, then the head with its mesh."""
        tip, angle = self.place(frame, landmarks)
        width = _face_width(landmarks)
        radius = self._radius * width
        up = np.array([np.sin(angle), -np.cos(angle)])
        centre = tip - up * 0.3 * radius
        rod = canvas.capsule(centre - up * radius, centre - up * 5 * width, 0.55 * radius, 0.4 * radius)
        canvas.paint_round(rod, 0.55 * radius, self._handle, self._light)
        head = canvas.capsule(centre - up * 0.6 * radius, centre, 0.85 * radius, radius)
        u, v = canvas.turned(centre, angle)
        period = 2 * np.pi / max(self._mesh * width, 2.5)
        mesh = 0.85 + 0.15 * np.sin(u * period) * np.sin(v * period)
        canvas.paint_round(head, radius, self._colour * mesh[..., None], self._light)


class Thing(_Roaming):
    """A cup, a phone, a book, a pole or a cable: a box with stripes, large or thin."""

    def __init__(self, rng: Generator, frames: int) -> None:
        super().__init__(rng, frames, far=1.4, spread=0.3)
        thin = rng.random() < 0.5
        self._half = np.array([rng.uniform(0.01, 0.05), 4.0]) if thin else rng.uniform(0.15, 0.45, 2)
        self._colours = rng.uniform(0.02, 1.0, (2, 3))
        self._stripe = rng.uniform(0.05, 0.5)
        self._turn = rng.uniform(-np.pi / 2, np.pi / 2) if thin else rng.normal(0, 0.3)
        self._corner = rng.uniform(0.02, 0.5)

    def draw(self, canvas: Canvas, frame: int, landmarks: NDArray[np.floating]) -> None:
        """Paint the box."""
        tip, angle = self.place(frame, landmarks)
        width = _face_width(landmarks)
        half = self._half * width
        body = canvas.box(tip, half, angle + self._turn, self._corner * float(half.min()))
        _, v = canvas.turned(tip, angle + self._turn)
        mix = np.clip(0.5 + 2 * np.sin(v / (self._stripe * width)), 0, 1)[..., None]
        canvas.paint_round(body, float(half.min()), mix * self._colours[0] + (1 - mix) * self._colours[1], self._light)


def _face_width(landmarks: NDArray[np.floating]) -> float:
    """Return a width that does not shrink as the head turns: from the height of the face."""
    return 0.85 * float(np.linalg.norm(landmarks[_CHIN] - landmarks[10]))
