"""The paper's dense motion network: blend the keypoints' affine motions into one backward flow and an occlusion map.

Siarohin et al. 2019, section 3.2, equations 4 to 7. All grids are corner grids (see `fomm.geometry.grids`) and warps
sample with align_corners False, as the published checkpoints were trained.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fomm.config.training.paper import CommonParams, DenseMotionParams
from fomm.geometry.affine import sparse_motions
from fomm.geometry.heatmaps import full_precision, gaussian_heatmap
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.motion import Motion
from fomm.networks.paper.blocks import AntiAliasDownsample, Hourglass, convolve_together


class DenseMotionNetwork(nn.Module):
    """Predict, for every driving pixel, which of the K + 1 motions moves it and whether the source shows it.

    State-dict keys: `hourglass...`, `mask`, `occlusion` (if estimated) and `down.weight` (if downscaled).
    """

    def __init__(self, common: CommonParams, params: DenseMotionParams, *, estimate_occlusion_map: bool) -> None:
        super().__init__()
        slots = common.num_kp + 1
        self.hourglass = Hourglass(
            params.block_expansion, slots * (common.num_channels + 1), params.num_blocks, params.max_features
        )
        self.mask = nn.Conv2d(self.hourglass.out_features, slots, 7, padding=3)
        self.occlusion = nn.Conv2d(self.hourglass.out_features, 1, 7, padding=3) if estimate_occlusion_map else None
        self.kp_variance = params.kp_variance
        self.down: nn.Module = nn.Identity()
        if params.scale_factor != 1:
            self.down = AntiAliasDownsample(common.num_channels, params.scale_factor)

    def shrink(self, image: Tensor) -> Tensor:
        """Return the image at the resolution this network works at; depends on the source only, so do it once."""
        small: Tensor = self.down(image.to(self.mask.weight.dtype))
        return small

    def forward(self, small: Tensor, driving: Keypoints, source: Keypoints) -> Motion:
        """Return the motion from each driving frame to the source.

        Args:
            small: the source `[B, 3, h, w]` as `shrink` returns it.
            driving: keypoints of the frames to make, `[B, K, 2]`.
            source: keypoints of the source, `[B, K, 2]`.

        Returns:
            Motion with flow `[B, h, w, 2]` and occlusion `[B, 1, h, w]` (None if not estimated), on a corner grid.
        """
        height, width = small.shape[2:]
        motions = sparse_motions(driving, source, height, width, corners=True)  # [B, K + 1, h, w, 2]
        stacked = self._describe(small, motions, driving, source)  # [B, 4 (K + 1), h, w]
        features = self.hourglass(stacked.to(self.mask.weight.dtype))
        heads = [self.mask] if self.occlusion is None else [self.mask, self.occlusion]
        mask, *rest = convolve_together(features, heads)
        share = full_precision(mask).softmax(1)  # [B, K + 1, h, w]
        flow = (share.unsqueeze(-1) * motions).sum(1)  # [B, h, w, 2]
        occlusion = full_precision(rest[0]).sigmoid() if rest else None
        return Motion(flow, occlusion, corners=True)

    def _describe(self, small: Tensor, motions: Tensor, driving: Keypoints, source: Keypoints) -> Tensor:
        """Return the hourglass input: per slot, where its keypoint went (equation 6) and the source moved by it."""
        height, width = small.shape[2:]
        heatmaps = [
            gaussian_heatmap(points.value, height, width, variance=self.kp_variance, corners=True)
            for points in (driving, source)
        ]
        moved_by = F.pad(heatmaps[0] - heatmaps[1], (0, 0, 0, 0, 1, 0))  # [B, K + 1, h, w], slot 0 (background) zero
        # The K + 1 grids stand below one another, so one call samples them all without repeating the source.
        warped = F.grid_sample(small.to(motions.dtype), motions.flatten(1, 2), align_corners=False)
        warped = warped.view(*warped.shape[:2], -1, height, width).transpose(1, 2)  # [B, K + 1, 3, h, w]
        return torch.cat((moved_by.unsqueeze(2), warped), dim=2).flatten(1, 2)
