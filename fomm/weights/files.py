"""The checkpoint file: safetensors, one JSON header that says what the weights are, written whole or not at all.

The header is a single metadata entry, `fomm`, so the same weights always give the same bytes. Nothing in the file is
ever executed, and shapes are compared with the configuration's before a tensor is read.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from fomm.config.settings import Settings, option
from fomm.errors import CheckpointError, OutputError, SettingsError
from fomm.model.build import model_settings
from fomm.weights.compare import check_values

SCHEMA = 1
MAX_BYTES = 4 * 2**30
_KEY = "fomm"


@dataclass(frozen=True)
class CheckpointHeader(Settings):
    """What a checkpoint says about itself.

    `binding` ties weights to one person's consent (`fomm.trust.consent.bound`); empty for weights that anybody may use.
    """

    name: str = option("unnamed", "Name of the model.")
    licence: str = option("unknown", "Licence of the weights, as an SPDX expression where there is one.")
    origin: str = option("unknown", "Where the weights come from: who trained them, and on what.")
    family: str = option("paper", "Which networks the weights are for.", choices=("paper", "compact"))
    config: dict[str, Any] = field(default_factory=dict, hash=False)
    binding: dict[str, str] = field(default_factory=dict, hash=False)
    schema: int = option(SCHEMA, "Version of the file layout.", low=1)

    def model_settings(self) -> Settings:
        """Return the typed settings of the model, ready for `fomm.model.build.build_model`.

        Raises:
            SettingsError: a key or value is wrong.
        """
        return model_settings(self.family, self.config)


@dataclass(frozen=True)
class CheckpointFile:
    """An open checkpoint file, header read, tensors not yet.

    Attributes:
        path: the file.
        header: what it says about itself.
        shapes: shape of every tensor, by key.
        read: reads one tensor by its key.
    """

    path: Path
    header: CheckpointHeader
    shapes: dict[str, tuple[int, ...]]
    read: Callable[[str], Tensor]

    def tensors(self) -> dict[str, Tensor]:
        """Read all tensors; floating ones become float32.

        Raises:
            CheckpointError: a tensor holds NaN or infinite values, or is neither of floats nor of whole numbers.
        """
        tensors = {key: self.read(key) for key in self.shapes}
        return check_values(tensors, self.path)


def save_checkpoint(
    path: str | Path, tensors: Mapping[str, Tensor], header: CheckpointHeader, *, dtype: torch.dtype | None = None
) -> None:
    """Write a checkpoint, replacing the file in one step; on failure the old file stays and nothing else is left.

    Args:
        path: where to write, usually `*.safetensors`.
        tensors: a state dict; tensors are brought to the CPU and made contiguous.
        header: what the checkpoint says about itself.
        dtype: type to store floating tensors in, to save space; None keeps each as it is.

    Raises:
        CheckpointError: a tensor holds NaN or infinite values.
        OutputError: the file cannot be written.
    """
    path = Path(path)
    plain = {key: _plain(tensor, dtype) for key, tensor in tensors.items()}
    check_values(plain, path)
    said = {key: value for key, value in header.to_mapping().items() if key != "binding" or value}
    metadata = {_KEY: json.dumps(said, sort_keys=True)}
    try:
        with _replacing(path) as temporary:
            save_file(plain, temporary, metadata=metadata)
    except (OSError, SafetensorError) as error:
        raise OutputError(f"Cannot write the checkpoint '{path}': {error}.") from error


@contextmanager
def open_checkpoint(path: str | Path) -> Iterator[CheckpointFile]:
    """Open a checkpoint file and read its header.

    Raises:
        CheckpointError: the file is missing, damaged, truncated, not ours, or from a newer version of fomm.
    """
    path = Path(path)
    check_size(path)
    try:
        with safe_open(path, framework="pt") as file:
            header = _parse_header(path, file.metadata() or {})
            shapes = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118 - not a dict
            yield CheckpointFile(path, header, shapes, file.get_tensor)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"The checkpoint '{path}' is damaged or not a safetensors file: {error}.") from error


def sha256(path: str | Path) -> str:
    """Return the SHA-256 hex digest of a file.

    Raises:
        CheckpointError: the file cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"Cannot read the checkpoint '{path}': {error.strerror}.") from error


def check_size(path: Path) -> None:
    """Refuse a missing, empty or absurdly large file before anything looks inside.

    Raises:
        CheckpointError: as said.
    """
    if not path.is_file():
        raise CheckpointError(f"There is no checkpoint file '{path}'.")
    size = path.stat().st_size
    if size == 0:
        raise CheckpointError(f"The checkpoint '{path}' is empty; copy or download it again.")
    if size > MAX_BYTES:
        raise CheckpointError(f"The checkpoint '{path}' has {size} bytes, more than the {MAX_BYTES} allowed.")


def _plain(tensor: Tensor, dtype: torch.dtype | None) -> Tensor:
    tensor = tensor.detach().cpu()
    if dtype is not None and tensor.is_floating_point():
        tensor = tensor.to(dtype)
    return tensor.contiguous()


def _parse_header(path: Path, metadata: Mapping[str, str]) -> CheckpointHeader:
    if _KEY not in metadata:
        raise CheckpointError(
            f"The file '{path}' holds tensors but no fomm header, so it is not one of our checkpoints."
        )
    try:
        content: Any = json.loads(metadata[_KEY])
        schema = content.get("schema") if isinstance(content, dict) else None
        if isinstance(schema, int) and schema > SCHEMA:
            raise CheckpointError(
                f"The checkpoint '{path}' has layout version {schema}, newer than this fomm reads; upgrade fomm."
            )
        return CheckpointHeader.from_mapping(content, "the header")
    except (ValueError, RecursionError, SettingsError) as error:
        raise CheckpointError(f"The header of the checkpoint '{path}' is wrong: {error}") from error


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its place on success and vanishes on failure."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())  # mkstemp's private mode would hide the checkpoint from other users
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
