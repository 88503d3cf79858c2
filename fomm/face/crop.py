"""The square window of a picture that the networks see, and the way back into the picture.

Pixel coordinates are edge based (0 is the outer edge of the first pixel); window coordinates run from -1 to 1 between
the window's outer edges, the edge convention of `fomm.geometry.grids` and of `grid_sample(align_corners=False)`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from fomm.errors import FaceError
from fomm.face.locate import Face

# Where the face box lies in the frames our models learn from: measured with `FaceFinder` on 452 frames of the
# training clips (quartiles: size .49-.61, centre x .45-.54, centre y .38-.48 of the window).
FACE_SHARE = 0.547
FACE_CENTER_Y = 0.433
_BELOW = 2.0  # how much longer the soft edge is at the bottom, where bodies reach over it


@dataclass(frozen=True)
class CropWindow:
    """A square window in px; it may leave the picture, whose edge pixels then repeat.

    Attributes:
        x: left edge.
        y: top edge.
        side: width and height, more than 0.
    """

    x: float
    y: float
    side: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.x) and math.isfinite(self.y) and math.isfinite(self.side) and self.side >= 1):
            raise FaceError(f"A crop window must be at least 1 px wide and finite, not {self}.")

    @classmethod
    def around(cls, face: Face, zoom: float = 1.0) -> CropWindow:
        """Return the window that shows the face as the training frames do; `zoom` > 1 shows it larger."""
        side = max(1.0, face.size / FACE_SHARE / zoom)
        x, y = face.center
        return cls(x - side / 2, y - side * FACE_CENTER_Y, side)

    def scaled(self, scale: float) -> CropWindow:
        """Return the window of the same part of the picture at `scale` times its size; never below 1 px."""
        return CropWindow(self.x * scale, self.y * scale, max(1.0, self.side * scale))

    def bounds(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Return x0, y0, x1, y1 of the whole pixels that the window covers inside a picture of that size.

        Raises:
            FaceError: the window lies outside the picture.
        """
        x0, y0 = max(0, math.floor(self.x)), max(0, math.floor(self.y))
        x1, y1 = min(width, math.ceil(self.x + self.side)), min(height, math.ceil(self.y + self.side))
        if x0 >= x1 or y0 >= y1:
            raise FaceError(
                f"The crop window at x {self.x:.0f}, y {self.y:.0f}, side {self.side:.0f} lies outside the "
                f"{width}x{height} picture; give one inside it."
            )
        return x0, y0, x1, y1

    def crop(self, image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
        """Cut the window out of a picture and resize it without aliasing.

        Args:
            image: `uint8 [H, W, 3]`.
            size: side of the result in px.

        Returns:
            `uint8 [size, size, 3]`.

        Raises:
            FaceError: the window lies outside the picture.
        """
        height, width = image.shape[:2]
        x0, y0, x1, y1 = self.bounds(height, width)
        left, top = math.floor(self.x), math.floor(self.y)
        right, bottom = math.ceil(self.x + self.side), math.ceil(self.y + self.side)
        inside = image[y0:y1, x0:x1]
        if (left, top, right, bottom) != (x0, y0, x1, y1):
            inside = np.pad(inside, ((y0 - top, bottom - y1), (x0 - left, right - x1), (0, 0)), mode="edge")
        x, y = self.x - left, self.y - top
        box = (x, y, min(x + self.side, inside.shape[1]), min(y + self.side, inside.shape[0]))
        return np.asarray(Image.fromarray(inside).resize((size, size), Image.Resampling.BICUBIC, box=box))

    def to_window_grid(self, height: int, width: int) -> Tensor:
        """Return window coordinates of every photo pixel inside `bounds`, for pasting back.

        Args:
            height: height of the photo in px.
            width: width of the photo in px.

        Returns:
            `[h, w, 2]`, x then y, -1 and 1 at the window's outer edges; sample a generated window with it through
            `grid_sample(align_corners=False)` to bring it onto the photo's own pixels.
        """
        x0, y0, x1, y1 = self.bounds(height, width)
        x = (torch.arange(x0, x1, dtype=torch.float64) + 0.5 - self.x) / self.side * 2 - 1  # [w]
        y = (torch.arange(y0, y1, dtype=torch.float64) + 0.5 - self.y) / self.side * 2 - 1  # [h]
        grid = torch.stack((x.expand(len(y), -1), y[:, None].expand(-1, len(x))), dim=-1)  # [h, w, 2]
        return grid.float()

    def edge_mask(self, height: int, width: int, softness: float = 0.1) -> Tensor:
        """Return how much of the window to show at every photo pixel inside `bounds`.

        It is 1 inside and falls smoothly to 0 at the window's edge, but not toward an edge at which the photo ends.

        Args:
            height: height of the photo in px.
            width: width of the photo in px.
            softness: width of the soft band as a share of the window side, in [0, 0.5]; at the bottom it is twice as
                wide.

        Returns:
            `[h, w]` in [0, 1].
        """
        grid = self.to_window_grid(height, width)  # [h, w, 2]
        begins = grid.new_tensor([self.x > 0, self.y > 0])
        ends = grid.new_tensor([self.x + self.side < width, self.y + self.side < height])
        inset = torch.stack(((1 + grid) / 2 + (1 - begins), (1 - grid) / 2 + (1 - ends)))  # [2, h, w, 2], over the side
        inset[1, ..., 1] /= _BELOW
        ramp = (inset / max(softness, 0.5 / self.side)).clamp(0, 1)
        ramp = ramp.square() * (3 - 2 * ramp)
        return ramp.prod(dim=0).prod(dim=-1)  # [h, w]
