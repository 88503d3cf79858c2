"""How one person moves through a clip: head, gaze, body, breath and face, the same for both people of a pair.

Head turns are drawn per clip: seven clips in ten keep within 25 degrees of yaw, the others go up to 40, with up to 22
degrees of pitch and 14 of roll. The head goes from place to place on paths of least jerk, nods and shakes now and then,
and trembles a little; eyes jump, follow something, or stay on the camera while the head turns.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fomm.synthesis.clip.acting import Face, blink, feel, fidget, open_wide, speak
from fomm.synthesis.clip.curves import FPS, Curve, bump, moves_and_holds, wander
from fomm.synthesis.head.pose import Pose

YAW, PITCH, ROLL = np.radians((40.0, 22.0, 14.0))  # farthest turns
_USUAL_YAW, _FAR_YAW = np.radians((25.0, 31.0))
_FASTEST = np.radians(200.0)  # a quick shake of the head, per second
_EYE_REACH = np.radians(28.0)  # turn of the head that a gaze of 1 makes up for


def perform(rng: Generator, frames: int, names: Sequence[str]) -> tuple[Pose, ...]:
    """Return a clip's poses.

    Args:
        rng: where the numbers come from; the same state gives the same poses.
        frames: length of the clip at 25 frames a second.
        names: names of the expression units, in the order `Pose.expression` wants.
    """
    face = Face(names, frames)
    fidget(face, rng)
    manner = rng.random()
    if manner < 0.7:
        speak(face, rng)
    if manner > 0.45:
        feel(face, rng)
    if rng.random() < 0.22:
        open_wide(face, rng)
    turn = _head(rng, frames)
    gaze = _gaze(rng, turn)
    lowered = np.clip(-gaze[:, 1], 0, 1) * 0.3  # lids go down with the eyes
    face.add({"eyeBlink": 1.0}, lowered)
    blink(face, rng)
    expression = face.strengths()
    body, breath = _body(rng, frames), _breath(rng, frames)
    return tuple(Pose(expression[t], turn[t], gaze[t], body[t], float(breath[t])) for t in range(frames))


def _head(rng: Generator, frames: int) -> Curve:
    """Return yaw, pitch and roll in radians, `[frames, 3]`."""
    far = rng.random() < 0.3
    yaw = rng.uniform(_FAR_YAW, YAW) if far else rng.uniform(0.1, 1) * _USUAL_YAW
    reach = np.array([yaw, rng.uniform(0.15, 1) * PITCH, rng.uniform(0.1, 1) * ROLL])

    def target() -> NDArray[np.floating]:
        place = rng.uniform(-1, 1, 3)
        if far and rng.random() < 0.75:
            place[0] = np.sign(place[0]) * rng.uniform(0.75, 1)  # far turns are few: make the most of them
        return np.asarray(place * reach)

    slow = rng.uniform(0.8, 1.6)
    turn: NDArray[np.floating] = moves_and_holds(rng, frames, target, (0.2 * slow, 0.7 * slow), (0.0, 0.5), _FASTEST)
    turn += np.radians(0.25) * wander(rng, frames, 0.06, 3)
    turn += np.radians(rng.uniform(0.3, 1.5)) * wander(rng, frames, 0.35, 3)
    if rng.random() < 0.3:
        axis = (1, 1, 0, 2)[rng.integers(4)]  # a nod, twice as often as a shake or a wobble
        swing = np.sin(2 * np.pi * rng.uniform(1.2, 3.0) * np.arange(frames) / FPS + rng.uniform(0, 2 * np.pi))
        stay = rng.uniform(8, 25)
        turn[:, axis] += np.radians(rng.uniform(2, 8)) * swing * bump(frames, rng.uniform(-8, frames - 10), 6, stay, 8)
    limit = np.array([YAW, PITCH, ROLL])
    # A head turned far to the side does not also nod and tilt as far as it could.
    excess = np.maximum(np.linalg.norm(turn / limit, axis=1, keepdims=True), 1)
    return np.asarray(turn / excess, np.float32)


def _gaze(rng: Generator, turn: Curve) -> Curve:
    """Return where the eyes look from within the head, right and up, `[frames, 2]`."""
    frames = len(turn)
    reach = rng.uniform(0.6, 1.2) * np.array([1.0, 0.75])
    manner = rng.random()
    if manner < 0.75:
        gaze: NDArray[np.floating] = moves_and_holds(
            rng, frames, lambda: rng.uniform(-1, 1, 2) * reach, (0.03, 0.08), (0.12, 0.9)
        )
    else:
        gaze = reach * wander(rng, frames, rng.uniform(0.25, 0.6), 2)
    contact = rng.uniform(0.5, 1) if rng.random() < 0.3 else rng.uniform(0, 0.3)
    gaze = gaze * (1 - 0.7 * contact) - contact * turn[:, :2] / _EYE_REACH  # the camera stays in view
    return np.asarray(np.clip(gaze, -1, 1), np.float32)


def _body(rng: Generator, frames: int) -> Curve:
    """Return the shift in face widths and the roll in radians, `[frames, 3]`."""
    reach = rng.uniform(0.2, 1) * np.array([0.16, 0.07, np.radians(4)])
    body = moves_and_holds(rng, frames, lambda: rng.uniform(-1, 1, 3) * reach, (0.4, 1.4), (0.0, 0.6))
    return np.asarray(body + 0.12 * reach * wander(rng, frames, 0.25, 3), np.float32)


def _breath(rng: Generator, frames: int) -> Curve:
    """Return how far the shoulders rise, in face widths, `[frames]`."""
    cycle = 2 * np.pi * rng.uniform(0.2, 0.5) * np.arange(frames) / FPS + rng.uniform(0, 2 * np.pi)
    return np.asarray(rng.uniform(0.004, 0.03) * (1 - np.cos(cycle)) / 2, np.float32)
