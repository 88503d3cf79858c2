"""Widen a trained compact model so that it computes the same with more channels, and has somewhere to go from there.

After Chen et al., "Net2Net: Accelerating Learning via Knowledge Transfer" (2016, section 2.2): a wider layer repeats
the old channels, and whoever reads a repeated channel shares its weight out among the copies. The shares are uneven and
differ from reader to reader, because copies that are read alike would also learn alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from fomm.config.training.compact import CompactSettings
from fomm.model.compact import CompactModel

_UNEVEN = 0.5  # deviation of a share, as a part of it
_SEED = 5


def widened(stored: Mapping[str, Tensor], old: CompactSettings, new: CompactSettings) -> dict[str, Tensor]:
    """Return the weights of a model of `new`'s widths and residual blocks that computes what the stored ones do.

    Args:
        stored: the state dict of a model of `old`.
        old: its settings.
        new: settings whose widths and `generator_blocks` count; others, such as the number of keypoints, stay the old
            ones. None of them may be smaller than the old one.

    Raises:
        ValueError: a width or the number of blocks is smaller.
    """
    sizes = ("detector_width", "motion_width", "max_width", "generator_width", "generator_blocks")
    wanted = replace(old, **{name: getattr(new, name) for name in sizes})
    if wanted == old:
        return dict(stored)
    for name in sizes:
        if getattr(new, name) < getattr(old, name):
            raise ValueError(f"{name} is smaller than the checkpoint's")
    random = torch.Generator().manual_seed(_SEED)
    target = CompactModel(wanted).state_dict()  # a residual block more starts as the identity
    for name, value in stored.items():
        if value.shape != target[name].shape:
            target[name] = _widen(name, value.float(), target[name], (old, wanted), random)
        else:
            target[name] = value
    return target


def _widen(
    name: str, old: Tensor, like: Tensor, settings: tuple[CompactSettings, CompactSettings], random: torch.Generator
) -> Tensor:
    """Return `old` `[O, I, ...]` or `[O]` with the shape of `like`: outputs repeated, inputs shared out."""
    old = old[torch.arange(len(like)) % len(old)]
    if old.shape == like.shape:
        return old
    before, after = (_parts(name, size.shape[1], each) for size, each in zip((old, like), settings, strict=True))
    parts = zip(torch.split(old, before, dim=1), after, strict=True)
    return torch.cat([_share(part, count, random) for part, count in parts], dim=1)


def _parts(name: str, channels: int, settings: CompactSettings) -> list[int]:
    """Return how many of a layer's input channels come from each of the layers that it reads side by side."""
    width = settings.generator_width
    if ".merge." in name:
        return [channels // 2] * 2
    if name.startswith("generator.decode_quarter."):
        return [2 * width, 2 * width, settings.motion_width]
    if name.startswith("generator.decode_half.0."):
        return [width, width, channels - 2 * width]
    return [channels]


def _share(part: Tensor, count: int, random: torch.Generator) -> Tensor:
    """Share the weights of `part` `[O, I, ...]` out among the repeated channels: `[O, count, ...]`."""
    channels = part.shape[1]
    if count == channels:
        return part
    wide = part[:, torch.arange(count) % channels]
    copies = [wide[:, first::channels].shape[1] for first in range(channels)]
    number = torch.tensor(copies)[torch.arange(count) % channels].view(1, -1, *[1] * (part.dim() - 2))
    uneven = torch.randn(wide.shape, generator=random) * _UNEVEN
    for first, times in enumerate(copies):
        group = uneven[:, first::channels]
        uneven[:, first::channels] = group - group.mean(1, keepdim=True) if times > 1 else 0.0
    return wide * (1 + uneven) / number
