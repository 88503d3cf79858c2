"""What a face does: speech, wide mouths, feelings, brows and lids, as strengths of the 52 ARKit units over time.

Speech is a row of mouth shapes (visemes) that run into one another; feelings are named sets of units in the manner of
the Facial Action Coding System (Ekman and Friesen, 1978), seldom the same on both sides of the face.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from fomm.synthesis.clip.curves import FPS, Curve, bump, wander

# Strengths at full voice. A name without a side means both.
VISEMES: dict[str, dict[str, float]] = {
    "rest": {},
    "a": {"jawOpen": 0.65, "mouthLowerDown": 0.35, "mouthUpperUp": 0.2},
    "ae": {"jawOpen": 0.45, "mouthLowerDown": 0.4, "mouthUpperUp": 0.25, "mouthStretch": 0.35, "mouthSmile": 0.2},
    "e": {"jawOpen": 0.3, "mouthLowerDown": 0.3, "mouthStretch": 0.3, "mouthSmile": 0.2},
    "i": {"jawOpen": 0.14, "mouthSmile": 0.4, "mouthStretch": 0.4, "mouthLowerDown": 0.35, "mouthUpperUp": 0.2},
    "o": {"jawOpen": 0.42, "mouthFunnel": 0.65, "mouthPucker": 0.2},
    "u": {"jawOpen": 0.16, "mouthPucker": 0.75, "mouthFunnel": 0.35},
    "m": {"mouthPress": 0.45, "mouthRollLower": 0.35, "mouthRollUpper": 0.3},
    "f": {"jawOpen": 0.1, "mouthRollLower": 0.55, "mouthUpperUp": 0.35},
    "s": {"jawOpen": 0.08, "mouthStretch": 0.35, "mouthSmile": 0.2, "mouthLowerDown": 0.35, "mouthUpperUp": 0.15},
    "sh": {"jawOpen": 0.14, "mouthFunnel": 0.55, "mouthPucker": 0.3, "mouthLowerDown": 0.2, "mouthUpperUp": 0.2},
    "l": {"jawOpen": 0.3, "mouthLowerDown": 0.25, "mouthUpperUp": 0.1},
    "r": {"jawOpen": 0.2, "mouthPucker": 0.35, "mouthFunnel": 0.2},
}
FEELINGS: dict[str, dict[str, float]] = {
    "smile": {"mouthSmile": 0.8, "cheekSquint": 0.5, "eyeSquint": 0.3, "mouthDimple": 0.3},
    "laugh": {
        "mouthSmile": 1.0,
        "jawOpen": 0.45,
        "cheekSquint": 0.8,
        "eyeSquint": 0.5,
        "mouthUpperUp": 0.5,
        "mouthLowerDown": 0.35,
        "noseSneer": 0.25,
    },
    "sadness": {"browInnerUp": 0.9, "mouthFrown": 0.7, "mouthShrugLower": 0.5, "eyeSquint": 0.2, "eyeBlink": 0.15},
    "anger": {"browDown": 0.95, "noseSneer": 0.55, "mouthPress": 0.5, "eyeSquint": 0.4, "jawForward": 0.3},
    "shout": {"browDown": 0.7, "jawOpen": 0.6, "mouthUpperUp": 0.6, "mouthLowerDown": 0.7, "noseSneer": 0.7},
    "surprise": {"browInnerUp": 0.9, "browOuterUp": 0.9, "eyeWide": 1.0, "jawOpen": 0.5, "mouthFunnel": 0.25},
    "fear": {"browInnerUp": 0.9, "eyeWide": 0.9, "mouthStretch": 0.8, "jawOpen": 0.25, "browDown": 0.3},
    "disgust": {"noseSneer": 1.0, "mouthUpperUp": 0.6, "browDown": 0.5, "mouthFrown": 0.5, "eyeSquint": 0.4},
    "scorn": {"mouthSmileLeft": 0.7, "mouthDimpleLeft": 0.6, "cheekSquintLeft": 0.4, "browOuterUpRight": 0.4},
    "doubt": {"browOuterUpLeft": 0.95, "browDownRight": 0.8, "mouthFrown": 0.3, "mouthLeft": 0.4},
    "pain": {"browDown": 0.9, "eyeSquint": 0.9, "eyeBlink": 0.7, "cheekSquint": 0.9, "mouthStretch": 0.6},
    "kiss": {"mouthPucker": 1.0, "mouthFunnel": 0.2, "cheekSquint": 0.2},
    "cheeks": {"cheekPuff": 1.0, "mouthPress": 0.4, "mouthPucker": 0.3},
    "shrug": {"mouthShrugLower": 0.9, "mouthShrugUpper": 0.5, "browInnerUp": 0.5, "mouthFrown": 0.4},
    "bite": {"mouthRollLower": 0.9, "jawOpen": 0.05, "browInnerUp": 0.3},
    "crooked": {"jawRight": 0.7, "mouthRight": 0.7, "mouthSmileRight": 0.3},
    "wide eyes": {"eyeWide": 1.0, "browOuterUp": 0.5},
    "squint": {"eyeSquint": 1.0, "cheekSquint": 0.5, "browDown": 0.4},
}
_WIDE_MOUTHS: tuple[dict[str, float], ...] = (
    {"jawOpen": 1.0, "mouthLowerDown": 0.4, "mouthUpperUp": 0.3},
    {"jawOpen": 1.0, "mouthFunnel": 0.4, "eyeSquint": 0.6, "browDown": 0.3, "eyeBlink": 0.5},  # a yawn
    {"jawOpen": 0.8, "mouthSmile": 0.8, "mouthUpperUp": 0.5, "mouthLowerDown": 0.4, "cheekSquint": 0.6},
    {"jawOpen": 0.9, "mouthStretch": 0.6, "mouthLowerDown": 0.7, "mouthUpperUp": 0.5, "noseSneer": 0.4},
)


class Face:
    """Strengths of all units over a clip, added up as one thing after another moves the face.

    Args:
        names: unit names in the order of `Pose.expression`.
        frames: length of the clip.
    """

    def __init__(self, names: Sequence[str], frames: int) -> None:
        self.frames = frames
        self._place = {name: position for position, name in enumerate(names)}
        self._strength = np.zeros((frames, len(names)))

    def add(self, units: Mapping[str, float], curve: NDArray[np.floating], left: float = 1, right: float = 1) -> None:
        """Add `units` times `curve` `[frames]`; `left` and `right` weigh the person's own sides.

        Raises:
            KeyError: there is no such unit.
        """
        for name, strength in units.items():
            sides = {name: 1.0} if name in self._place else {f"{name}Left": left, f"{name}Right": right}
            for side, share in sides.items():
                self._strength[:, self._place[side]] += strength * share * curve

    def strengths(self) -> NDArray[np.float32]:
        """Return strengths in [0, 1], `[frames, U]`."""
        return np.clip(self._strength, 0, 1).astype(np.float32)


def speak(face: Face, rng: Generator) -> None:
    """Let the face talk: visemes of 60 to 200 ms with pauses, at a loudness that rises and falls."""
    sounds = [name for name in VISEMES if name != "rest"]
    voice = rng.uniform(0.55, 1.35)
    pause = rng.uniform(0.03, 0.25)
    tempo = rng.uniform(0.75, 1.4)
    spoken: dict[str, Curve] = {name: np.zeros(face.frames, np.float32) for name in VISEMES}
    time = -rng.uniform(0, 6)
    while time < face.frames:
        name = "rest" if rng.random() < pause else sounds[rng.integers(len(sounds))]
        length = rng.uniform(0.06, 0.2) * FPS / tempo * (2 if name == "rest" else 1)
        steps = np.arange(face.frames)
        spoken[name] += np.clip(np.minimum(steps + 1, time + length) - np.maximum(steps, time), 0, 1)
        time += length
    loudness = voice * np.exp(0.3 * wander(rng, face.frames, 0.4)[:, 0])
    lopsided = rng.normal(0, 0.1)
    for name, share in spoken.items():
        face.add(VISEMES[name], gaussian_filter1d(share, 1.1) * loudness, 1 + lopsided, 1 - lopsided)
    if rng.random() < 0.6:  # speakers stress words with their brows
        start = rng.uniform(-5, face.frames)
        beat = bump(face.frames, start, rng.uniform(3, 6), rng.uniform(0, 8), rng.uniform(4, 9))
        face.add({"browInnerUp": 0.5, "browOuterUp": 0.5}, beat * rng.uniform(0.4, 1.3), *_sides(rng, 0.3))


def open_wide(face: Face, rng: Generator) -> None:
    """Open the mouth as wide as it goes, once: a cry, a yawn, a laugh."""
    shape = _WIDE_MOUTHS[rng.integers(len(_WIDE_MOUTHS))]
    rise, stay, fall = rng.uniform(3, 10), rng.uniform(2, 15), rng.uniform(4, 12)
    curve = bump(face.frames, rng.uniform(-rise, face.frames - rise), rise, stay, fall)
    face.add(shape, curve * rng.uniform(0.65, 1.0), *_sides(rng, 0.1))


def feel(face: Face, rng: Generator) -> None:
    """Let one to three feelings come and go, a little stronger on one side."""
    kinds = list(FEELINGS)
    for _ in range(rng.integers(1, 4)):
        kind = FEELINGS[kinds[rng.integers(len(kinds))]]
        rise, stay, fall = rng.uniform(4, 14), rng.uniform(3, 30), rng.uniform(5, 18)
        curve = bump(face.frames, rng.uniform(-rise - stay, face.frames - 4), rise, stay, fall)
        left, right = _sides(rng, 0.25)
        if rng.random() < 0.5:
            kind = {_mirrored(name): strength for name, strength in kind.items()}
        face.add(kind, curve * rng.uniform(0.35, 1.1), left, right)


def fidget(face: Face, rng: Generator) -> None:
    """Add what is never quite still: brows, cheeks and the corners of the mouth, each side by itself."""
    quiet = ("browDown", "browOuterUp", "eyeSquint", "mouthSmile", "mouthPress", "cheekSquint")
    for name in quiet:
        for side in ("Left", "Right"):
            level = 0.12 * np.abs(wander(rng, face.frames, 0.5)[:, 0])
            face.add({name + side: 1.0}, level)
    if rng.random() < 0.15:
        curve = bump(face.frames, rng.uniform(-5, face.frames - 5), rng.uniform(2, 5), rng.uniform(4, 20), 6)
        face.add({"eyeWide": 1.0, "browOuterUp": 0.3}, curve * rng.uniform(0.5, 1))
    if rng.random() < 0.25:
        side = ("Left", "Right")[rng.integers(2)]  # one brow goes up by itself
        curve = bump(face.frames, rng.uniform(-5, face.frames - 5), rng.uniform(4, 8), rng.uniform(5, 25), 8)
        face.add({f"browOuterUp{side}": 0.95, "browInnerUp": 0.25}, curve * rng.uniform(0.5, 1))


def blink(face: Face, rng: Generator) -> None:
    """Close the lids now and then: 2 to 4 frames down, slower up; some stay shut, some are winks."""
    shut = np.zeros((face.frames, 2), np.float32)
    squeeze = np.zeros((face.frames, 2), np.float32)
    for _ in range(rng.poisson(face.frames / (FPS * rng.uniform(0.7, 2.2)))):
        long, wink = rng.random() < 0.2, rng.random() < 0.15
        stay = rng.uniform(5, 18) if long else rng.uniform(0, 2)
        curve = bump(face.frames, rng.uniform(-4, face.frames), rng.uniform(2, 4), stay, rng.uniform(4, 8))
        eyes = np.array([1.0, 1.0])
        if wink:
            eyes[rng.integers(2)] = rng.uniform(0, 0.25)
            squeeze += curve[:, None] * eyes * rng.uniform(0.3, 0.9)
        shut = np.maximum(shut, curve[:, None] * eyes * rng.uniform(0.85, 1.0)).astype(np.float32)
    for side, lid, cheek in zip(("Left", "Right"), shut.T, squeeze.T, strict=True):
        face.add({f"eyeBlink{side}": 1.0}, lid)
        face.add({f"eyeWide{side}": -1.0}, lid)  # lids cannot be wide open and shut at once
        face.add({f"cheekSquint{side}": 0.8, f"mouthSmile{side}": 0.35}, cheek)


def _sides(rng: Generator, spread: float) -> tuple[float, float]:
    lean = float(np.clip(rng.normal(0, spread), -0.8, 0.8))
    return 1 + min(lean, 0), 1 - max(lean, 0)


def _mirrored(name: str) -> str:
    for side, other in (("Left", "Right"), ("Right", "Left")):
        if name.endswith(side):
            return name.removesuffix(side) + other
    return name
