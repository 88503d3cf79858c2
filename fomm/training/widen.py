"""Widen a trained compact model so that it computes the same with more channels, and has somewhere to go from there.

After Chen et al., "Net2Net: Accelerating Learning via Knowledge Transfer" (2016, section 2.2): a wider layer repeats
the old channels, and whoever reads a repeated channel shares its weight out among the copies. The shares are uneven and
differ from reader to reader, because copies that are read alike would also learn alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fomm.nn.compact import CompactModel, CompactSettings
from fomm.nn.mouth import CHANNELS

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
            target[name] = _widen(value.float(), target[name], _segments(name, old, wanted), random)
        else:
            target[name] = value
    return target


@dataclass(frozen=True)
class _Segment:
    """Channels side by side in a layer's input that come from one layer: how many there were, and now are."""

    old: int
    new: int


def _segments(name: str, old: CompactSettings, new: CompactSettings) -> list[_Segment]:
    """Return what a layer's input is made of where that is more than one layer's output, else nothing."""
    width, motion = (old.generator_width, new.generator_width), (old.motion_width, new.motion_width)
    if ".merge." in name:
        return [_Segment(0, 0)] * 2  # two halves of equal size
    if name.startswith("generator.decode_quarter."):
        return [_Segment(2 * width[0], 2 * width[1])] * 2 + [_Segment(*motion)]
    if name.startswith("generator.decode_half.0."):
        return [_Segment(*width)] * 2 + [_Segment(12, 12)] + [_Segment(CHANNELS, CHANNELS)] * old.mouth_map
    return []


def _widen(old: Tensor, like: Tensor, segments: list[_Segment], random: torch.Generator) -> Tensor:
    """Return `old` `[O, I, ...]` or `[O]` with the shape of `like`: outputs repeated, inputs shared out."""
    old = old[torch.arange(len(like)) % len(old)]
    if old.dim() == 1 or old.shape == like.shape:
        return old
    if not segments:
        segments = [_Segment(old.shape[1], like.shape[1])]
    elif not segments[0].old:
        segments = [_Segment(old.shape[1] // 2, like.shape[1] // 2)] * 2
    parts = torch.split(old, [segment.old for segment in segments], dim=1)
    return torch.cat([_share(part, segment.new, random) for part, segment in zip(parts, segments, strict=True)], dim=1)


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
