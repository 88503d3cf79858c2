"""Dense backward motion, and the person of a frame as a layer of their own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.geometry.grids import coordinate_grid

_TOUCHING = 0.1  # share of the person from which a cell moves with them


@dataclass(frozen=True)
class PersonLayer:
    """The person of a frame.

    Attributes:
        displacement: backward, everywhere as if the person were there, `[B, 2, h, w]` in [-1, 1] units.
        alpha: their share of each pixel, at the source's resolution, `[B, 1, H, W]` in [0, 1].
        shown: where the source shows them, `[B, 1, S, S]` in [0, 1]; see `fomm.parts.visibility`.
        wall: where it shows the background that rests, likewise.
    """

    displacement: Tensor
    alpha: Tensor
    shown: Tensor | None = None
    wall: Tensor | None = None

    def told(self, shown: Tensor, wall: Tensor) -> PersonLayer:
        """Return the same with what the source shows."""
        return replace(self, shown=shown, wall=wall)

    def moved(self, displacement: Tensor) -> PersonLayer:
        """Return the same with details of the displacement changed inside the silhouette."""
        return replace(self, displacement=displacement)

    def flow_of_both(self) -> Tensor:
        """Return the displacement of whichever layer is in front in each cell, `[B, 2, h, w]`."""
        height, width = self.displacement.shape[2:]
        return self.displacement * (F.adaptive_avg_pool2d(self.alpha, (height, width)) > 1 / 2)

    def over(self, person: Tensor, background: Tensor) -> Tensor:
        """Return the two layers' planes `[B, C, H, W]` of any size as one, of their type."""
        alpha = F.adaptive_avg_pool2d(self.alpha, (person.shape[2], person.shape[3])).to(person.dtype)
        return torch.lerp(background, person, alpha)

    def told_of_cells(self, side: int) -> tuple[Tensor, Tensor]:
        """Return displacement `[B, 2, side, side]` and alpha `[B, 1, side, side]` of larger cells.

        Cells that the person only touches move with them; others rest.
        """
        alpha = F.adaptive_avg_pool2d(self.alpha, side)
        return F.adaptive_avg_pool2d(self.displacement, side) * (alpha > _TOUCHING), alpha


@dataclass(frozen=True)
class Motion:
    """Dense backward motion: for every driving pixel, where in the source its content lies.

    Attributes:
        flow: source coordinates `[B, H, W, 2]`, x then y in [-1, 1].
        occlusion: how much of the warped source to trust, `[B, 1, h, w]` in [0, 1], or None; where a network makes the
            flow finer than its field, this and what follows have the field's sides.
        corners: whether `flow` was built on a corner grid (see the module docstring).
        features: optional `[B, C, h, w]` description of the motion for a generator that reads it.
        shown: where the source shows what belongs here, `[B, 1, h, w]` in [0, 1], by geometry alone (see
            `fomm.parts.visibility.shown_in_source`), or None.
        mouth: what `fomm.parts.mouth.mouth_map` draws of the frame to make, `[B, 6, H, W]`, or None.
        drawn: a drawing (`fomm.parts.stage`) `[B, 4, H, W]` of teeth, tongue, eyeballs and lashes, or None.
        own: where teeth are the source's own, and where the inside of the mouth is that lips hid in the source, as
            `fomm.parts.own_teeth.hold_teeth` tells, `[B, 2, H, W]` in [0, 1], or None.
        person: share of the person in the source pixels that are read, `[B, 1, h, w]` in [0, 1], or None.
        front: share of what moves before the background, `[B, 1, H, W]` in [0, 1], or None.
        layer: the person as a layer of their own (`fomm.parts.person`), or None; `flow` is then that of whichever
            layer is in front.
    """

    flow: Tensor
    occlusion: Tensor | None = None
    corners: bool = False
    features: Tensor | None = None
    shown: Tensor | None = None
    mouth: Tensor | None = None
    drawn: Tensor | None = None
    own: Tensor | None = None
    person: Tensor | None = None
    front: Tensor | None = None
    layer: PersonLayer | None = None

    def displacement(self) -> Tensor:
        """Return flow minus its own identity, `[B, H, W, 2]`: the same for both grid conventions."""
        height, width = self.flow.shape[1:3]
        return self.flow - coordinate_grid(height, width, self.flow, corners=self.corners)

    def flow_on(self, side: int) -> Tensor:
        """Return the flow averaged over the cells of a coarser edge grid, `[B, side, side, 2]`.

        A loss needs the mean: every fine value counts, where `resize_flow` only samples.
        """
        planes = F.adaptive_avg_pool2d(self.displacement().permute(0, 3, 1, 2), side).permute(0, 2, 3, 1)
        return planes + coordinate_grid(side, side, planes, corners=False)
