"""The paper's generator: encode the source once, then warp, mask and decode its features for every frame.

Siarohin et al. 2019, section 3.3, after Johnson et al.'s image transformation network.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from fomm.config.training.paper import CommonParams, GeneratorParams
from fomm.geometry.heatmaps import full_precision
from fomm.geometry.motion import Motion
from fomm.networks.paper.blocks import DownBlock, ResidualBlock, SameBlock, UpBlock, warp
from fomm.networks.paper.dense_motion import DenseMotionNetwork


class OcclusionAwareGenerator(nn.Module):
    """Turn a source and a dense motion into frames.

    State-dict keys: `dense_motion_network...`, `first`, `down_blocks`, `bottleneck.r0...`, `up_blocks`, `final`.
    """

    def __init__(self, common: CommonParams, params: GeneratorParams) -> None:
        super().__init__()
        self.dense_motion_network = DenseMotionNetwork(
            common, params.dense_motion_params, estimate_occlusion_map=params.estimate_occlusion_map
        )
        widths = [min(params.max_features, params.block_expansion * 2**i) for i in range(params.num_down_blocks + 1)]
        self.first = SameBlock(common.num_channels, params.block_expansion, kernel_size=7)
        self.down_blocks = nn.ModuleList(DownBlock(a, b) for a, b in pairwise(widths))
        self.bottleneck = nn.Sequential()
        for index in range(params.num_bottleneck_blocks):
            self.bottleneck.add_module(f"r{index}", ResidualBlock(widths[-1]))
        self.up_blocks = nn.ModuleList(UpBlock(a, b) for a, b in pairwise(widths[::-1]))
        self.final = nn.Conv2d(params.block_expansion, common.num_channels, 7, padding=3)

    def encode(self, source: Tensor) -> Tensor:
        """Return the features to warp: `[B, 3, H, W]` in [0, 1] to `[B, C, H / 4, W / 4]` for two down blocks."""
        out: Tensor = self.first(source.to(self.final.weight.dtype))
        for block in self.down_blocks:
            out = block(out)
        return out

    def decode(self, features: Tensor, motion: Motion) -> Tensor:
        """Return frames `[B, 3, H, W]` in [0, 1] from source features `[B, C, h, w]` and one motion per row."""
        out = warp(features, motion.flow)
        if motion.occlusion is not None:
            occlusion = motion.occlusion
            if occlusion.shape[2:] != out.shape[2:]:
                occlusion = F.interpolate(occlusion, size=out.shape[2:], mode="bilinear", align_corners=False)
            out = out * occlusion.to(out.dtype)
        out = self.bottleneck(out)
        for block in self.up_blocks:
            out = block(out)
        return full_precision(self.final(out)).sigmoid()
