"""The twins that inference runs must equal the blocks they stand for."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from fomm.geometry.warping import warp
from fomm.networks.compact import blocks as compact_blocks
from fomm.networks.paper import blocks
from fomm.render import fused
from fomm.render.resample import Resampler


def lively(module):
    """Give norms statistics and shifts that matter."""
    torch.manual_seed(0)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_(std=0.3)
            part.running_var.uniform_(0.5, 2.0)
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, std=0.3)
    return module.eval().requires_grad_(False)


PAIRS = {
    "same": (lambda: blocks.SameBlock(5, 6, 7), fused.same_block),
    "down": (lambda: blocks.DownBlock(5, 6), fused.down_block),
    "up": (lambda: blocks.UpBlock(5, 6), fused.PhaseUp),
    "paper residual": (lambda: blocks.ResidualBlock(5), fused.PreActivationResidual),
    "strided": (lambda: compact_blocks.ConvBlock(5, 6, stride=2), fused.conv_block),
    "compact residual": (lambda: compact_blocks.ResidualBlock(5), fused.PostActivationResidual),
}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("packed", [True, False])
def test_twin_equals_block(name, packed, monkeypatch):
    if not packed:  # as on a machine without oneDNN
        monkeypatch.setattr(fused, "_PACK", None)
    make, twin = PAIRS[name]
    block = lively(make())
    made = twin(block)
    for batch, height, width in ((1, 6, 10), (2, 8, 4)):  # the second size is not the one weights were laid out for
        x = torch.randn(batch, 5, height, width)
        torch.testing.assert_close(made(x), block(x), atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(made(x), block(x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
def test_last_convolution_reads_phases(kernel):
    block = lively(blocks.UpBlock(4, 5))
    final = nn.Conv2d(5, 3, kernel, padding=kernel // 2).requires_grad_(False)
    x = torch.randn(2, 4, 6, 9)
    torch.testing.assert_close(fused.PhaseOutput(block, final)(x), final(block(x)), atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_bfloat16_features_are_warped_like_float32_ones():
    torch.manual_seed(0)
    features = torch.randn(2, 8, 12, 16).bfloat16().to(memory_format=torch.channels_last)
    displacement = 0.6 * torch.randn(2, 2, 6, 8)  # many samples fall outside
    made, wanted = warp(features, displacement), warp(features.float(), displacement)
    assert made.dtype == torch.bfloat16
    torch.testing.assert_close(made.float(), wanted, atol=0.03, rtol=0.01)


@pytest.mark.parametrize("shape", [(20, 31), (7, 5)])
def test_resampling_equals_bicubic_grid_sample(shape):
    height, width = shape
    y, x = torch.linspace(-1.2, 0.9, height), torch.linspace(-0.7, 1.3, width)
    grid = torch.stack((x.expand(height, -1), y[:, None].expand(-1, width)), dim=-1)  # [h, w, 2]
    planes = torch.rand(3, 12, 12)
    wanted = F.grid_sample(planes[None], grid[None], mode="bicubic", padding_mode="border", align_corners=False)[0]
    torch.testing.assert_close(Resampler(grid, 12)(planes), wanted, atol=1e-5, rtol=1e-5)
