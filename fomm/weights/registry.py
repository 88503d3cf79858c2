"""Named models: every shipped checkpoint has a JSON entry beside it with checksum, licence and origin."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from pathlib import Path

from fomm.config.animate import DEFAULT_MODEL
from fomm.config.arguments import given_path
from fomm.config.settings import Settings, option
from fomm.errors import CheckpointError, SettingsError
from fomm.weights.files import open_checkpoint, sha256
from fomm.weights.locations import checkpoints_folder


@dataclass(frozen=True)
class ModelEntry(Settings):
    """What is known about a shipped model without opening its checkpoint: the content of `checkpoints/NAME.json`."""

    name: str = option("", "Name of the model, the same as the file's.")
    description: str = option("", "One sentence on what the model is for.")
    licence: str = option("", "Licence of the weights, an SPDX expression.")
    origin: str = option("", "Who trained the weights, and on what.")
    sha256: str = option("", "SHA-256 hex digest of `NAME.safetensors`.")


def available_models() -> list[ModelEntry]:
    """Return the shipped models, sorted by name.

    Raises:
        CheckpointError: an entry is damaged.
    """
    return [_read_entry(path) for path in sorted(checkpoints_folder().glob("*.json"))]


def resolve_checkpoint(name_or_path: str | Path = DEFAULT_MODEL) -> Path:
    """Return the checkpoint file of a shipped model's name, or the path itself if it is a file.

    Raises:
        CheckpointError: there is no such model or file.
    """
    given = given_path(name_or_path, "model", CheckpointError)
    entry = _entry_of(str(name_or_path))
    path = checkpoints_folder() / f"{entry.name}.safetensors" if entry else given
    if path.is_file():
        return path
    if entry:
        raise CheckpointError(f"The file of the model '{entry.name}' is missing ('{path}'); reinstall fomm.")
    names = [model.name for model in available_models()]
    near = difflib.get_close_matches(str(name_or_path), names, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"shipped models: {', '.join(names) or 'none'}."
    raise CheckpointError(f"There is no model or checkpoint file '{name_or_path}'; {hint}")


def write_entry(checkpoint: str | Path, description: str) -> ModelEntry:
    """Write the JSON entry beside one of our checkpoints, from its header and checksum.

    Raises:
        CheckpointError: the checkpoint is damaged or not ours.
    """
    checkpoint = Path(checkpoint)
    with open_checkpoint(checkpoint) as file:
        header = file.header
    entry = ModelEntry(checkpoint.stem, description, header.licence, header.origin, sha256(checkpoint))
    checkpoint.with_suffix(".json").write_text(json.dumps(entry.to_mapping(), indent=2) + "\n", encoding="utf-8")
    return entry


def check_digest(path: Path, digest: str) -> None:
    """Compare a checkpoint's SHA-256 with the entry beside it, if there is one.

    Raises:
        CheckpointError: they differ.
    """
    entry_path = path.with_suffix(".json")
    if entry_path.is_file() and digest != _read_entry(entry_path).sha256:
        raise CheckpointError(
            f"The checkpoint '{path}' differs from the checksum in '{entry_path.name}'; reinstall it."
        )


def _entry_of(name: str) -> ModelEntry | None:
    return next((entry for entry in available_models() if entry.name == name), None)


def _read_entry(path: Path) -> ModelEntry:
    try:
        entry = ModelEntry.from_mapping(json.loads(path.read_text(encoding="utf-8")), f"'{path.name}'")
    except (OSError, ValueError, SettingsError) as error:
        raise CheckpointError(f"The model entry '{path}' is damaged: {error}") from error
    if entry.name != path.stem:
        raise CheckpointError(f"The model entry '{path}' names '{entry.name}' instead of '{path.stem}'.")
    return entry
