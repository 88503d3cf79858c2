"""From a name or a file to a model ready for inference, and back; looking at and checking a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from fomm.config.animate import DEFAULT_MODEL
from fomm.config.settings import Settings
from fomm.errors import CheckpointError, ConsentError, SettingsError
from fomm.model.build import build_model, family_of
from fomm.model.interface import AnimationModel
from fomm.weights.compare import mismatch, shapes_when_built
from fomm.weights.files import CheckpointFile, CheckpointHeader, open_checkpoint, save_checkpoint, sha256
from fomm.weights.official import load_official
from fomm.weights.registry import check_digest, resolve_checkpoint

_OFFICIAL_SUFFIXES = (".tar", ".pth", ".pt")
_TRAINING_ONLY = "discriminator."


@dataclass(frozen=True)
class CheckpointInfo:
    """What `checkpoint_info` finds out.

    Attributes:
        path: the file.
        header: name, licence, origin, family and model settings.
        sha256: hex digest of the file; identifies the weights in manifests and motion tracks.
        size: bytes of the file.
        parameters: how many numbers it holds, training-only parts included.
    """

    path: Path
    header: CheckpointHeader
    sha256: str
    size: int
    parameters: int


@dataclass(frozen=True)
class LoadedModel:
    """A model ready for inference, in evaluation mode, and where it came from."""

    model: AnimationModel
    info: CheckpointInfo


def checkpoint_info(name_or_path: str | Path = DEFAULT_MODEL) -> CheckpointInfo:
    """Read the header of one of our checkpoints and hash the file, without loading the weights.

    Raises:
        CheckpointError: the file is missing, damaged or not ours.
    """
    path = resolve_checkpoint(name_or_path)
    with open_checkpoint(path) as file:
        return _info(file)


def verify_checkpoint(name_or_path: str | Path = DEFAULT_MODEL) -> CheckpointInfo:
    """Check everything: header, that the tensors fit the settings, that all values are finite, and the checksum.

    Raises:
        CheckpointError: the first thing that is wrong.
    """
    path = resolve_checkpoint(name_or_path)
    with open_checkpoint(path) as file:
        _check_fit(file)
        file.tensors()
        info = _info(file)
    check_digest(path, info.sha256)
    return info


def load_model(
    name_or_path: str | Path = DEFAULT_MODEL,
    device: torch.device | str = "cpu",
    admit: Callable[[CheckpointInfo], None] | None = None,
) -> LoadedModel:
    """Load a shipped model by name, one of our checkpoints by path, or a published `.pth.tar` of the paper.

    Args:
        name_or_path: which.
        device: where it computes.
        admit: judges weights that are bound to one person's consent, by raising if they may not be used; without it
            such weights are not loaded.

    Raises:
        CheckpointError: the file is missing, damaged, unsafe, does not fit, or differs from its recorded checksum.
        ConsentError: the weights are bound to a consent, and nobody asked whether it stands.
        SettingsError: there is no such device, or an argument is of the wrong kind.
    """
    path = resolve_checkpoint(name_or_path)
    _check_device(device)
    if path.suffix in _OFFICIAL_SUFFIXES:
        official = load_official(path)
        config: Settings = official.config
        tensors = official.tensors
        header = CheckpointHeader(
            path.name.split(".")[0], origin="the paper's authors", config=official.config.to_mapping()
        )
        count = sum(tensor.numel() for tensor in tensors.values())
        info = CheckpointInfo(path, header, sha256(path), path.stat().st_size, count)
    else:
        with open_checkpoint(path) as file:
            config = _check_fit(file)
            info = _info(file)
            if info.header.binding:
                _ask(admit, info)
            tensors = file.tensors()
        check_digest(path, info.sha256)
    model = build_model(config)
    model.load_state_dict({key: value for key, value in tensors.items() if not key.startswith(_TRAINING_ONLY)})
    return LoadedModel(model.to(device).eval(), info)


def save_model(
    path: str | Path,
    model: AnimationModel,
    *,
    name: str,
    licence: str,
    origin: str,
    dtype: torch.dtype | None = None,
) -> None:
    """Write a model's weights and settings as a checkpoint; see `fomm.weights.files.save_checkpoint`.

    Raises:
        CheckpointError: a weight is NaN or infinite.
        OutputError: the file cannot be written.
    """
    header = CheckpointHeader(name, licence, origin, family_of(model.config), model.config.to_mapping())
    save_checkpoint(path, model.state_dict(), header, dtype=dtype)


def _check_device(device: torch.device | str) -> None:
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, TypeError, AssertionError, ValueError) as error:
        raise SettingsError(f"PyTorch has no device {device!r:.80} here; use 'cpu'.") from error


def _ask(admit: Callable[[CheckpointInfo], None] | None, info: CheckpointInfo) -> None:
    """Let `admit` judge bound weights; without it they are refused."""
    if admit is None:
        raise ConsentError(
            f"The model '{info.path}' is bound to one person's consent: it serves to animate that person's photo "
            "(fomm animate --model) and nothing else."
        )
    admit(info)


def _info(file: CheckpointFile) -> CheckpointInfo:
    count = sum(torch.Size(shape).numel() for shape in file.shapes.values())
    return CheckpointInfo(file.path, file.header, sha256(file.path), file.path.stat().st_size, count)


def _check_fit(file: CheckpointFile) -> Settings:
    """Return the model's settings if the tensors fit them; no memory is spent on weights before that is known."""
    try:
        config = file.header.model_settings()
    except SettingsError as error:
        raise CheckpointError(f"The header of the checkpoint '{file.path}' is wrong: {error}") from error
    expected = shapes_when_built(lambda: build_model(config))
    problem = mismatch(expected, {k: v for k, v in file.shapes.items() if not k.startswith(_TRAINING_ONLY)})
    if problem is not None:
        raise CheckpointError(f"The checkpoint '{file.path}' does not fit the settings in its own header: {problem}.")
    return config
