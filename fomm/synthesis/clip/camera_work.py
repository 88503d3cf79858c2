"""Where the camera looks and how the light falls, frame by frame.

The crop is chosen per person, so that portraits of every framing give faces of similar size; the camera's movement is
shared by the two people of a pair, in parts of the crop's side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fomm.synthesis.clip.curves import FPS, Curve, ease, wander
from fomm.synthesis.scene import Camera, Light


@dataclass(frozen=True)
class Framing:
    """How a person stands in the frame.

    Attributes:
        share: width of the face in parts of the frame.
        x: centre of the face from the middle of the frame, in parts of the frame, to the right.
        y: the same, downward.
    """

    share: float
    x: float
    y: float

    @classmethod
    def draw(cls, rng: Generator) -> Framing:
        """Draw a framing as talking clips have them, from head and shoulders to a close-up."""
        share = float(np.clip(rng.normal(0.42, 0.07), 0.28, 0.6))
        return cls(share, float(rng.normal(0, 0.035)), float(rng.normal(-0.02, 0.03)))


def camera_path(rng: Generator, frames: int) -> Curve:
    """Return the camera's movement: x, y in parts of the frame and the logarithm of the zoom, `[frames, 3]`.

    Half of all clips stand still; the others are held in the hand, pan, or zoom.
    """
    path = np.zeros((frames, 3), np.float32)
    manner = rng.random()
    if manner < 0.5:
        return path
    if manner < 0.8:
        path[:, :2] += rng.uniform(0.001, 0.004) * wander(rng, frames, 0.1, 2)
        path[:, :2] += rng.uniform(0.002, 0.012) * wander(rng, frames, 0.5, 2)
        path[:, 2] += rng.uniform(0, 0.01) * wander(rng, frames, 0.6)[:, 0]
    if manner > 0.72:
        start, seconds = rng.uniform(-20, 10), rng.uniform(1.0, 3.0)
        progress = ease((np.arange(frames) - start) / (seconds * FPS))
        path += progress[:, None] * rng.normal(0, 1, 3) * [0.04, 0.03, 0.07]
    return np.asarray(path - path[frames // 2], np.float32)


def cameras(path: Curve, framing: Framing, face: NDArray[np.floating], picture: tuple[int, int]) -> tuple[Camera, ...]:
    """Return a person's camera for every frame, always inside the picture.

    Args:
        path: what `camera_path` returned.
        framing: how the person stands in the frame.
        face: box of the face in the portrait, `[4]`: left, top, right, bottom.
        picture: height and width of the portrait.
    """
    height, width = picture
    left, top, right, bottom = face
    usual = max(right - left, 0.8 * (bottom - top)) / framing.share
    largest = min(height, width)
    shown = min(usual, largest / np.exp(-path[:, 2].min()))
    sizes = np.minimum(shown * np.exp(-path[:, 2]), largest)  # [T]
    centre = np.array([left + right, top + bottom]) / 2 - shown * np.array([framing.x, framing.y])
    room = np.array([width, height]) - sizes[:, None]
    corners = centre + path[:, :2] * shown - sizes[:, None] / 2
    corners += np.clip(corners, 0, room).mean(0) - corners.mean(0)  # away from the edge as a whole: the path stays
    corners = np.clip(corners, 0, room)
    return tuple(Camera(float(x), float(y), float(size)) for (x, y), size in zip(corners, sizes, strict=True))


def lights(rng: Generator, frames: int) -> tuple[Light, ...]:
    """Return the light of every frame: from somewhere in front, mostly faint, wandering slowly."""
    angle = rng.uniform(-1.2, 1.2) + rng.uniform(0.02, 0.3) * wander(rng, frames, 0.8)[:, 0]
    height = rng.uniform(-0.3, 0.9) + rng.uniform(0.02, 0.2) * wander(rng, frames, 0.8)[:, 0]
    strength = rng.beta(1.2, 2.5) * 0.7 * np.exp(0.1 * wander(rng, frames, 0.6)[:, 0])
    gain = rng.uniform(0.9, 1.1) * np.exp(0.02 * wander(rng, frames, 0.6)[:, 0])
    direction = np.stack([np.sin(angle) * np.cos(height), np.sin(height), np.cos(angle) * np.cos(height)], 1)
    return tuple(Light(direction[t].astype(np.float32), float(strength[t]), float(gain[t])) for t in range(frames))
