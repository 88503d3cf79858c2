"""The folder of a run: the state to continue from, the averaged weights as checkpoints, and contact sheets.

| file | what |
|---|---|
| `state.pt` | everything needed to go on exactly: model, averages, optimisers, position |
| `averaged.safetensors` | the averaged weights as of the last save, a checkpoint like any other |
| `N-PHASE.safetensors` | the averaged weights at the end of phase N |
| `sheets/N-PHASE-STEP.png` | rows of source, driving, warped, generated, difference; marked
(`fomm.trust.release.sheet`) |
"""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from fomm.config.training.loop import RESUME
from fomm.errors import CheckpointError, OutputError, SettingsError
from fomm.model.build import family_of
from fomm.model.interface import AnimationModel
from fomm.training.tasks.task import Pictures, RunIdentity
from fomm.trust.release.sheet import MarkedSheet
from fomm.weights.files import CheckpointHeader, save_checkpoint

AVERAGED = "averaged.safetensors"
_SHEET_ROWS = 6


@dataclass
class RunState:
    """Where a run is and all that it has learnt.

    Attributes:
        model: state dict of the model.
        averaged: its running average.
        optimizer: state of the phase's optimiser; None between phases.
        critic: states of the discriminator and of its optimiser (`model`, `optimizer`); None without a critic.
        stage: present phase, from 0; the number of phases when all are done.
        step: steps done in it.
    """

    model: dict[str, Tensor]
    averaged: dict[str, Tensor]
    optimizer: dict[str, Any] | None = None
    critic: dict[str, Any] | None = None
    stage: int = 0
    step: int = 0


class RunFolder:
    """Read and write a run's folder.

    Args:
        path: the folder; made when missing.
        identity: whose run this is.

    Raises:
        OutputError: the folder cannot be made.
    """

    def __init__(self, path: Path, identity: RunIdentity) -> None:
        self.path, self.identity = path, identity
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"Cannot make the run folder '{path}': {error.strerror}.") from error

    @property
    def averaged(self) -> Path:
        """The averaged weights as of the last save."""
        return self.path / AVERAGED

    @property
    def _state(self) -> Path:
        return self.path / "state.pt"

    def load(self, resume: str, device: torch.device) -> RunState | None:
        """Return the stored state, or None where nothing is stored yet.

        Args:
            resume: "auto" continues a run of the same settings; "adapt" also one whose training settings have changed
                since; "never" insists on a fresh folder.
            device: where the tensors go.

        Raises:
            SettingsError: `resume` is none of these.
            OutputError: there is a state although there should be none.
            CheckpointError: the state is damaged or belongs to other settings.
        """
        if resume not in RESUME:
            raise SettingsError(f"resume must be one of {', '.join(RESUME)}, not '{resume}'.")
        if not self._state.is_file():
            return None
        if resume == "never":
            raise OutputError(
                f"'{self.path}' already holds a run; choose another folder, or go on with it: --resume auto."
            )
        try:
            stored: dict[str, Any] = torch.load(self._state, map_location=device, weights_only=True)
            state = RunState(
                stored["model"],
                stored["averaged"],
                stored["optimizer"],
                stored.get("critic"),
                stored["stage"],
                stored["step"],
            )
        except (OSError, RuntimeError, KeyError, TypeError, EOFError, pickle.UnpicklingError) as error:
            raise CheckpointError(f"The state '{self._state}' is damaged; delete it to start anew.") from error
        self._check(stored.get("identity"), resume)
        return state

    def save(self, state: RunState, model: AnimationModel) -> None:
        """Write the state and the averaged weights, each whole or not at all.

        Raises:
            OutputError: the disk is full or the folder not writable.
            CheckpointError: the averaged weights are not finite.
        """
        stored = vars(state) | {"config": self.identity.training, "identity": vars(self.identity)}
        partial = self._state.with_suffix(".partial")
        try:
            torch.save(stored, partial)
            os.replace(partial, self._state)
        except (OSError, RuntimeError) as error:
            partial.unlink(missing_ok=True)
            raise OutputError(f"Cannot write the state '{self._state}': {error}.") from error
        self._export(self.averaged, state.averaged, model)

    def export(self, number: int, phase: str, weights: dict[str, Tensor], model: AnimationModel) -> Path:
        """Write averaged weights as the checkpoint of a finished phase, and return its path.

        Raises:
            OutputError: as for `save`.
        """
        path = self.path / f"{number}-{phase}.safetensors"
        self._export(path, weights, model)
        return path

    def write_sheet(self, number: int, phase: str, step: int, sheet: MarkedSheet) -> None:
        """Write a contact sheet.

        Raises:
            OutputError: the picture cannot be written.
            TrustError: it cannot be signed.
        """
        path = self.path / "sheets" / f"{number}-{phase}-{step:06d}.png"
        try:
            path.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(f"Cannot write the contact sheet '{path}': {error}.") from error
        sheet.write(path)

    def _export(self, path: Path, weights: dict[str, Tensor], model: AnimationModel) -> None:
        header = CheckpointHeader(
            name=self.path.resolve().name,
            origin="trained with fomm",
            family=family_of(model.config),
            config=model.config.to_mapping(),
        )
        save_checkpoint(path, weights, header)

    def _check(self, identity: dict[str, str] | None, resume: str) -> None:
        # A state without an identity predates it: only its tensors can tell, when they are loaded.
        if identity is None:
            return
        if identity["model"] != self.identity.model:
            raise CheckpointError(f"'{self._state}' is of another model configuration; choose another run folder.")
        if identity["training"] != self.identity.training and resume != "adapt":
            raise CheckpointError(
                f"'{self._state}' was made with other training settings; choose another run folder, or go on under the "
                "new ones: --resume adapt."
            )


class Nowhere:
    """Takes the place of a `RunFolder` where no trace of a run may stay behind but what its caller keeps."""

    def load(self, resume: str, device: torch.device) -> RunState | None:
        """Return None: nothing was stored."""
        return None

    def save(self, state: RunState, model: AnimationModel) -> None:
        """Store nothing."""

    def export(self, number: int, phase: str, weights: dict[str, Tensor], model: AnimationModel) -> None:
        """Write nothing."""

    def write_sheet(self, number: int, phase: str, step: int, sheet: MarkedSheet) -> None:
        """Write nothing."""


def contact_sheet(pictures: Pictures) -> NDArray[np.uint8]:
    """Lay out a batch's first pictures as uint8 `[rows, columns, H, W, 3]`, to be marked.

    The columns are source, driving, warped, generated, difference x 3.
    """
    columns = [pictures.source, pictures.driving, pictures.warped]
    if pictures.generated is not None:
        columns.append(pictures.generated)
    columns = [column[:_SHEET_ROWS].detach().float().cpu() for column in columns]
    columns = [F.interpolate(column, size=columns[0].shape[2:]) for column in columns]
    columns.append(3 * (columns[-1] - columns[1]).abs())
    grid = torch.stack(columns, dim=1)  # [rows, columns, 3, H, W]
    return grid.permute(0, 1, 3, 4, 2).clamp(0, 1).mul(255).round().to(torch.uint8).numpy()
