"""Keypoint detector of the compact model.

What differs from the paper's network, and why:

- Keypoints come in two kinds. Most are tied to face landmarks by training (lips, lids, brows, nose, outline), the
  rest are free to find hair and shoulders. Tied points make mouths and eyelids follow.
- The detector reads blocks of pixels as channels (`detector_detail`), so lips and lids are seen at a multiple of the
  heatmap's resolution for the price of a wider first convolution.
- A keypoint's Jacobian is a linear map of the features averaged under its heatmap. That equals a 1x1 Jacobian map
  averaged under the heatmap (the paper's form), because both steps are linear, at a thousandth of the cost.
- Mouth and eyes are looked at again from near (`fomm.networks.compact.close_look`).

All grids are edge grids (see `fomm.geometry.grids`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fomm.geometry.heatmaps import expected_position, normalised_heatmaps
from fomm.geometry.keypoints import Keypoints
from fomm.networks.compact.blocks import CompactHourglass, blocks_of
from fomm.networks.compact.close_look import CloseLook


class CompactKeypointDetector(nn.Module):
    """Find K keypoints with Jacobians in an image.

    Args:
        num_keypoints: K, tied and free ones together.
        width: channels at the heatmap's resolution.
        max_width: most channels at any resolution.
        levels: halvings inside the hourglass.
        side: side of the heatmaps.
        temperature: softmax temperature of the heatmaps.
        detail: D, pixels read per heatmap cell along either side; the image is averaged down to D times `side`.
        close: channels of the networks that look at mouth and eyes again, see `CloseLook`; 0 for none.
    """

    def __init__(
        self,
        num_keypoints: int,
        width: int,
        max_width: int,
        levels: int,
        side: int,
        temperature: float,
        detail: int,
        close: int,
    ) -> None:
        super().__init__()
        self.side, self.temperature, self.detail = side, temperature, detail
        self.hourglass = CompactHourglass(3 * detail**2, width, max_width, levels)
        self.heatmap = nn.Conv2d(width, num_keypoints, 3, padding=1)
        self.jacobian = nn.Parameter(torch.zeros(num_keypoints, width, 4))
        self.jacobian_bias = nn.Parameter(torch.tensor([1.0, 0.0, 0.0, 1.0]).repeat(num_keypoints, 1))
        self.close: CloseLook | None = CloseLook(close) if close else None

    def forward(self, image: Tensor) -> Keypoints:
        """Return keypoints in float32 for images `[B, 3, H, W]` in [0, 1]: the first look."""
        features = self.hourglass(to_blocks(image, self.side, self.detail))  # [B, C, S, S]
        weights = normalised_heatmaps(self.heatmap(features), self.temperature)  # [B, K, S, S]
        value = expected_position(weights, corners=False)  # [B, K, 2]
        pooled = weights.flatten(2).to(features.dtype) @ features.flatten(2).transpose(1, 2)  # [B, K, C]
        jacobian = torch.einsum("bkc,kcj->bkj", pooled.float(), self.jacobian) + self.jacobian_bias
        return Keypoints(value, jacobian.view(*value.shape, 2))  # [B, K, 2, 2]

    def look_closer(self, image: Tensor, found: Keypoints, *, twice: bool) -> Keypoints:
        """Return keypoints that a first look found in images `[B, 3, H, W]`, mouth and eyes seen from near if it can.

        Args:
            image: the same images, in [0, 1].
            found: from the first look.
            twice: see `CloseLook`.
        """
        if self.close is None:
            return found
        closer: Keypoints = self.close(averaged_down(image, self.detail * self.side), found, twice=twice)
        return closer


def to_blocks(image: Tensor, side: int, detail: int = 2) -> Tensor:
    """Resize an image to `D side` and fold D x D pixels into channels: `[B, 3, H, W]` to `[B, 3 D D, side, side]`."""
    return blocks_of(averaged_down(image, detail * side), detail)


def averaged_down(image: Tensor, side: int) -> Tensor:
    """Return an image `[B, C, H, W]` at `side` pixels along either side, each the mean of those it covers."""
    factor = image.shape[-1] // side
    if image.shape[2:] != (side * factor, side * factor):
        return F.interpolate(image, size=(side, side), mode="area")
    return F.avg_pool2d(image, factor) if factor > 1 else image
