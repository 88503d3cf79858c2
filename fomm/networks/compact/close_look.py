"""A second look at mouth and eyes, from near.

The detector sees the whole person, and its heatmaps have cells of four pixels; lips and lids travel less than that, and
a keypoint that is a pixel off opens a mouth that is shut. So small networks find the keypoints that move most again in
three windows laid by the first look: the mouth, and both eyes, the right one mirrored so that one network serves for
both. The windows go with the face's place, size and tilt. Jacobians stay those of the first look.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fomm.geometry.grids import coordinate_grid, on_axes
from fomm.geometry.heatmaps import expected_position, normalised_heatmaps
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import EYES, MIRROR, REGIONS
from fomm.networks.compact.blocks import CompactHourglass, blocks_of

MOUTH = REGIONS["mouth"]
"""Keypoints of the mouth."""

EYE = tuple((*eye, iris) for eye, iris in zip(EYES, REGIONS["irises"], strict=True))
"""Keypoints of either eye: outer and inner corner, upper and lower lid, iris."""

MOUTH_SIDE, EYE_SIDE = 64, 48
"""Pixels along the windows' sides."""

_MOUTH_HALF, _EYE_HALF = 1.0, 0.54  # half a window's side in face sizes, see `Windows.of`
_SWAPPED = [MOUTH.index(MIRROR[place]) for place in MOUTH]
_DETAIL = 2  # pixels read per cell of a heatmap, along either side
_MAX_WIDTH, _LEVELS, _TEMPERATURE = 96, 3, 0.1


@dataclass(frozen=True)
class Windows:
    """Turned squares of pictures, all of one kind.

    Attributes:
        centre: `[N, 2]`, x then y in [-1, 1] (edge grid).
        axes: from the centre to the right and to the lower edge, as columns, `[N, 2, 2]`.
    """

    centre: Tensor
    axes: Tensor

    @classmethod
    def of(cls, value: Tensor) -> tuple[Windows, Windows]:
        """Return the windows of the mouths, `B` of them, and of the left and then the right eyes, `2 B`.

        Args:
            value: tied keypoints `[B, 42, 2]`; irises may be NaN. The size of a face is the root mean square distance
                of the others from their centre, its tilt that of the line through the eyes.
        """
        skin = value[:, : REGIONS["irises"][0]]
        size = (skin - skin.mean(1, keepdim=True)).square().sum(-1).mean(1).sqrt().clamp_min(1e-3)  # [B]
        left, right = (value[:, eye[:2]].mean(1) for eye in EYE)
        along = right - left
        along = along / along.norm(dim=1, keepdim=True).clamp_min(1e-4)
        down = torch.stack((-along[:, 1], along[:, 0]), dim=1)
        axes = torch.stack((along, down), dim=-1) * size[:, None, None]  # [B, 2, 2]
        eyes = torch.cat([value[:, eye[:4]].mean(1) for eye in EYE])  # [2 B, 2]
        turned = Windows(eyes, torch.cat((axes, axes * axes.new_tensor((-1.0, 1.0)))) * _EYE_HALF)
        return Windows(value[:, MOUTH].mean(1), axes * _MOUTH_HALF), turned

    def cut(self, image: Tensor, side: int) -> Tensor:
        """Return what the windows show of images `[B, 3, H, W]`, `[N, 3, side, side]`; N is a multiple of B."""
        grid = coordinate_grid(side, side, image, corners=False)
        where = on_axes(grid, self.axes[:, None, None]) + self.centre[:, None, None]  # [N, side, side, 2]
        images, times = len(image), len(where) // len(image)
        rows = where.view(times, images, side, side, 2).transpose(0, 1).flatten(1, 2)  # [B, times * side, side, 2]
        shown = F.grid_sample(image, rows, padding_mode="border", align_corners=False)
        cut: Tensor = shown.view(images, 3, times, side, side).permute(2, 0, 1, 3, 4).flatten(0, 1)
        return cut

    def outside(self, points: Tensor) -> Tensor:
        """Return where points of the windows, `[N, K, 2]` in [-1, 1] of them, are in the pictures."""
        return on_axes(points, self.axes[:, None]) + self.centre[:, None]

    def mirrored(self, which: Tensor) -> Windows:
        """Return the windows with those mirrored that `which` is true for, bool `[N]`."""
        sign = torch.where(which, -1.0, 1.0)[:, None]
        return Windows(self.centre, torch.stack((self.axes[..., 0] * sign, self.axes[..., 1]), dim=-1))


class WindowLook(nn.Module):
    """Find K points in windows.

    Args:
        points: K.
        width: channels at the heatmaps' resolution, half the windows'.
    """

    def __init__(self, points: int, width: int) -> None:
        super().__init__()
        self.hourglass = CompactHourglass(3 * _DETAIL**2, width, _MAX_WIDTH, _LEVELS)
        self.heatmap = nn.Conv2d(width, points, 3, padding=1)

    def forward(self, shown: Tensor) -> Tensor:
        """Return float32 `[N, K, 2]` in [-1, 1] for windows `[N, 3, S, S]` in [0, 1]."""
        logits = self.heatmap(self.hourglass(blocks_of(shown, _DETAIL)))  # [N, K, S / 2, S / 2]
        return expected_position(normalised_heatmaps(logits, _TEMPERATURE), corners=False)


class CloseLook(nn.Module):
    """Find mouth, lids and irises again.

    Args:
        width: channels of both networks at the heatmaps' resolution.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mouth = WindowLook(len(MOUTH), width)
        self.eye = WindowLook(len(EYE[0]), width)

    def forward(self, image: Tensor, found: Keypoints, *, twice: bool) -> Keypoints:
        """Return keypoints `[B, K, 2]` with those of mouth and eyes where they are seen from near.

        Args:
            image: `[B, 3, H, W]` in [0, 1].
            found: what the first look found in it.
            twice: whether to look at the mouth mirrored, too, and take the mean.
        """
        tied = found.value[:, : max(map(max, EYE)) + 1]
        mouths, eyes = Windows.of(tied)
        shown = mouths.cut(image, MOUTH_SIDE)
        places = self.mouth(torch.cat((shown, shown.flip(-1))) if twice else shown)
        if twice:
            straight, flipped = places.chunk(2)
            places = (straight + flipped[:, _SWAPPED] * flipped.new_tensor((-1.0, 1.0))) / 2
        value = found.value.clone()
        value[:, MOUTH] = mouths.outside(places)
        for eye, seen in zip(EYE, eyes.outside(self.eye(eyes.cut(image, EYE_SIDE))).chunk(2), strict=True):
            value[:, eye] = seen
        return Keypoints(value, found.jacobian)


def mirrored_mouth(places: Tensor, which: Tensor) -> Tensor:
    """Return a mouth's points `[N, 14, 2]` in the order they have in a mirrored picture, where `which` is true."""
    return torch.where(which[:, None, None], places[:, _SWAPPED], places)
