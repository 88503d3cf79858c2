"""The eyes as keypoints describe them: eye shapes between two parabolas through corners and lids.

An open eye is two or three cells of the flow field high, too few for a network to tell lid, iris and skin apart; its
keypoints tell all there is to know. What they say is measured here, for `fomm.parts.irises`, `fomm.parts.lids`,
`fomm.parts.eyeballs` and `fomm.parts.lashes`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.geometry.grids import cells_between, on_axes
from fomm.geometry.landmarks import EYES, REGIONS

_MOUTH = REGIONS["mouth"][:2]  # its corners: the side of the eyes that is down
_FLATTEST = 0.5  # of 1 - x^2 where a lid's keypoint lies, if that is near a corner by mistake


@dataclass(frozen=True)
class EyeShapes:
    """Both eyes of B faces, in half widths of each eye from its centre.

    Attributes:
        lids: keypoints of upper and lower lid, `[B, 2 eyes, 2, 2]` in [-1, 1].
        centre: between the corners, `[B, 2 eyes, 2]` in [-1, 1].
        half: half the width, `[B, 2 eyes, 1]` in [-1, 1] units.
        axes: unit vectors along the eye and down, toward the mouth, `[B, 2 eyes, 2, 2]`.
        bulge: how far below the line between the corners the upper and the lower lid are where x is 0; a lid is
            `bulge (1 - x^2)`, `[B, 2 eyes, 2]`.
    """

    lids: Tensor
    centre: Tensor
    half: Tensor
    axes: Tensor
    bulge: Tensor

    @classmethod
    def of(cls, value: Tensor) -> EyeShapes:
        """Measure the eyes of keypoints `[B, K, 2]`."""
        corners = value[:, [eye[:2] for eye in EYES]]  # [B, 2 eyes, 2 corners, 2]
        lids = value[:, [eye[2:] for eye in EYES]]  # [B, 2 eyes, upper and lower, 2]
        centre = corners.mean(2)
        along = (corners[:, :, 1] - corners[:, :, 0]) / 2
        half = along.square().sum(-1, keepdim=True).add(1e-8).sqrt()  # [B, 2 eyes, 1]
        along = along / half
        down = torch.stack((-along[..., 1], along[..., 0]), dim=-1)
        to_mouth = value[:, _MOUTH].mean(1)[:, None] - centre
        down = torch.where((to_mouth * down).sum(-1, keepdim=True) < 0, -down, down)
        axes = torch.stack((along, down), dim=2)  # [B, 2 eyes, 2 axes, 2]
        lid_x, lid_y = on_axes((lids - centre[:, :, None]) / half[..., None], axes[:, :, None]).unbind(-1)
        return cls(lids, centre, half, axes, lid_y / (1 - lid_x.square()).clamp_min(_FLATTEST))

    @property
    def opening(self) -> Tensor:
        """How far the lids are apart, `[B, 2 eyes]`, in half widths; below 0 they overlap."""
        return self.bulge[..., 1] - self.bulge[..., 0]

    def box(self, side: int, reach: float = 2.0) -> tuple[slice, slice]:
        """Return rows and columns of a grid of `side` that hold all eyes, `reach` half widths around their middles."""
        around = reach * self.half
        return cells_between((self.centre - around).amin((0, 1)), (self.centre + around).amax((0, 1)), side)

    def places(self, grid: Tensor) -> tuple[Tensor, Tensor]:
        """Return where along and below each eye's line places are, `[B, 2 eyes, h, w]` each.

        Args:
            grid: `[h, w, 2]`, or `[B, 1, h, w, 2]` where every face has its own, in [-1, 1].
        """
        offset = (grid - self.centre[:, :, None, None]) / self.half[..., None, None]  # [B, 2 eyes, h, w, 2]
        along, below = on_axes(offset, self.axes[:, :, None, None]).unbind(-1)
        return along, below

    def points(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the places that `places` measures so, `[B, 2 eyes, h, w, 2]` in [-1, 1]."""
        along, down = (self.axes * self.half[..., None])[:, :, None, None].unbind(4)  # [B, 2 eyes, 1, 1, 2] each
        return x[..., None] * along + y[..., None] * down + self.centre[:, :, None, None]

    def lid_lines(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return how far below the eye's line upper and lower lid are at places along it, `[B, 2 eyes, h, w]` each."""
        room = (1 - x.square()).clamp_min(0)
        upper, lower = (self.bulge[..., None, None] * room[:, :, None]).unbind(2)
        return upper, lower

    def inside(self, x: Tensor, y: Tensor) -> Tensor:
        """Return how far places are from the nearer lid, `[B, 2 eyes, h, w]`; below 0 they are not between the lids."""
        upper, lower = self.lid_lines(x)
        return torch.minimum(y - upper, lower - y)

    def seen(self, picture: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Return colours `[B, 3, 2 eyes, h, w]` of pictures `[B, 3, H, W]` at places along and below the eyes."""
        places = self.points(x, y).flatten(1, 2)
        seen = F.grid_sample(picture.float(), places, padding_mode="border", align_corners=False)
        return seen.view(*seen.shape[:2], *x.shape[1:])
