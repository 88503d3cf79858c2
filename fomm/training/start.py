"""Start training from a checkpoint, also into a compact model that has more keypoints or carried motions.

What the grown model adds starts out without effect where that is possible: weights that read new keypoints are zero.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fomm.errors import SettingsError
from fomm.nn.compact import CompactModel
from fomm.weights.loading import load_model


@torch.no_grad()
def start_from(model: CompactModel, name_or_path: str) -> None:
    """Copy a checkpoint's weights into `model`, on whatever device it is.

    Args:
        model: of the checkpoint's sizes, but it may have more free keypoints and more carried motions.
        name_or_path: a shipped model's name or a file.

    Raises:
        CheckpointError: there is no such checkpoint, or it is damaged.
        SettingsError: it is of another family or other sizes.
    """
    old = load_model(name_or_path).model
    if not isinstance(old, CompactModel):
        raise SettingsError(f"training.start: '{name_or_path}' is not a compact model.")
    stored, target = old.state_dict(), model.state_dict()
    keypoints, carried = old.settings.num_keypoints, old.settings.carried_motions
    for name, value in target.items():
        if name not in stored:
            if name.startswith("dense_motion.carried.") and carried == 0:
                continue
            raise SettingsError(f"training.start: '{name_or_path}' has no {name}.")
        try:
            _copy(name, stored[name], value, keypoints, carried)
        except RuntimeError as error:
            raise SettingsError(
                f"training.start: '{name_or_path}' differs in the size of {name}: {tuple(stored[name].shape)}, wanted "
                f"{tuple(value.shape)}."
            ) from error


def _copy(name: str, old: Tensor, new: Tensor, keypoints: int, carried: int) -> None:
    """Copy `old` to where its keypoints and carried motions are in `new`."""
    if old.shape == new.shape:
        new.copy_(old)
    elif name.startswith("detector.") or name == "dense_motion.log_reach":  # [K, ...]
        new[: len(old)].copy_(old)
    elif name == "dense_motion.hourglass.stem.0.weight":  # [C, K + 14, 3, 3]
        new.zero_()
        new[:, :keypoints].copy_(old[:, :keypoints])
        rest = old.shape[1] - keypoints
        new[:, -rest:].copy_(old[:, keypoints:])
    elif name.startswith("dense_motion.mask."):  # [1 + K + M, ...]
        new[: 1 + keypoints].copy_(old[: 1 + keypoints])
        grown = len(new) - len(old)
        if carried:
            first = 1 + keypoints + grown
            new[first : first + carried].copy_(old[1 + keypoints :])
    else:
        raise RuntimeError("no rule")
