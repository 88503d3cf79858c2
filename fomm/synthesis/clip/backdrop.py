"""What is behind a person: the portrait's own place, another portrait's, or a studio wall; sharp or out of focus.

The person is filled in from around: what a turn of the head uncovers looks like a blurred continuation, not a cut-out.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, gaussian_filter, zoom

from fomm.synthesis.head.fill import fill_in
from fomm.synthesis.portraits import Portrait

Picture = NDArray[np.float32]
_SPILL = 9  # pixels around the matte that still hold the person's colours


def draw_backdrop(rng: Generator, portrait: Portrait, place: Portrait) -> Picture:
    """Return a background of the portrait's size, `[H, W, 3]` in [0, 1]: the place's, or in one clip of three a wall.

    Args:
        rng: where the numbers come from.
        portrait: the person in front.
        place: whose background it may be, often the same portrait.
    """
    if rng.random() < 0.33:
        return studio_wall(rng, portrait.alpha.shape)
    behind = fill_person(place)
    if place.name != portrait.name and rng.random() < 0.5:
        behind = behind[:, ::-1]
    behind = _of_size(behind, portrait.alpha.shape)
    if rng.random() < 0.4:
        focus = rng.uniform(1, 9)
        behind = np.stack([gaussian_filter(behind[..., c], focus) for c in range(3)], -1)
    return behind


def fill_person(portrait: Portrait) -> Picture:
    """Return the portrait's own background with the person filled in from around, `[H, W, 3]` in [0, 1]."""
    hidden = binary_dilation(portrait.alpha > 0.05, iterations=_SPILL)
    known = (~hidden).astype(np.float32)
    picture = (portrait.image / 255).astype(np.float32)
    filled = fill_in(picture, known)
    soft = gaussian_filter(known, 2)[..., None] * known[..., None]
    return np.asarray(soft * picture + (1 - soft) * filled, np.float32)


def studio_wall(rng: Generator, shape: tuple[int, ...]) -> Picture:
    """Return a plain wall, often with a lamp's glow or a gradient: grey, white, black, coloured or screen green."""
    height, width = shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    tone = rng.random()
    if tone < 0.35:
        colour = np.full(3, rng.uniform(0.05, 0.95)) + rng.normal(0, 0.015, 3)
    elif tone < 0.5:
        colour = np.full(3, rng.choice([rng.uniform(0.93, 1.0), rng.uniform(0.0, 0.06)]))
    elif tone < 0.62:
        screens = ([0.1, 0.7, 0.2], [0.1, 0.25, 0.75], [0.0, 0.85, 0.1])
        colour = np.array(screens[rng.integers(3)]) + rng.normal(0, 0.04, 3)
    else:
        colour = rng.uniform(0.05, 0.9) * (0.45 + 0.55 * rng.random(3))
    wall = np.broadcast_to(colour, (height, width, 3)).astype(np.float32).copy()
    if rng.random() < 0.7:
        centre, reach = rng.uniform(0, 1, 2) * (width, height), rng.uniform(0.4, 1.2) * width
        glow = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / reach**2)
        wall *= (1 + rng.uniform(-0.45, 0.6) * glow)[..., None]
    if rng.random() < 0.4:
        angle = rng.uniform(0, 2 * np.pi)
        ramp = (np.cos(angle) * x / width + np.sin(angle) * y / height)[..., None]
        wall = wall + ramp * rng.normal(0, 0.15, 3).astype(np.float32)
    if rng.random() < 0.3:  # plaster or cloth
        wall *= 1 + rng.uniform(0.01, 0.05) * gaussian_filter(rng.standard_normal((height, width)), 1.2)[..., None]
    return np.asarray(np.clip(wall, 0, 1), np.float32)


def _of_size(picture: Picture, shape: tuple[int, ...]) -> Picture:
    if picture.shape[:2] == shape[:2]:
        return picture
    scale = (shape[0] / picture.shape[0], shape[1] / picture.shape[1], 1)
    return np.asarray(zoom(picture, scale, order=1, mode="nearest", grid_mode=True), np.float32)
