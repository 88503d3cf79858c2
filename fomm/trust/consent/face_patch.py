"""A face cut out of a photo, and the brightness of 16 x 16 cells around it, in the position of its points or near it.

Coordinates are complex, x + iy. Canonical ones have the eyes at distance 1 and their middle at 0; a patch is a square
of 512 px around the nose, whose points give the turn, size and shift that lead there from canonical coordinates. A
picture that was stretched is looked at as it was before: `stretch` is how much higher it was made, relative to its
width.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

if TYPE_CHECKING:
    from fomm.face.locate import Face

CELLS = 16
STRETCHES = tuple(1.1**step for step in range(-3, 4))
_SPAN = 2.8  # side of the compared square in distances between the eyes
_REACH = 3.0  # how far around the nose the photo is looked at, in distances between the eyes
_PATCH = 512
_OVERSAMPLING = 4
_POINTS = np.array([-0.5, 0.5, 0.6j, -0.42 + 1.1j, 0.42 + 1.1j])  # x + iy, eyes at distance 1, origin between them
_CANONICAL = _POINTS - _POINTS.mean()
_MIDDLE = 0.5j
_SOFTENED = 2.5  # cells in the radius of the blur before they are sampled
_INSIDE = 240  # of 255: brightness of a mask where a cell counts as inside the photo
_SHAKES = tuple(itertools.product((-0.08, 0.0, 0.08), (-0.08, 0.0, 0.08), (0.93, 1.0, 1.07), (-0.05, 0.0, 0.05)))
_MOVES = np.array([complex(across, down) for across, down, _, _ in _SHAKES])
_TURNS = np.array([grow * np.exp(1j * lean) for _, _, grow, lean in _SHAKES])
_CENTRES = np.array([complex(x, y) for y in range(CELLS) for x in range(CELLS)]) + complex(0.5, 0.5)

Bits = NDArray[np.bool_]


@dataclass(frozen=True)
class FacePatch:
    """A face at hand.

    Attributes:
        grey: its picture, 512 x 512 px.
        inside: 255 where that lies in the photo, else 0.
        points: eyes, nose and corners of the mouth, complex `[5]`, in px of the patch.
    """

    grey: Image.Image
    inside: Image.Image
    points: NDArray[np.complex128]

    @classmethod
    def cut(cls, pixels: NDArray[np.uint8], face: Face) -> FacePatch | None:
        """Cut a face out of a photo, uint8 `[H, W, 3]`; None where it has no points, or none that tell its size."""
        if face.points is None:
            return None
        points = np.array([complex(x, y) for x, y in face.points])
        reach = _REACH * max(abs(points[1] - points[0]), 0.3 * face.size)
        middle = points.mean()
        box = [round(v) for v in (middle.real - reach, middle.imag - reach, middle.real + reach, middle.imag + reach)]
        side = box[2] - box[0]
        if side < 1 or box[3] <= box[1]:
            return None
        height, width = pixels.shape[:2]
        left, top, right, bottom = max(box[0], 0), max(box[1], 0), min(box[2], width), min(box[3], height)
        if left >= right or top >= bottom:
            return None
        grey = Image.new("L", (side, box[3] - box[1]))
        inside = Image.new("L", grey.size)
        part = Image.fromarray(np.ascontiguousarray(pixels[top:bottom, left:right])).convert("L")
        grey.paste(part, (left - box[0], top - box[1]))
        inside.paste(255, (left - box[0], top - box[1], right - box[0], bottom - box[1]))
        size, way = (_PATCH, _PATCH), Image.Resampling.BOX if side > _PATCH else Image.Resampling.BICUBIC
        points = (points - complex(box[0], box[1])) * (_PATCH / side)
        patch = cls(grey.resize(size, way), inside.resize(size, Image.Resampling.BOX), points)
        return patch if abs(patch._way(1.0)[0]) else None

    def cells(self) -> tuple[NDArray[np.float32], Bits]:
        """Return the brightness of the cells in the points' own position, and which lie inside the photo."""
        turn, shift = self._way(1.0)
        side = CELLS * _OVERSAMPLING
        step = turn * _SPAN / side
        start = turn * (_MIDDLE - complex(1, 1) * _SPAN / 2) + shift
        way = (step.real, -step.imag, start.real, step.imag, step.real, start.imag)
        soft = self.grey.filter(ImageFilter.BoxBlur(abs(turn) * _SPAN / CELLS / _SOFTENED))
        grey, inside = (
            image.transform((side, side), Image.Transform.AFFINE, way, Image.Resampling.BILINEAR)
            for image in (soft, self.inside)
        )
        shape = (CELLS, _OVERSAMPLING, CELLS, _OVERSAMPLING)
        cells = np.asarray(grey, np.float32).reshape(shape).mean(axis=(1, 3))
        return cells, np.asarray(inside, np.float32).reshape(shape).mean(axis=(1, 3)) > _INSIDE

    def positions(self, stretch: float) -> tuple[NDArray[np.uint8], Bits]:
        """Return the same `[81, 16, 16]` in 81 positions near it, had the photo been stretched before.

        A cell is one sample of a picture that is blurred by the cell, which is almost its mean, and much quicker.
        """
        turn, shift = self._way(stretch)
        across = abs(turn) * _SPAN / CELLS
        cell = (across, across * stretch)
        soft = self.grey.filter(ImageFilter.BoxBlur((cell[0] / _SOFTENED, cell[1] / _SOFTENED)))
        whole = ImageFilter.BoxBlur((cell[0] / 2, cell[1] / 2))
        grey, inside = np.asarray(soft.filter(whole)), np.asarray(self.inside.filter(whole))
        offsets = _CENTRES * (_SPAN / CELLS) - complex(1, 1) * _SPAN / 2 + _MIDDLE
        places = turn * _TURNS[:, None] * (offsets + _MOVES[:, None]) + shift  # [81, 256]
        x, y = np.floor(places.real).astype(np.intp), np.floor(places.imag * stretch).astype(np.intp)
        there = (x >= 0) & (x < _PATCH) & (y >= 0) & (y < _PATCH)
        x, y = x.clip(0, _PATCH - 1), y.clip(0, _PATCH - 1)
        shape = (-1, CELLS, CELLS)
        return grey[y, x].reshape(shape), (there & (inside[y, x] > _INSIDE)).reshape(shape)

    def _way(self, stretch: float) -> tuple[complex, complex]:
        """Return turn (with size) and shift that lead from canonical points to these as they lay before a stretch."""
        points = self.points.real + 1j * self.points.imag / stretch
        turn = complex(np.vdot(_CANONICAL, points - points.mean()) / np.vdot(_CANONICAL, _CANONICAL))
        return turn, complex(points.mean() - turn * _POINTS.mean())
