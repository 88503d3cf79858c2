"""Start training from a checkpoint, also into a compact model that is wider or has more keypoints or detail.

What the grown model adds starts out without effect where that is possible: weights that read new keypoints are zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fomm.config.training.compact import CompactSettings
from fomm.config.training.stages import CompactConfig
from fomm.errors import SettingsError
from fomm.geometry.landmarks import EYES, REGIONS
from fomm.model.compact import CompactModel
from fomm.networks.layout import channels_last
from fomm.training.loop.widen import widened
from fomm.weights.loading import load_model

_SHORT_REACH = -3.5  # of a new iris, as a logarithm: four pixels


def begun_model(config: CompactConfig, device: torch.device, *, closer: bool = False) -> CompactModel:
    """Return the model that a schedule trains, begun from `training.start` or from nothing.

    Args:
        config: model and schedule.
        device: where to train.
        closer: whether the schedule trains the close look.

    Raises:
        CheckpointError: there is no such checkpoint, or it is damaged.
        SettingsError: it does not fit, or the model has a close look that nobody trains.
    """
    model = channels_last(CompactModel(config.model).to(device))
    begun = start_from(model, config.training.start) if config.training.start else None
    if not closer:
        refuse_untrained_look(config.model, begun)
    return model


def refuse_untrained_look(settings: CompactSettings, begun: CompactSettings | None) -> None:
    """Refuse a close look that no stage trains and the checkpoint that training begins from, if any, does not bring.

    Raises:
        SettingsError: as said.
    """
    if settings.close_look and (begun is None or begun.close_look != settings.close_look):
        raise SettingsError(
            "model.close_look: no stage of this schedule trains it and training.start brings none of that size; "
            "leave it out here, and train it afterwards with a stage named close."
        )


@torch.no_grad()
def start_from(model: CompactModel, name_or_path: str) -> CompactSettings:
    """Copy a checkpoint's weights into `model`, on whatever device it is, and return the checkpoint's settings.

    Args:
        model: of the checkpoint's sizes, but it may be wider (see `widened`), and have irises, more free keypoints,
            more carried motions, finer corrections of the flow than a checkpoint that has one per cell, a detector
            that reads more pixels, a generator that is told where the mouth is, a close look and a matte; those of
            another size begin anew.
        name_or_path: a shipped model's name or a file.

    Raises:
        CheckpointError: there is no such checkpoint, or it is damaged.
        SettingsError: it is of another family or other sizes.
    """
    old = load_model(name_or_path).model
    if not isinstance(old, CompactModel):
        raise SettingsError(f"training.start: '{name_or_path}' is not a compact model.")
    target = model.state_dict()
    try:
        stored = widened(old.state_dict(), old.settings, model.settings)
    except ValueError as error:
        raise SettingsError(f"training.start: '{name_or_path}' is wider than the new model: {error}.") from error
    kept = ("tied_keypoints", "free_keypoints")
    if any(getattr(old.settings, kind) > getattr(model.settings, kind) for kind in kept):
        raise SettingsError(f"training.start: '{name_or_path}' has more keypoints than the new model.")
    places = _Places.of(old.settings, model.settings)
    if old.settings.flow_detail not in (1, model.settings.flow_detail):
        raise SettingsError(
            f"training.start: '{name_or_path}' has flow_detail {old.settings.flow_detail}, wanted "
            f"{model.settings.flow_detail}."
        )
    same_look = old.settings.close_look == model.settings.close_look
    same_matte = _matte_sizes(old.settings) == _matte_sizes(model.settings)
    for name, value in target.items():
        if (name.startswith("matte.") and not same_matte) or (name.startswith("detector.close.") and not same_look):
            continue
        if name not in stored:
            if name.startswith("dense_motion.carried.") and old.settings.carried_motions == 0:
                continue
            raise SettingsError(f"training.start: '{name_or_path}' has no {name}.")
        try:
            _copy(name, stored[name], value, places)
        except RuntimeError as error:
            raise SettingsError(
                f"training.start: '{name_or_path}' differs in the size of {name}: {tuple(stored[name].shape)}, wanted "
                f"{tuple(value.shape)}."
            ) from error
    return old.settings


def _matte_sizes(settings: CompactSettings) -> tuple[int, int]:
    return settings.matte_width, settings.matte_detail


@dataclass(frozen=True)
class _Places:
    """Where a checkpoint's keypoints and motions are in the new model.

    Attributes:
        keypoints: for each of the checkpoint's keypoints its place among the new ones.
        added: places of tied keypoints that the checkpoint has not.
        motions: for background, keypoints and carried motions of the checkpoint their places among the new ones.
        count: of the new model's keypoints.
    """

    keypoints: list[int]
    added: list[int]
    motions: list[int]
    count: int

    @classmethod
    def of(cls, old: CompactSettings, new: CompactSettings) -> _Places:
        more = new.tied_keypoints - old.tied_keypoints
        keypoints = [place if place < old.tied_keypoints else place + more for place in range(old.num_keypoints)]
        carried = [1 + new.num_keypoints + place for place in range(old.carried_motions)]
        added = list(range(old.tied_keypoints, new.tied_keypoints))
        return cls(keypoints, added, [0, *(1 + place for place in keypoints), *carried], new.num_keypoints)


def _copy(name: str, old: Tensor, new: Tensor, places: _Places) -> None:
    """Copy `old` to where its keypoints and carried motions are in `new`."""
    keypoints = places.keypoints
    if old.shape == new.shape:
        new.copy_(old)
    elif name == "detector.hourglass.stem.0.weight":  # [C, 3 D D, 3, 3]
        new.copy_(_read_finer(old, new.shape[1]))
    elif name.startswith("detector."):  # [K, ...]
        new[keypoints] = old
        for place in places.added:
            new[place] = old[list(_near(place))].mean(0)
    elif name == "dense_motion.log_reach":  # [K]
        new[keypoints] = old
        new[places.added] = _SHORT_REACH
    elif name == "dense_motion.hourglass.stem.0.weight":  # [C, K + 14, 3, 3], a matte comes last
        new.zero_()
        new[:, keypoints] = old[:, : len(keypoints)]
        rest = old[:, len(keypoints) :]
        new[:, places.count : places.count + rest.shape[1]] = rest
    elif name.startswith("dense_motion.residual."):  # [2 D D, ...], a cell's corrections side by side
        new.copy_(old.repeat_interleave(len(new) // len(old), dim=0))
    elif name == "generator.decode_half.0.0.weight":  # [C, ..., 3, 3], what the mouth's map adds comes last
        new.zero_()
        new[:, : old.shape[1]] = old
    elif name == "dense_motion.carried.weight":  # [2 K, 6 M]
        new.zero_()
        rows = [2 * place + axis for place in keypoints for axis in range(2)]
        new[rows, : old.shape[1]] = old
    elif name == "dense_motion.carried.logit":  # [M]
        new[: len(old)] = old
    elif name.startswith("dense_motion.mask."):  # [1 + K + M, ...]
        new[places.motions] = old
    else:
        raise RuntimeError("no rule")


def _near(place: int) -> tuple[int, ...]:
    """Return older keypoints around a tied one: an eye's corners and lids are around its iris.

    A mean of the maps that find them has its peak amid them.
    """
    for iris, eye in zip(REGIONS["irises"], EYES, strict=True):
        if place == iris:
            return eye
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
