"""Preparing a trained model for inference: fold batch normalisation into convolutions, store weights low and fast.

A batch normalisation that directly follows a convolution is a fixed scale and shift per channel at inference time, so
it is multiplied into the convolution's weights. Convolution weights are then cast once: under autocast they would be
cast anew for every frame. On a CPU every block is replaced by its twin from `fomm.render.fused`; GPUs keep the plain
blocks, whose launches batching and compilation hide.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from fomm.networks.compact import blocks as compact_blocks
from fomm.networks.layout import AnyModule, channels_last
from fomm.networks.paper import blocks
from fomm.networks.paper.generator import OcclusionAwareGenerator
from fomm.render import fused

# Attribute pairs of blocks in which the norm directly follows the convolution.
_FOLLOWED = (("second", "norm"), ("conv", "norm"), ("conv1", "norm2"))

_TWINS: dict[type[nn.Module], Callable[[Any], nn.Module]] = {
    blocks.SameBlock: fused.same_block,
    blocks.DownBlock: fused.down_block,
    blocks.UpBlock: fused.PhaseUp,
    blocks.ResidualBlock: fused.PreActivationResidual,
    compact_blocks.ConvBlock: fused.conv_block,
    compact_blocks.ResidualBlock: fused.PostActivationResidual,
}


def prepare(model: AnyModule, dtype: torch.dtype) -> AnyModule:
    """Fold norms, cast convolution weights to `dtype` and store them channels last, in place; return the model."""
    model.eval().requires_grad_(False)
    if next(model.parameters()).device.type == "cpu":
        _replace(model)
    for module in model.modules():
        _fold(module)
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, fused.FusedConv)):
            module.to(dtype)
    return channels_last(model)


def _replace(module: nn.Module) -> None:
    """Replace blocks by their twins, in place."""
    if isinstance(module, OcclusionAwareGenerator) and len(module.up_blocks):
        last = module.up_blocks[-1]
        module.up_blocks = module.up_blocks[:-1]
        module.final = fused.PhaseOutput(last, module.final)  # type: ignore[arg-type, assignment]
    for name, child in module.named_children():
        twin = _TWINS.get(type(child))
        if twin is None:
            _replace(child)
        else:
            setattr(module, name, twin(child))


def _fold(module: nn.Module) -> None:
    if isinstance(module, compact_blocks.ConvBlock):
        module[0] = fuse_conv_bn_eval(module[0], module[1])  # type: ignore[arg-type, type-var]
        module[1] = nn.Identity()
        return
    for convolution_name, norm_name in _FOLLOWED:
        convolution, norm = getattr(module, convolution_name, None), getattr(module, norm_name, None)
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            setattr(module, convolution_name, fuse_conv_bn_eval(convolution, norm))
            setattr(module, norm_name, nn.Identity())
