"""Drawings: what keypoints tell of a frame better than a flow can, as colours and how far they cover the rest.

A drawing is `[B, 4, H, W]` in [0, 1], the share of a pixel that it covers and its colour there.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fomm.nn.eyeballs import Glance
from fomm.nn.geometry import Keypoints
from fomm.nn.lashes import lash_map
from fomm.nn.mouth import Opening, marks_of
from fomm.nn.own_teeth import hold_teeth
from fomm.nn.source_mouth import SourceMouth
from fomm.nn.teeth import teeth_map
from fomm.nn.tongue import tongue_map


@dataclass(frozen=True)
class Drawn:
    """What is drawn of a frame.

    Attributes:
        displacement: backward, with what goes as it is, `[B, 2, h, w]`.
        drawing: all drawings as one, `[B, 4, side, side]`, or None.
        own: what is shown and what is hidden of the source's own open mouth, `[B, 2, side, side]`, or None; see
            `fomm.nn.own_teeth`.
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
        displacement, drawing = self.displacement, self.drawing
        glance = Glance.of(driving, source)
        if glance is not None:
            displacement = glance.hold(displacement)
            drawing = over(glance.draw(displacement, source, picture, side), drawing)
        drawing = over(lash_map(displacement, driving, source, picture, side), drawing)
        return Drawn(displacement, drawing, self.own)

    def mouth(self, driving: Keypoints, source: Keypoints, picture: Tensor, side: int) -> Drawn:
        """Return the same with what is between the lips; see `eyes` for arguments."""
        here, before = Opening.of(marks_of(driving), side), SourceMouth.of(source, picture)
        held = hold_teeth(self.displacement, here, before)
        drawing = over(tongue_map(here, before, held.hidden), self.drawing)
        drawing = over(teeth_map(here, driving, before), drawing)
        return Drawn(held.displacement, drawing, torch.cat((held.shown, held.hidden), dim=1))


def over(front: Tensor | None, back: Tensor | None) -> Tensor | None:
    """Return two drawings as one, the first before the second; None is a drawing of nothing."""
    if front is None or back is None:
        return back if front is None else front
    share, rest = front[:, :1], (1 - front[:, :1]) * back[:, :1]
    cover = share + rest  # [B, 1, H, W]
    colour = (share * front[:, 1:] + rest * back[:, 1:]) / cover.clamp_min(1e-6)
    return torch.cat((cover, colour), dim=1)
