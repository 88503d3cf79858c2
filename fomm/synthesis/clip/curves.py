"""Random curves over the frames of a clip: wandering, moves with holds between them, and single bumps.

People do not move in noise alone: they go from one place to the next on a path of least jerk and rest there
(Flash and Hogan, 1985), with a little tremor on top. Frames come at 25 a second.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

FPS = 25
_PEAK = 1.875  # speed in the middle of a path of least jerk, in parts of its mean
Curve = NDArray[np.float32]


def ease(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the path of least jerk from 0 to 1 at times `x`, clipped to [0, 1]."""
    t = np.clip(x, 0, 1)
    return np.asarray(t**3 * (10 - 15 * t + 6 * t**2))


def wander(rng: Generator, frames: int, seconds: float, width: int = 1) -> Curve:
    """Return smooth noise of unit variance, `[frames, width]`.

    Args:
        rng: where the numbers come from.
        frames: length.
        seconds: how long the curve remembers, the standard deviation of the kernel that smooths it.
        width: number of independent curves.
    """
    sigma = max(seconds * FPS, 0.3)
    margin = int(4 * sigma) + 1
    noise = rng.standard_normal((frames + 2 * margin, width))
    impulse = np.zeros(8 * int(np.ceil(sigma)) + 9)
    impulse[len(impulse) // 2] = 1
    gain = np.sqrt(np.sum(gaussian_filter1d(impulse, sigma) ** 2))  # what is left of a unit deviation
    smooth = gaussian_filter1d(noise, sigma, axis=0)[margin : margin + frames] / gain
    return np.asarray(smooth, np.float32)


def moves_and_holds(
    rng: Generator,
    frames: int,
    target: Callable[[], NDArray[np.floating]],
    travel: tuple[float, float],
    hold: tuple[float, float],
    fastest: float = np.inf,
) -> Curve:
    """Return a path through random places, `[frames, D]`: least jerk on the way, still on arrival.

    Args:
        rng: where the numbers come from.
        frames: length; the path begins somewhere in the middle of a move or a hold.
        target: draws the next place, `[D]`.
        travel: shortest and longest move in seconds.
        hold: shortest and longest rest in seconds.
        fastest: speed in the middle of a move, per second, that no move exceeds.
    """
    place = np.asarray(target(), np.float64)
    path: list[NDArray[np.float64]] = []
    skip = int(rng.uniform(0, (travel[1] + hold[1]) * FPS))
    while len(path) < frames + skip:
        goal = np.asarray(target(), np.float64)
        shortest = _PEAK * float(np.linalg.norm(goal - place)) / fastest
        steps = max(1, round(max(rng.uniform(*travel), shortest) * FPS))
        path += list(place + (goal - place) * ease(np.arange(1, steps + 1) / steps)[:, None])
        path += [goal] * round(rng.uniform(*hold) * FPS)
        place = goal
    return np.stack(path[skip : skip + frames]).astype(np.float32)


def bump(frames: int, start: float, rise: float, stay: float, fall: float) -> Curve:
    """Return one rise from 0 to 1 and back, `[frames]`; times in frames, `start` may lie outside the clip."""
    t = np.arange(frames, dtype=np.float64)
    up = ease((t - start) / max(rise, 1e-6))
    down = ease((t - start - rise - stay) / max(fall, 1e-6))
    return np.asarray(up - down, np.float32)
