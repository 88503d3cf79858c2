"""TensorBoard: the losses of a run as curves and its contact sheets as pictures, in `RUN/tensorboard`.

An optional extra that only `fomm train --tensorboard` asks for. Steps count through all phases, and a resumed run
takes up its curves where it takes up its steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from fomm.errors import OutputError, SettingsError, TrustError
from fomm.training.loop.progress import Progress
from fomm.training.tasks.task import Phase
from fomm.trust.release.sheet import MarkedSheet


class Board:
    """Writes one run's curves and pictures.

    Args:
        folder: where event files go.

    Raises:
        SettingsError: TensorBoard is not installed.
        OutputError: the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        try:
            import_module("tensorboard")
            kind: Any = import_module("torch.utils.tensorboard").SummaryWriter
        except ImportError as error:
            raise SettingsError(
                "--tensorboard needs TensorBoard: run `pip install 'fomm[train]'`, or leave the option out."
            ) from error
        self._folder, self._kind = folder, kind
        self._writer: Any = None

    def begin(self, step: int) -> None:
        """Start writing at `step`, counted through all phases; what an earlier, broken run wrote beyond it is hidden.

        Raises:
            OutputError: the folder cannot be written.
        """
        try:
            self._writer = self._kind(str(self._folder), purge_step=step + 1)
        except OSError as error:
            raise OutputError(f"Cannot write to '{self._folder}': {error.strerror}.") from error

    def report(self, progress: Progress, step: int) -> None:
        """Add a report's losses, their sum and the pace at `step`."""
        if self._writer is None:
            return
        for name, value in progress.losses.items():
            self._writer.add_scalar(f"loss/{name}", value, step)
        if progress.losses:
            self._writer.add_scalar("loss/total", sum(progress.losses.values()), step)
        self._writer.add_scalar("pace/seconds per step", progress.seconds_per_step, step)
        self._writer.add_scalar("pace/skipped steps", progress.skipped, step)

    def show(self, phase: str, sheet: MarkedSheet, step: int) -> None:
        """Add a contact sheet at `step`.

        Raises:
            TrustError: the sheet carries no marks.
        """
        if not isinstance(sheet, MarkedSheet) or not sheet.genuine:
            raise TrustError("TensorBoard shows marked sheets only; call fomm.trust.release.sheet.SheetMarker first.")
        if self._writer is not None:
            self._writer.add_image(f"sheets/{phase}", sheet.pixels, step, dataformats="HWC")

    def close(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def steps_before(phases: Sequence[Phase], number: int) -> int:
    """Return how many steps lie before phase `number`, from 0."""
    return sum(phase.steps for phase in phases[:number])
