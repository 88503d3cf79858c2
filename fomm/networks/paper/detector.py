"""The paper's keypoint detector: heatmaps whose mean is the keypoint and which weight a map of Jacobians.

Siarohin et al. 2019, section 3.1. The 7x7 heads are not padded, so a 64x64 feature map gives 58x58 heatmaps; the
heatmap's own corner grid still spans [-1, 1].
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fomm.config.training.paper import CommonParams, KeypointParams
from fomm.geometry.heatmaps import expected_position, full_precision, normalised_heatmaps
from fomm.geometry.keypoints import Keypoints
from fomm.networks.paper.blocks import AntiAliasDownsample, Hourglass, convolve_together

HEAD_SIZE = 7


class KeypointDetector(nn.Module):
    """Find `num_kp` keypoints and, for first-order motion, the affine frame around each.

    State-dict keys: `predictor.{encoder,decoder}...`, `kp`, `jacobian` (if any) and `down.weight` (if downscaled).
    """

    def __init__(self, common: CommonParams, params: KeypointParams) -> None:
        super().__init__()
        self.predictor = Hourglass(params.block_expansion, common.num_channels, params.num_blocks, params.max_features)
        width = self.predictor.out_features
        self.kp = nn.Conv2d(width, common.num_kp, HEAD_SIZE, padding=params.pad)
        self.jacobian: nn.Conv2d | None = None
        if common.estimate_jacobian:
            maps = 1 if params.single_jacobian_map else common.num_kp
            self.jacobian = nn.Conv2d(width, 4 * maps, HEAD_SIZE, padding=params.pad)
            nn.init.zeros_(self.jacobian.weight)
            self.jacobian.bias = nn.Parameter(torch.eye(2).flatten().repeat(maps))  # every frame starts as the identity
        self.temperature = params.temperature
        self.down: nn.Module = nn.Identity()
        if params.scale_factor != 1:
            self.down = AntiAliasDownsample(common.num_channels, params.scale_factor)

    def forward(self, image: Tensor) -> Keypoints:
        """Return the keypoints of images `[B, 3, H, W]` in [0, 1]; positions and Jacobians are at least float32."""
        features = self.predictor(self.down(image.to(self.kp.weight.dtype)))  # [B, C, H / 4, W / 4] for vox
        heads = [self.kp] if self.jacobian is None else [self.kp, self.jacobian]
        heatmaps, *rest = convolve_together(features, heads)
        probability = normalised_heatmaps(heatmaps, self.temperature)  # [B, K, h, w]
        value = expected_position(probability, corners=True)
        if not rest:
            return Keypoints(value)
        maps = full_precision(rest[0])  # [B, 4 K or 4, h, w]
        maps = maps.reshape(len(maps), -1, 4, *maps.shape[2:])  # [B, K or 1, 4, h, w]
        jacobian = (probability.unsqueeze(2) * maps).sum((3, 4))  # [B, K, 4]
        return Keypoints(value, jacobian.view(*jacobian.shape[:2], 2, 2))
