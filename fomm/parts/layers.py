"""Drawings: what keypoints tell of a frame better than a flow can, as colours and how far they cover the rest.

A drawing is `[B, 4, H, W]` in [0, 1], the share of a pixel that it covers and its colour there.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fomm.geometry.keypoints import Keypoints
from fomm.geometry.mouth_shape import Opening, marks_of
from fomm.parts.eyeballs import Glance
from fomm.parts.lashes import lash_map
from fomm.parts.own_teeth import hold_teeth
from fomm.parts.teeth import teeth_map
from fomm.parts.tongue import tongue_map
from fomm.source.mouth import SourceMouth


@dataclass(frozen=True)
class Drawn:
    """What is drawn of a frame.

    Attributes:
        displacement: backward, with what goes as it is, `[B, 2, h, w]`.
        drawing: all drawings as one, `[B, 4, side, side]`, or None.
        own: what goes as it is and the source shows, and what of its own open mouth it hides, `[B, 2, side, side]` in
            [0, 1], or None; see `fomm.parts.eyeballs` and `fomm.parts.own_teeth`.
    """

    displacement: Tensor
    drawing: Tensor | None = None
    own: Tensor | None = None

    def eyes(self, driving: Keypoints, source: Keypoints, picture: Tensor, side: int) -> Drawn:
        """Return the same with eyes that glance aside or shut.

        Args:
            driving: keypoints of the frame to make, `B` of them.
            source: keypoints of the source, `B` of them.
            picture: the source, `[B, 3, H, W]` in [0, 1].
            side: rows and columns of drawings.
        """
        glance = Glance.of(driving, source, picture)
        if glance is None:
            lashes = lash_map(self.displacement, driving, source, picture, side)
            return Drawn(self.displacement, over(lashes, self.drawing), self.own)
        displacement = glance.hold(self.displacement)
        balls, irises = glance.draw(displacement, source, picture, side)
        lashes = lash_map(displacement, driving, source, picture, side)
        if lashes is not None:
            irises = irises * (1 - lashes[:, :1])
        return Drawn(
            displacement, over(lashes, over(balls, self.drawing)), _told(self.own, irises, torch.zeros_like(irises))
        )

    def mouth(self, driving: Keypoints, source: Keypoints, picture: Tensor, side: int) -> Drawn:
        """Return the same with what is between the lips; see `eyes` for arguments."""
        here, before = Opening.of(marks_of(driving), side), SourceMouth.of(source, picture)
        held = hold_teeth(self.displacement, here, before)
        drawing = over(tongue_map(here, before, held.hidden), self.drawing)
        drawing = over(teeth_map(here, driving, before), drawing)
        return Drawn(held.displacement, drawing, _told(self.own, held.shown, held.hidden))


def over(front: Tensor | None, back: Tensor | None) -> Tensor | None:
    """Return two drawings as one, the first before the second; None is a drawing of nothing."""
    if front is None or back is None:
        return back if front is None else front
    share, rest = front[:, :1], (1 - front[:, :1]) * back[:, :1]
    cover = share + rest  # [B, 1, H, W]
    colour = (share * front[:, 1:] + rest * back[:, 1:]) / cover.clamp_min(1e-6)
    return torch.cat((cover, colour), dim=1)


def _told(own: Tensor | None, shown: Tensor, hidden: Tensor) -> Tensor:
    """Return `Drawn.own` with what else is shown and hidden."""
    more = torch.cat((shown, hidden), dim=1)
    return more if own is None else torch.maximum(own, more)
