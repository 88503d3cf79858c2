"""Dense motion network of the compact model: which of the keypoints' motions a place follows, and by how much it errs.

What differs from the paper's network, and why:

- It starts from a prior, a softmax over squared distances to the keypoints, and the network corrects its
  logits. One warp by that prior replaces the paper's K + 1 warps of the source as evidence.
- The correction of the combined flow may be finer than the field (`flow_detail`): an eyelid is lower than a cell.
- Beside the keypoints' own motions there are carried ones, see `fomm.networks.compact.local_motions`.

What it tells becomes a flow in `fomm.model.compact_motion`. All grids are edge grids (see `fomm.geometry.grids`), so a
field means the same at every resolution.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fomm.config.training.compact import CompactSettings
from fomm.geometry.grids import coordinate_grid
from fomm.geometry.heatmaps import gaussian_heatmap
from fomm.geometry.keypoints import Keypoints
from fomm.networks.compact.blocks import CompactHourglass
from fomm.networks.compact.local_motions import CarriedMotions, blend_motions, local_motions
from fomm.networks.paper.blocks import convolve_together


@dataclass(frozen=True)
class ToldMotion:
    """What the network tells of a batch of frames; S is the field's side, D the detail, M the carried motions.

    Attributes:
        motions: affine motions, `[B, K + 1 + M, 6]`, the background's first.
        logits: which of them a cell follows, `[B, K + 1 + M, S, S]`.
        correction: of the combined displacement, `[B, 2, S D, S D]` in [-1, 1] units.
        occlusion: how much of the warped source to trust, `[B, 1, S, S]` in [0, 1].
        features: for the generator, `[B, C, S, S]`.
    """

    motions: Tensor
    logits: Tensor
    correction: Tensor
    occlusion: Tensor
    features: Tensor


class CompactDenseMotion(nn.Module):
    """Tell which local motions the places of a frame follow.

    Args:
        settings: sizes of the networks.
    """

    def __init__(self, settings: CompactSettings) -> None:
        super().__init__()
        k, carried, width = settings.num_keypoints, settings.carried_motions, settings.motion_width
        self.side, self.variance = settings.motion_side, settings.heatmap_variance
        self.residual_limit, self.detail = settings.flow_residual, settings.flow_detail
        self.matte = settings.matte_width > 0
        self.hourglass = CompactHourglass(k + 2 + 12 + self.matte, width, settings.max_width, settings.levels)
        self.carried = CarriedMotions(k, carried) if carried else None
        self.mask = nn.Conv2d(width, k + 1 + carried, 3, padding=1)
        self.occlusion = nn.Conv2d(width, 1, 3, padding=1)
        self.residual = nn.Conv2d(width, 2 * self.detail**2, 3, padding=1)
        self.log_reach = nn.Parameter(torch.full((k,), -2.0))
        self.background = nn.Parameter(torch.tensor(-4.0))
        for head in (self.mask, self.residual):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)  # type: ignore[arg-type]
        nn.init.constant_(self.occlusion.bias, 2.0)  # type: ignore[arg-type]

    def forward(self, blocks: Tensor, driving: Keypoints, source: Keypoints, matte: Tensor | None = None) -> ToldMotion:
        """Return what is told of the way from driving pixels to source coordinates.

        Args:
            blocks: the source as `to_blocks` gives it, `[B, 12, S, S]`.
            driving: keypoints of the frame to make.
            source: keypoints of the source.
            matte: where the person is in it, `[B, 1, S, S]` in [0, 1], if it is told.

        Raises:
            ValueError: there is no matte where one is needed, or one that is not wanted.
        """
        if (matte is not None) != self.matte:
            raise ValueError("A model with a matte has to be told where the person is, and no other model may be.")
        side = self.side
        motions = local_motions(driving, source)  # [B, K + 1, 6]
        if self.carried is not None:
            motions = torch.cat((motions, self.carried(driving, source)), dim=1)  # [B, K + 1 + M, 6]
        prior = self._prior_logits(driving.value)  # [B, K + 1 + M, S, S]
        coarse = blend_motions(motions, prior)  # [B, S, S, 2]
        known = blocks.float() if matte is None else torch.cat((blocks.float(), matte), dim=1)
        moved = F.grid_sample(known, coarse, padding_mode="border", align_corners=False)
        heatmaps = gaussian_heatmap(driving.value, side, side, variance=self.variance, corners=False)
        heatmaps = heatmaps - gaussian_heatmap(source.value, side, side, variance=self.variance, corners=False)
        shift = coarse - coordinate_grid(side, side, coarse, corners=False)
        evidence = torch.cat((heatmaps, shift.permute(0, 3, 1, 2), moved), dim=1)  # [B, K + 14 or 15, S, S]
        features = self.hourglass(evidence)  # [B, C, S, S]
        mask, occlusion, residual = convolve_together(features, (self.mask, self.occlusion, self.residual))
        correction = F.pixel_shuffle(torch.tanh(residual.float()) * self.residual_limit, self.detail)
        occlusion = torch.sigmoid(occlusion.float())  # [B, 1, S, S]
        return ToldMotion(motions, prior + mask.float(), correction, occlusion, features)

    def _prior_logits(self, value: Tensor) -> Tensor:
        """Return log-weights of background, keypoints (by distance) and carried motions: `[B, K + 1 + M, S, S]`."""
        grid = coordinate_grid(self.side, self.side, value, corners=False)
        precision = 0.5 * torch.exp(-2.0 * self.log_reach)[:, None]  # [K, 1]
        along_x = (grid[0, :, 0] - value[..., 0:1]).square() * precision  # [B, K, S]
        along_y = (grid[:, 0, 1] - value[..., 1:2]).square() * precision  # [B, K, S]
        keypoints = -(along_y.unsqueeze(-1) + along_x.unsqueeze(-2))  # [B, K, S, S]
        background = self.background.expand(len(value), 1, self.side, self.side)
        logits = torch.cat((background, keypoints), dim=1)
        if self.carried is None:
            return logits
        anywhere = self.carried.logit[:, None, None].expand(len(value), -1, self.side, self.side)
        return torch.cat((logits, anywhere), dim=1)
