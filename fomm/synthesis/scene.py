"""What a frame is seen by: the camera's crop of the portrait, and the light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Camera:
    """A square crop of the portrait's picture plane.

    Attributes:
        x: left edge in pixels of the portrait.
        y: top edge.
        size: side.
    """

    x: float
    y: float
    size: float

    def to_frame(self, points: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return points `[..., 2]` of the picture plane as frame coordinates: [-1, 1], x right, y down."""
        return np.asarray((points - np.array([self.x, self.y])) * (2 / self.size) - 1)


@dataclass(frozen=True)
class Light:
    """A far light on top of the one the portrait was taken in.

    Attributes:
        direction: unit vector toward the light, x right, y up, z to the viewer, `[3]`.
        strength: how much of the shading it makes up; 0 leaves the portrait as it is.
        gain: exposure of the whole frame.
    """

    direction: NDArray[np.float32]
    strength: float
    gain: float
