"""The shape of a mouth, told from the keypoints of its inner lips."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.geometry.grids import coordinate_grid, on_axes
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import TIED_LANDMARKS
from fomm.geometry.skull import SkullAxes

_CORNERS, _UPPER, _LOWER = (61, 291), (81, 13, 311), (178, 14, 402)  # left to right in the picture
_NOSTRILS, _BETWEEN_EYES = (98, 327), 168
_MIDDLE = 0.9  # of half the mouth's width: how far from its middle points of the inner lips are at most
_APART = 0.05  # of half the mouth's width: least distance along the mouth between points of a lip
_REACH = 0.05  # of the mouth's width: how far beyond the lips' keypoints anything is drawn
LARGEST = 2.0  # no coordinate is larger, whatever a mistaken keypoint says
LANDMARKS = (*_CORNERS, *_UPPER, *_LOWER, *_NOSTRILS, _BETWEEN_EYES)
"""Landmarks that keypoints have to be tied to."""

_PLACES = [TIED_LANDMARKS.index(landmark) for landmark in LANDMARKS]


@dataclass(frozen=True)
class Mouth:
    """A mouth's own axes and the points of its inner lips, in half widths of the mouth.

    Attributes:
        centre: between the corners, `[B, 2]`.
        axes: unit vectors along the mouth and down, `[B, 2, 2]`.
        half: half the width, `[B, 1]`.
        along: where along the mouth the points of the upper and the lower inner lip are, corners included, rising,
            `[B, 2, 5]`.
        down: how far below the line between the corners they are, `[B, 2, 5]`.
    """

    centre: Tensor
    axes: Tensor
    half: Tensor
    along: Tensor
    down: Tensor

    @classmethod
    def of(cls, marks: Tensor) -> Mouth:
        """Measure the mouth of the keypoints at `LANDMARKS`, `[B, 11, 2]`."""
        left, right = marks[:, 0], marks[:, 1]
        centre, along = (left + right) / 2, (right - left) / 2
        half = along.square().sum(-1, keepdim=True).add(1e-6).sqrt()
        along = along / half
        axes = torch.stack((along, torch.stack((-along[:, 1], along[:, 0]), dim=-1)), dim=1)
        lips = on_axes((marks[:, 2:8] - centre[:, None]) / half[:, None], axes[:, None])  # [B, 6, 2]
        x, y = lips.clamp(-LARGEST, LARGEST).view(-1, 2, 3, 2).unbind(-1)  # [B, 2, 3]
        x = F.pad(F.pad(x.clamp(-_MIDDLE, _MIDDLE), (1, 0), value=-1.0), (0, 1), value=1.0)
        steps = torch.arange(5, device=x.device) * _APART
        x = (x - steps).cummax(-1).values + steps
        return cls(centre, axes, half, x, F.pad(y, (1, 1)))

    def lips(self, x: Tensor) -> Tensor:
        """Return how far down upper and lower lip are at places along the mouth: `[B, H, W]` to `[B, 2, H, W]`."""
        before, after = self.along[..., :-1, None, None], self.along[..., 1:, None, None]  # [B, 2, 4, 1, 1]
        gone = ((x[:, None, None] - before) / (after - before)).clamp(0, 1)  # [B, 2, 4, H, W]
        return (gone * self.down.diff(dim=-1)[..., None, None]).sum(2)

    def points(self, along: Tensor, down: Tensor) -> Tensor:
        """Return the places so far along the mouth and below its line, `[B, h, w]` each: `[B, h, w, 2]` in [-1, 1]."""
        axes = self.axes[:, None, None]  # [B, 1, 1, 2, 2]
        offset = along[..., None] * axes[..., 0, :] + down[..., None] * axes[..., 1, :]
        return self.centre[:, None, None] + self.half[:, None, None] * offset

    def around(self, grid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return for places `[h, w, 2]` how far they are below the upper lip, above the lower one, and along the mouth.

        Each `[B, h, w]`, in half widths of the mouth.
        """
        offset = (grid - self.centre[:, None, None]) / self.half[:, None, None]  # [B, h, w, 2]
        x, y = on_axes(offset, self.axes[:, None, None]).unbind(-1)  # [B, h, w]
        curve = self.lips(x)  # [B, 2, h, w]
        return y - curve[:, 0], curve[:, 1] - y, x

    def opening(self) -> Tensor:
        """Return how far the lips are apart amid the mouth, `[B]`."""
        return (self.down[:, 1, 2] - self.down[:, 0, 2]).clamp(0, LARGEST)


def marks_of(keypoints: Keypoints) -> Tensor:
    """Return the keypoints at `LANDMARKS`, float32 `[B, 11, 2]` without gradient."""
    return keypoints.value.detach().float()[:, _PLACES]


@dataclass(frozen=True)
class Opening:
    """The part of a picture that holds mouths, and where its pixels lie between the lips.

    Attributes:
        marks: the keypoints at `LANDMARKS`, `[B, 11, 2]`.
        side: rows and columns of the picture.
        mouth: the mouths' own axes and lips.
        place: rows and columns of the part.
        grid: its pixels, `[h, w, 2]` in [-1, 1].
        below: how far below the upper lip they are, in half widths of the mouth, `[B, h, w]`; likewise
        above: above the lower lip, and
        along: along the mouth from its middle.
    """

    marks: Tensor
    side: int
    mouth: Mouth
    place: tuple[slice, slice]
    grid: Tensor
    below: Tensor
    above: Tensor
    along: Tensor

    @classmethod
    def of(cls, marks: Tensor, side: int) -> Opening:
        """Measure pictures of `side` pixels whose marks are `[B, 11, 2]`."""
        mouth, place = Mouth.of(marks), box(marks, side)
        grid = coordinate_grid(side, side, marks, corners=False)[place]
        return cls(marks, side, mouth, place, grid, *mouth.around(grid))

    @cached_property
    def skull(self) -> SkullAxes:
        """The axes of the skulls."""
        return SkullAxes.of(self.marks)

    def pixels(self, lengths: Tensor) -> Tensor:
        """Return lengths `[B, h, w]` in pixels of the picture, given in half widths of the mouth."""
        return lengths * self.mouth.half[..., None] * (self.side / 2)

    def drawn(self, planes: Tensor) -> Tensor:
        """Return planes of the part, `[B, C, h, w]`, in the whole picture, `[B, C, side, side]`, 0 elsewhere."""
        whole = planes.new_zeros(*planes.shape[:2], self.side, self.side)
        whole[:, :, self.place[0], self.place[1]] = planes
        return whole


def box(marks: Tensor, side: int) -> tuple[slice, slice]:
    """Return rows and columns that hold the mouths of marks `[B, 11, 2]`: drawing all others would take longer."""
    lips = marks[:, :8]
    reach = _REACH * (lips[:, 1] - lips[:, 0]).norm(dim=-1)[:, None]
    low, high = (lips.amin(1) - reach).amin(0), (lips.amax(1) + reach).amax(0)
    cells = ((torch.stack((low, high)) + 1) * (side / 2)).nan_to_num().clamp(0, side).int().tolist()
    (left, top), (right, bottom) = cells
    return slice(top, bottom + 1), slice(left, right + 1)
