"""Read the paper's published `.pth.tar` checkpoints: a pickled dict of state dicts, loaded without running any of it.

Both of PyTorch's file formats occur in the wild. Names may carry a `module.` prefix from data-parallel training.
Generator, keypoint detector and, where present, discriminator are kept; optimiser states are not.
"""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fomm.config.training.paper import ModelConfig
from fomm.errors import CheckpointError
from fomm.model.paper import build_paper_model
from fomm.networks.paper.discriminator import MultiScaleDiscriminator
from fomm.weights.compare import check_values, mismatch, shapes_when_built
from fomm.weights.files import CheckpointHeader, check_size, save_checkpoint
from fomm.weights.locations import find_config

_PREFIX = "module."
# Tried in this order when the file's name does not help.
_KNOWN = (
    "vox-256",
    "vox-adv-256",
    "taichi-256",
    "taichi-adv-256",
    "fashion-256",
    "nemo-256",
    "bair-256",
    "mgif-256",
)
_PARTS = {"kp_detector": "detector", "generator": "generator", "discriminator": "discriminator"}


@dataclass(frozen=True)
class OfficialCheckpoint:
    """The useful content of a published checkpoint.

    Attributes:
        config: the model configuration it fits.
        tensors: float32 state dict with keys `detector.*`, `generator.*` and, if present, `discriminator.*`.
    """

    config: ModelConfig
    tensors: dict[str, Tensor]


def load_official(path: str | Path, config: ModelConfig | None = None) -> OfficialCheckpoint:
    """Load a published checkpoint strictly.

    Args:
        path: a `.pth.tar` file.
        config: the configuration it must fit; None finds the shipped one that does.

    Raises:
        CheckpointError: the file is missing, damaged, unsafe, not such a checkpoint, does not fit, or holds NaN.
    """
    path = Path(path)
    content = _unpickle(path)
    parts = {ours: _state_dict(path, theirs, content[theirs]) for theirs, ours in _PARTS.items() if theirs in content}
    if "detector" not in parts or "generator" not in parts:
        raise CheckpointError(
            f"The file '{path}' lacks 'generator' or 'kp_detector', so it is no checkpoint of the paper."
        )
    tensors = {f"{part}.{key}": tensor for part, state in parts.items() for key, tensor in state.items()}
    if config is None:
        name = _fitting(path, tensors)
        if name is None:
            problem = _problem(find_config(_KNOWN[0]).model_params, tensors)
            raise CheckpointError(f"The checkpoint '{path}' fits no shipped configuration; for {_KNOWN[0]}, {problem}.")
        config = find_config(name).model_params
    elif (problem := _problem(config, tensors)) is not None:
        other = _fitting(path, tensors)
        advice = f"use '{other}', which fits" if other else "no shipped configuration fits it either"
        raise CheckpointError(f"The checkpoint '{path}' does not fit this configuration: {problem}; {advice}.")
    return OfficialCheckpoint(config, check_values(tensors, path))


def convert_official(
    path: str | Path, output: str | Path, *, config: ModelConfig | None = None, licence: str, origin: str
) -> CheckpointHeader:
    """Convert a published checkpoint to ours, named after its file, and return the new file's header.

    Raises:
        CheckpointError: see `load_official`.
        OutputError: the output cannot be written.
    """
    official = load_official(path, config)
    name = Path(path).name.split(".")[0]
    header = CheckpointHeader(name, licence, origin, "paper", official.config.to_mapping())
    save_checkpoint(output, official.tensors, header)
    return header


def _fitting(path: Path, tensors: Mapping[str, Tensor]) -> str | None:
    """Return the shipped configuration that fits; several do, as most differ in training only, so the name helps."""
    # 'taichi-adv-cpk.pth.tar' is named after 'taichi-adv' more than after 'taichi'.
    stems = {name: name.removesuffix("-256") for name in _KNOWN}
    likeness = {name: len(stem) * path.name.startswith(stem) for name, stem in stems.items()}
    for name in sorted(_KNOWN, key=likeness.__getitem__, reverse=True):
        if _problem(find_config(name).model_params, tensors) is None:
            return name
    return None


def _problem(config: ModelConfig, tensors: Mapping[str, Tensor]) -> str | None:
    """Say how the tensors differ from what the configuration needs, or return None."""

    def build() -> nn.ModuleDict:
        parts = nn.ModuleDict(dict(build_paper_model(config).named_children()))
        if any(key.startswith("discriminator.") for key in tensors):
            parts["discriminator"] = MultiScaleDiscriminator(config.common_params, config.discriminator_params)
        return parts

    return mismatch(shapes_when_built(build), {key: tuple(tensor.shape) for key, tensor in tensors.items()})


def _state_dict(path: Path, part: str, state: Any) -> dict[str, Tensor]:
    if not isinstance(state, Mapping) or not state:
        raise CheckpointError(f"'{part}' in the checkpoint '{path}' is not a state dict.")
    if not all(isinstance(key, str) and isinstance(tensor, Tensor) for key, tensor in state.items()):
        raise CheckpointError(f"'{part}' in the checkpoint '{path}' holds more than named tensors, so it is refused.")
    wrapped = all(key.startswith(_PREFIX) for key in state)
    return {key.removeprefix(_PREFIX) if wrapped else key: tensor for key, tensor in state.items()}


def _unpickle(path: Path) -> dict[Any, Any]:
    """Load the file with PyTorch's restricted unpickler, which builds tensors and plain containers only."""
    check_size(path)
    _check_archive(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "GLOBAL" in str(error) or "global" in str(error):
            raise CheckpointError(
                f"The checkpoint '{path}' asks to run Python code, which weights never need; it is refused, unopened."
            ) from error
        raise CheckpointError(f"The checkpoint '{path}' is damaged or not a PyTorch file.") from error
    except Exception as error:  # a malformed pickle can fail in any way at all
        raise CheckpointError(f"The checkpoint '{path}' is damaged or truncated; copy or download it again.") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"The file '{path}' holds no dict of state dicts, so it is no checkpoint of the paper.")
    return content


def _check_archive(path: Path) -> None:
    """Refuse a zip file that would unpack to more than its own size: PyTorch never compresses, zip bombs do."""
    if not zipfile.is_zipfile(path):
        return  # the older format is a plain stream and cannot expand
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, OSError) as error:
        raise CheckpointError(f"The checkpoint '{path}' is damaged or truncated; copy or download it again.") from error
    if unpacked > path.stat().st_size:
        raise CheckpointError(
            f"The checkpoint '{path}' would unpack to {unpacked} bytes, more than its own size; refused."
        )
