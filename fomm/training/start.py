"""Start training from a checkpoint, also into a compact model with more keypoints, carried motions or detail.

What the grown model adds starts out without effect where that is possible: weights that read new keypoints are zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fomm.errors import SettingsError
from fomm.nn.compact import CompactModel
from fomm.weights.loading import load_model


@torch.no_grad()
def start_from(model: CompactModel, name_or_path: str) -> None:
    """Copy a checkpoint's weights into `model`, on whatever device it is.

    Args:
        model: of the checkpoint's sizes, but it may have more free keypoints, more carried motions, and finer
            corrections of the flow than a checkpoint that has one per cell, and a detector that reads more pixels.
        name_or_path: a shipped model's name or a file.

    Raises:
        CheckpointError: there is no such checkpoint, or it is damaged.
        SettingsError: it is of another family or other sizes.
    """
    old = load_model(name_or_path).model
    if not isinstance(old, CompactModel):
        raise SettingsError(f"training.start: '{name_or_path}' is not a compact model.")
    stored, target = old.state_dict(), model.state_dict()
    sizes = _Sizes(old.settings.num_keypoints, model.settings.num_keypoints, old.settings.carried_motions)
    if old.settings.flow_detail not in (1, model.settings.flow_detail):
        raise SettingsError(
            f"training.start: '{name_or_path}' has flow_detail {old.settings.flow_detail}, wanted "
            f"{model.settings.flow_detail}."
        )
    for name, value in target.items():
        if name not in stored:
            if name.startswith("dense_motion.carried.") and sizes.carried == 0:
                continue
            raise SettingsError(f"training.start: '{name_or_path}' has no {name}.")
        try:
            _copy(name, stored[name], value, sizes)
        except RuntimeError as error:
            raise SettingsError(
                f"training.start: '{name_or_path}' differs in the size of {name}: {tuple(stored[name].shape)}, wanted "
                f"{tuple(value.shape)}."
            ) from error


@dataclass(frozen=True)
class _Sizes:
    """Keypoints of the checkpoint, keypoints of the new model, and carried motions of the checkpoint."""

    keypoints: int
    grown: int
    carried: int


def _copy(name: str, old: Tensor, new: Tensor, sizes: _Sizes) -> None:
    """Copy `old` to where its keypoints and carried motions are in `new`."""
    keypoints, carried = sizes.keypoints, sizes.carried
    if old.shape == new.shape:
        new.copy_(old)
    elif name == "detector.hourglass.stem.0.weight":  # [C, 3 D D, 3, 3]
        new.copy_(_read_finer(old, new.shape[1]))
    elif name.startswith("detector.") or name == "dense_motion.log_reach":  # [K, ...]
        new[: len(old)].copy_(old)
    elif name == "dense_motion.hourglass.stem.0.weight":  # [C, K + 14, 3, 3]
        new.zero_()
        new[:, :keypoints].copy_(old[:, :keypoints])
        rest = old.shape[1] - keypoints
        new[:, -rest:].copy_(old[:, keypoints:])
    elif name.startswith("dense_motion.residual."):  # [2 D D, ...], a cell's corrections side by side
        new.copy_(old.repeat_interleave(len(new) // len(old), dim=0))
    elif name == "dense_motion.carried.weight":  # [2 K, 6 M]
        new.zero_()
        new[: len(old), : old.shape[1]].copy_(old)
    elif name == "dense_motion.carried.logit":  # [M]
        new[: len(old)].copy_(old)
    elif name.startswith("dense_motion.mask."):  # [1 + K + M, ...]
        new[: 1 + keypoints].copy_(old[: 1 + keypoints])
        first = 1 + sizes.grown
        new[first : first + carried].copy_(old[1 + keypoints :])
    else:
        raise RuntimeError("no rule")


def _read_finer(weight: Tensor, channels: int) -> Tensor:
    """Let a first convolution on blocks of pixels `[C, 3 d d, 3, 3]` read the pixels that make up each of them.

    Where the old one read a mean, the new one adds up equal shares, so it computes the same.
    """
    old, new = (round((count / 3) ** 0.5) for count in (weight.shape[1], channels))
    if new % old:
        raise RuntimeError("no rule")
    times = new // old
    blocks = weight.view(len(weight), 3, old, old, 3, 3)
    shares: Tensor = blocks.repeat_interleave(times, dim=2).repeat_interleave(times, dim=3) / times**2
    return shares.flatten(1, 3)  # [C, 3 D D, 3, 3]
