"""Round bodies drawn on a frame from distance fields: capsules, ellipses and boxes with soft edges and simple shading.

A signed distance (negative inside, in pixels) gives an edge one pixel soft and, for round bodies, the height of the
surface and with it a light and a dark side.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]


class Canvas:
    """An object drawn over a frame: colour and how much it covers.

    Attributes:
        colour: `[S, S, 3]` in [0, 1].
        cover: `[S, S]` in [0, 1].

    Args:
        side: side of the frame in pixels.
    """

    def __init__(self, side: int) -> None:
        axis = np.arange(side, dtype=np.float32) + 0.5
        self.x, self.y = np.meshgrid(axis, axis)
        self.colour = np.zeros((side, side, 3), np.float32)
        self.cover = np.zeros((side, side), np.float32)

    def paint(
        self, distance: NDArray[np.floating], colour: NDArray[np.floating], cover: float = 1, softness: float = 1
    ) -> None:
        """Paint where `distance` is negative with one colour `[3]` or a colour per pixel `[S, S, 3]`."""
        amount = cover * np.clip(0.5 - distance / softness, 0, 1)
        rest = 1 - amount
        total = amount + self.cover * rest
        weight = (amount / np.maximum(total, 1e-6))[..., None]
        self.colour = (weight * colour + (1 - weight) * self.colour).astype(np.float32)
        self.cover = total.astype(np.float32)

    def paint_round(self, distance: Field, radius: float, colour: NDArray[np.floating], light: float) -> None:
        """Paint a round body of this radius, brighter toward the light (an angle in the frame, 0 = right)."""
        height = np.sqrt(np.clip(1 - (1 + np.minimum(distance, 0) / radius) ** 2, 0, 1))
        slope_y, slope_x = np.gradient(distance)
        facing = (slope_x * np.cos(light) + slope_y * np.sin(light)) * (1 - height)
        shade = 0.62 + 0.38 * height + 0.18 * facing  # [S, S]
        self.paint(distance, shade[..., None] * colour)

    def capsule(self, start: NDArray[np.floating], end: NDArray[np.floating], wide: float, narrow: float) -> Field:
        """Return the distance to a rod with round ends, of radius `wide` at its start and `narrow` at its end."""
        along_x, along_y = end - start
        length = max(float(along_x**2 + along_y**2), 1e-6)
        t = np.clip(((self.x - start[0]) * along_x + (self.y - start[1]) * along_y) / length, 0, 1)
        away = np.hypot(self.x - start[0] - t * along_x, self.y - start[1] - t * along_y)
        return np.asarray(away - (wide + t * (narrow - wide)), np.float32)

    def box(self, centre: NDArray[np.floating], half: NDArray[np.floating], angle: float, corner: float) -> Field:
        """Return the distance to a box turned by `angle`, with round corners of radius `corner`."""
        u, v = self.turned(centre, angle)
        outside_u, outside_v = np.abs(u) - half[0] + corner, np.abs(v) - half[1] + corner
        outside = np.hypot(np.maximum(outside_u, 0), np.maximum(outside_v, 0))
        return np.asarray(outside + np.minimum(np.maximum(outside_u, outside_v), 0) - corner, np.float32)

    def turned(self, centre: NDArray[np.floating], angle: float) -> tuple[Field, Field]:
        """Return every pixel's coordinates in the frame of a body at `centre` turned by `angle`."""
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        x, y = self.x - np.float32(centre[0]), self.y - np.float32(centre[1])
        return cos * x + sin * y, cos * y - sin * x
