"""Inference twins of the networks' blocks: the same results from fewer and larger kernels.

- `FusedConv`: a convolution with its ReLU, its weights laid out for the CPU's kernels once instead of at every call.
- `PhaseUp`: nearest-neighbour doubling followed by a 3x3 convolution. Of the nine pixels that an output pixel sees,
  some are copies of one another, and which ones depends only on its row and column being even or odd. So each of these
  four phases is a 2x2 convolution of the small picture: 4/9 of the arithmetic, and nothing is doubled first.
- `PhaseOutput`: a `PhaseUp` whose phases go straight into the last, odd-sized convolution as channels. That
  convolution makes 2x2 output pixels at once, because a kernel with three output channels leaves most of a CPU's
  vector workers idle.

Sums of weights are formed in the weights' own precision before they are cast, so float32 results differ from the plain
blocks' only by rounding.
"""

from __future__ import annotations

import functools
import threading

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

# oneDNN's fused convolution, which torch.compile uses too; not part of PyTorch's public interface, so it is optional.
from fomm.networks.compact import blocks as compact_blocks
from fomm.networks.paper import blocks

# oneDNN's fused convolution, which torch.compile uses too; not part of PyTorch's public interface, so it is optional.
_KERNELS = torch.ops.mkldnn if torch.backends.mkldnn.is_available() else None  # type: ignore[no-untyped-call]
_PACK = getattr(_KERNELS, "_reorder_convolution_weight", None)
_CONVOLVE = getattr(_KERNELS, "_convolution_pointwise", None)
_PACKING = threading.Lock()


@functools.cache
def _has_kernels(dtype: torch.dtype) -> bool:
    """Say whether the fused convolution works in this type here: in bfloat16 it needs AVX-512 or better."""
    if dtype != torch.bfloat16:
        return True
    supported = getattr(_KERNELS, "_is_mkldnn_bf16_supported", None)
    return supported is not None and bool(supported())


class FusedConv(nn.Module):
    """A convolution and, with `relu`, the ReLU after it: `[B, C, H, W]` of any type to `[B, D, h, w]` in the weights'.

    Args:
        convolution: an ungrouped, undilated one; its parameters are taken over.
        relu: whether a ReLU follows.
    """

    def __init__(self, convolution: nn.Conv2d, *, relu: bool) -> None:
        super().__init__()
        self.weight, self.bias = convolution.weight, convolution.bias
        self.padding, self.stride = list(map(int, convolution.padding)), list(convolution.stride)
        self.relu = relu
        self._is_packed = False

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolution's output; see the class."""
        x = x.to(self.weight.dtype, memory_format=torch.channels_last)
        if _PACK is None or _CONVOLVE is None or not _has_kernels(x.dtype):
            plain = F.conv2d(x, self.weight, self.bias, self.stride, self.padding)
            return F.relu(plain, inplace=True) if self.relu else plain
        with _PACKING:
            if not self._is_packed:
                # The best layout depends on the picture's size, which the first call tells.
                packed = _PACK(self.weight, self.padding, self.stride, [1, 1], 1, list(x.shape))
                self.weight, self._is_packed = nn.Parameter(packed, requires_grad=False), True
        after = "relu" if self.relu else "none"
        out: Tensor = _CONVOLVE(x, self.weight, self.bias, self.padding, self.stride, [1, 1], 1, after, [], "")
        return out


class PreActivationResidual(nn.Module):
    """Twin of the paper's residual block: the second norm is folded, the first is one multiplication and addition."""

    def __init__(self, block: blocks.ResidualBlock) -> None:
        super().__init__()
        self.norm = block.norm1
        self.conv1 = FusedConv(fuse_conv_bn_eval(block.conv1, block.norm2), relu=True)
        self.conv2 = FusedConv(block.conv2, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` plus its change; see the class."""
        out: Tensor = self.conv2(self.conv1(F.relu(self.norm(x), inplace=True)))
        return out.add_(x)


class PostActivationResidual(nn.Module):
    """Twin of the compact networks' residual block."""

    def __init__(self, block: compact_blocks.ResidualBlock) -> None:
        super().__init__()
        self.conv1 = conv_block(block.first)
        self.conv2 = FusedConv(fuse_conv_bn_eval(block.second, block.norm), relu=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return `relu(x + f(x))`; see the class."""
        out: Tensor = self.conv2(self.conv1(x))
        return out.add_(x).relu_()


class PhaseUp(nn.Module):
    """Twin of an `UpBlock`: `[B, C, H, W]` to `[B, D, 2 H, 2 W]`."""

    def __init__(self, block: blocks.UpBlock) -> None:
        super().__init__()
        self.phases = FusedConv(_phase_convolution(fuse_conv_bn_eval(block.conv, block.norm)), relu=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output; see the class."""
        height, width = x.shape[2:]
        phases: Tensor = self.phases(x).unflatten(1, (2, 2, -1))  # [B, 2, 2, D, H + 1, W + 1]
        out = phases.new_empty(len(x), 2 * height, 2 * width, phases.shape[3])  # [B, 2 H, 2 W, D]
        for a in range(2):
            for b in range(2):
                here = phases[:, a, b, :, a : a + height, b : b + width]  # [B, D, H, W]
                out[:, a::2, b::2] = here.permute(0, 2, 3, 1)
        return out.movedim(-1, 1)


class PhaseOutput(nn.Module):
    """Twin of an `UpBlock` and the odd-sized convolution after it: `[B, C, H, W]` to `[B, 3, 2 H, 2 W]`."""

    def __init__(self, block: blocks.UpBlock, final: nn.Conv2d) -> None:
        super().__init__()
        self.phases = FusedConv(_phase_convolution(fuse_conv_bn_eval(block.conv, block.norm)), relu=True)
        self.final = FusedConv(_by_phases(final), relu=False)

    @property
    def weight(self) -> Tensor:
        """The last convolution's weights; callers ask for their type."""
        return self.final.weight

    def forward(self, x: Tensor) -> Tensor:
        """Return the last convolution's output; see the class."""
        # Along each axis cell p holds rows 2 p - 1 and 2 p of the doubled picture, phases 1 and 0 in this order. The
        # first and the last cell reach one row beyond it, where the last convolution must see zeros.
        phases = self.phases(x)  # [B, 4 C, H + 1, W + 1]
        cells = phases.unflatten(1, (2, 2, -1))
        cells[:, 1, :, :, 0], cells[:, 0, :, :, -1] = 0, 0
        cells[:, :, 1, :, :, 0], cells[:, :, 0, :, :, -1] = 0, 0
        image: Tensor = F.pixel_shuffle(self.final(phases), 2)
        return image


def same_block(block: blocks.SameBlock) -> FusedConv:
    """Return the twin of a block that keeps the resolution."""
    return FusedConv(fuse_conv_bn_eval(block.conv, block.norm), relu=True)


def down_block(block: blocks.DownBlock) -> nn.Sequential:
    """Return the twin of a block that halves the resolution."""
    return nn.Sequential(same_block(block), nn.AvgPool2d(2))


def conv_block(block: compact_blocks.ConvBlock) -> FusedConv:
    """Return the twin of a compact convolution block."""
    return FusedConv(fuse_conv_bn_eval(block[0], block[1]), relu=True)  # type: ignore[arg-type, type-var]


def _phase_convolution(convolution: nn.Conv2d) -> nn.Conv2d:
    """Return the 2x2 convolution of the small picture whose channels `[2, 2, D]` are the phases (row, column).

    A doubled row 2 i sees small rows i - 1 (first tap) and i (the other two); row 2 i + 1 sees i (the first two) and
    i + 1 (the last). With one row of padding, phase 0 of row i is output i and phase 1 is output i + 1.
    """
    taps = convolution.weight.new_tensor([[[1, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]])  # [phase, small, tap]
    weight = torch.einsum("aiu,bjv,dcuv->abdcij", taps, taps, convolution.weight)  # [2, 2, D, C, 2, 2]
    return _convolution(weight.flatten(0, 2), _bias(convolution).repeat(4), 1)


def _by_phases(convolution: nn.Conv2d) -> nn.Conv2d:
    """Return a k x k convolution as one that reads cells of 2x2 pixels and writes 2x2 pixels, for `PhaseOutput`.

    Output row 2 i + a reads doubled rows 2 i + a - r to 2 i + a + r, r = k // 2, which lie in cells i - r // 2 to
    i + r // 2 + 1.
    """
    radius = convolution.kernel_size[0] // 2
    before = radius // 2
    # place[a, phase, cell, tap] is 1 where the tap of an output pixel in row 2 i + a falls on that phase and cell.
    place = convolution.weight.new_zeros(2, 2, 2 * before + 2, 2 * radius + 1)
    for a in range(2):
        for tap in range(2 * radius + 1):
            row = a + tap - radius  # relative to 2 i
            place[a, row % 2, (row + 1) // 2 + before, tap] = 1
    weight = torch.einsum("apiu,bqjv,dcuv->dabpqcij", place, place, convolution.weight)
    return _convolution(weight.flatten(0, 2).flatten(1, 3), _bias(convolution).repeat_interleave(4), before)


def _bias(convolution: nn.Conv2d) -> Tensor:
    return convolution.weight.new_zeros(len(convolution.weight)) if convolution.bias is None else convolution.bias


def _convolution(weight: Tensor, bias: Tensor, padding: int) -> nn.Conv2d:
    height, width = weight.shape[2:]
    made = nn.Conv2d(weight.shape[1], weight.shape[0], (height, width), padding=padding, device="meta")
    made.weight, made.bias = nn.Parameter(weight, requires_grad=False), nn.Parameter(bias, requires_grad=False)
    return made
