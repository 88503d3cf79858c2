"""Preparing a trained model for inference: fold batch normalisation into convolutions, store weights low and fast.

A batch normalisation that directly follows a convolution is a fixed scale and shift per channel at inference time, so
it is multiplied into the convolution's weights. Convolution weights are then cast once: under autocast they would be
cast anew for every frame.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from fomm.nn.compact_blocks import ConvBlock
from fomm.nn.layout import AnyModule, channels_last

# Attribute pairs of blocks in which the norm directly follows the convolution.
_FOLLOWED = (("second", "norm"), ("conv", "norm"), ("conv1", "norm2"))


def prepare(model: AnyModule, dtype: torch.dtype) -> AnyModule:
    """Fold norms, cast convolution weights to `dtype` and store them channels last, in place; return the model."""
    model.eval().requires_grad_(False)
    for module in model.modules():
        _fold(module)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.to(dtype)
    return channels_last(model)


def _fold(module: nn.Module) -> None:
    if isinstance(module, ConvBlock):
        module[0] = fuse_conv_bn_eval(module[0], module[1])  # type: ignore[arg-type, type-var]
        module[1] = nn.Identity()
        return
    for convolution_name, norm_name in _FOLLOWED:
        convolution, norm = getattr(module, convolution_name, None), getattr(module, norm_name, None)
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            setattr(module, convolution_name, fuse_conv_bn_eval(convolution, norm))
            setattr(module, norm_name, nn.Identity())
