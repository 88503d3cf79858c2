"""A single picture as driver: the photo takes on its expression, and lets go of it again.

One frame has no motion of its own. So a motion is made of it: it begins with the photo's own face, laid as the driver's
head is, goes to the same face with the driver's lips, lids, irises and brows, stays, and goes back. How the driver's
head lies and how its owner is built (jaw, cheeks, nose) is left out.
"""

from __future__ import annotations

import math
from fractions import Fraction

import torch

from fomm.config.edit_photo import MOVE_SECONDS, STAY_SECONDS
from fomm.errors import MotionError
from fomm.geometry.anatomy import Anatomy
from fomm.geometry.head import Head
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import REGIONS
from fomm.track.track import MotionTrack

FPS = Fraction(25)
"""Frame rate of motions that are made, not filmed."""

_NEEDED = ("mouth", "eyes", "brows")
_TAKEN = (*_NEEDED, "irises")


def there_and_back(move_seconds: float, stay_seconds: float, *, back: bool = True) -> list[float]:
    """Return how much of a change each frame shows, in [0, 1] at `FPS`: easing in, staying, and easing out if asked."""
    moving = max(2, round(move_seconds * FPS))
    there = [(1 - math.cos(math.pi * step / moving)) / 2 for step in range(moving + 1)]
    stay = [1.0] * max(1, round(stay_seconds * FPS))
    return [*there, *stay, *(there[::-1] if back else [])]


def expression_motion(source: Keypoints, still: MotionTrack, anatomy: Anatomy | None) -> MotionTrack:
    """Return the motion that takes a photo to a driver's expression and back, in the driver's picture.

    Args:
        source: keypoints of the photo, `[1, K, 2]`.
        still: a track of one frame.
        anatomy: what the keypoints are tied to.

    Raises:
        MotionError: the keypoints are tied to nothing, so nothing tells an expression from a face's shape.
    """
    if anatomy is None or anatomy.face <= max(place for name in _NEEDED for place in REGIONS[name]):
        raise MotionError(
            "A single picture drives a photo only with a model whose keypoints are tied to the face, as the bundled "
            "one's are; give a clip, or choose that model."
        )
    driver = still.value  # [1, K, 2]
    own = Head.of(source.value.detach().to("cpu", torch.float32), anatomy)
    start = driver.clone()
    start[:, : anatomy.face] = own.moved(own.motion(driver))
    expressive = {place for name in _TAKEN for place in REGIONS[name]} - set(anatomy.steady)
    taken = sorted(place for place in expressive if place < anatomy.face)
    there = start.clone()
    there[:, taken] = driver[:, taken]
    shares = torch.tensor(there_and_back(MOVE_SECONDS, STAY_SECONDS))[:, None, None]  # [T, 1, 1]
    count = len(shares)
    jacobian = None if still.jacobian is None else still.jacobian.repeat(count, 1, 1, 1)
    found = torch.ones(count, dtype=torch.bool)
    return MotionTrack(torch.lerp(start, there, shares), jacobian, FPS, 0, still.detector, found, None, still.size)
