"""The training loop: phases in order, averaged weights, exact resume, one process or many.

Every step's randomness comes from (seed, phase, step, rank), so a run that was stopped and resumed continues as if it
had never stopped. Under `torchrun` each process takes its own batches; gradients and batch statistics are averaged.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, Generic

import torch
from torch import nn

from fomm.config.training.stages import TrainSettings
from fomm.errors import CheckpointError, SettingsError
from fomm.training.loop.board import Board, steps_before
from fomm.training.loop.learner import Learner
from fomm.training.loop.progress import Listener, Meter, log_progress
from fomm.training.loop.run_folder import Nowhere, RunFolder, RunState, contact_sheet
from fomm.training.loop.workers import Workers
from fomm.training.tasks.task import Batch, Draw, Outcome, Phase, Task
from fomm.trust.keys.key_store import KeyStore
from fomm.trust.marks.kinds import TRAINING_SHEET
from fomm.trust.release.sheet import SheetMarker
from fomm.weights.precision import fast_type

log = logging.getLogger(__name__)
_MOST_SKIPPED = 25


class Trainer(Generic[Batch]):
    """Train a task through its phases.

    Args:
        task: what to train.
        folder: where state, weights and contact sheets go; a state found there is resumed. Without one nothing is
            written: what was learnt is in `state.averaged`.
        device: where the task computes.
        workers: the processes that train together.
        on_progress: called in the first process every `log_every` steps and at the end of each phase.
        resume: see `RunFolder.load`.
        board: TensorBoard to write to, in the first process.
        keys: whose keys mark the contact sheets; the user's own by default.

    Raises:
        TrustError: the keys cannot be read or made.
        CheckpointError: the folder's state is damaged or of another configuration.
        OutputError: the folder cannot be used.
    """

    def __init__(
        self,
        task: Task[Batch],
        folder: Path | None,
        device: torch.device,
        *,
        workers: Workers | None = None,
        on_progress: Listener = log_progress,
        resume: str = "auto",
        board: Board | None = None,
        keys: KeyStore | None = None,
    ) -> None:
        self.task, self.settings, self.device = task, task.loop, device
        self.workers, self.on_progress = workers or Workers(), on_progress
        self._low = _is_low(task, device)
        self.folder = RunFolder(folder, task.identity) if folder else Nowhere()
        weights = {name: value.detach().clone() for name, value in task.model.state_dict().items()}
        self.state = self.folder.load(resume, device) or RunState(weights, weights)
        try:
            task.model.load_state_dict(self.state.model)
        except RuntimeError as error:
            raise CheckpointError(
                f"The state in '{folder}' is of another model configuration; choose another run folder."
            ) from error
        self.steps_done = 0
        self.board = board if self.workers.is_first else None
        shows = self.workers.is_first and (folder is not None or board is not None)
        run = f"{task.identity.model} {task.identity.training}"
        self.marker = SheetMarker(TRAINING_SHEET, run, keys) if shows else None
        self.meter = Meter()

    @property
    def finished(self) -> bool:
        """Whether every phase is done."""
        return self.state.stage >= len(self.task.phases)

    def run(self, steps: int | None = None) -> None:
        """Train until every phase is done, or for at most `steps` optimiser steps of any phase.

        Raises:
            SettingsError: the training diverged.
            OutputError: the run folder cannot be written.
        """
        limit = sum(phase.steps for phase in self.task.phases) if steps is None else steps
        if self.board is not None:
            self.board.begin(self._steps_in_all())
        try:
            while not self.finished and self.steps_done < limit:
                phase = self.task.phases[self.state.stage]
                self._run_phase(phase, min(phase.steps, self.state.step + limit - self.steps_done))
                if self.state.step >= phase.steps:
                    self._end_phase(phase)
        finally:
            if self.board is not None:
                self.board.close()
        self.workers.wait()

    def _steps_in_all(self) -> int:
        return steps_before(self.task.phases, self.state.stage) + self.state.step

    def _run_phase(self, phase: Phase, stop: int) -> None:
        self.task.model.train()
        self.task.begin(self.state.stage)
        learner = self._learner(self.task.optimizer(), self.task.model, self.state.optimizer)
        critic, critic_learner, kept = self.task.critic, None, self.state.critic or {}
        if critic is not None:
            if kept:
                critic.discriminator.load_state_dict(kept["model"])
            critic_learner = self._learner(critic.optimizer, critic.discriminator, kept.get("optimizer"))
        self.meter = Meter()
        skipped = 0
        with closing(self._batches(stop)) as batches:  # whatever ends this, nothing is read or decoded afterwards
            for batch in batches:
                if self._step(batch, learner, critic_learner):
                    skipped = 0
                else:
                    skipped += 1
                    self._warn_or_give_up(skipped)
                self.state.step += 1
                self.steps_done += 1
                if self.workers.is_first:
                    self._report(phase, batch)
                if self.state.step % self.settings.checkpoint_every == 0 or self.state.step == stop:
                    self._save(learner, critic_learner)

    def _step(self, batch: Batch, learner: Learner, critic_learner: Learner | None) -> bool:
        """Train on one batch; return False if nothing was learnt because the gradient was not finite."""
        step = self.state.step
        torch.manual_seed(self._seed(step))
        before = learner.remember()
        with self._autocast():
            outcome = self.task.losses(batch)
        rate = self.task.rate(step)
        if not learner.advance(outcome.losses, rate, before):
            self.meter.skip()
            return False
        losses = dict(outcome.losses)
        if critic_learner is not None:
            losses |= self._step_critic(outcome, critic_learner, rate)
        self._update_average()
        self.meter.add(losses)
        return True

    def _step_critic(self, outcome: Outcome, learner: Learner, rate: float) -> dict[str, torch.Tensor]:
        critic, generated, target, driving = self.task.critic, outcome.generated, outcome.target, outcome.driving
        if critic is None or generated is None or target is None or driving is None:
            return {}
        before = learner.remember()
        with self._autocast():
            losses = critic.own_losses(generated, target, driving)
        learner.advance(losses, rate, before)
        return losses

    def _learner(self, optimizer: torch.optim.Optimizer, module: nn.Module, stored: dict[str, Any] | None) -> Learner:
        learner = Learner(optimizer, module, self.settings.clip_norm, self.workers)
        if stored is not None:
            learner.load(stored)
        return learner

    def _batches(self, stop: int) -> Generator[Batch]:
        """Yield the phase's batches up to `stop`, the next ones prepared while the current one is trained on."""
        ahead = self.settings.loaders or (4 if self.device.type == "cuda" else 1)
        with ThreadPoolExecutor(max_workers=ahead) as pool:
            pending: deque[Future[Batch]] = deque()
            for step in range(self.state.step, stop):
                for wanted in range(step + len(pending), min(step + ahead + 1, stop)):
                    pending.append(pool.submit(self.task.make_batch, self._draw(wanted)))
                yield pending.popleft().result()

    def _draw(self, step: int) -> Draw:
        return Draw(self.state.stage, step, self._seed(step), self.workers.rank, self.workers.world)

    def _seed(self, step: int) -> int:
        position = (self.settings.seed * 64 + self.state.stage) * 10_000_000 + step
        return position * self.workers.world + self.workers.rank

    def _autocast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self._low)

    @torch.no_grad()
    def _update_average(self) -> None:
        step = self.state.step + 1
        # Early in a phase, what it trains may be far from its start: average little more than the latest weights.
        decay = min(self.settings.ema_decay, (1 + step) / (10 + step))
        for name, value in self.task.model.state_dict().items():
            if value.is_floating_point():
                self.state.averaged[name].lerp_(value, 1 - decay)
            else:
                self.state.averaged[name].copy_(value)

    def _warn_or_give_up(self, skipped: int) -> None:
        log.warning("step %d left out: its gradient is not finite", self.state.step)
        if skipped >= _MOST_SKIPPED:
            own = isinstance(self.settings, TrainSettings)  # else no file of the user's says how precisely to compute
            or_else = " or set `precision: float32` in the training section" if own else ""
            raise SettingsError(
                f"Training diverged: {skipped} steps in a row had no finite gradient; lower the learning rate{or_else} "
                "and start again (fomm train goes on in the same folder with --resume adapt)."
            )

    def _report(self, phase: Phase, batch: Batch) -> None:
        number, step = self.state.stage + 1, self.state.step
        if step % self.settings.log_every == 0 or step == phase.steps:
            progress = self.meter.report(phase.name, number, len(self.task.phases), step, phase.steps)
            if self.board is not None:
                self.board.report(progress, self._steps_in_all())
            self.on_progress(progress)
        if step % self.settings.sheet_every == 0 or step == phase.steps:
            self._show(phase, batch)

    def _show(self, phase: Phase, batch: Batch) -> None:
        """Mark a contact sheet of a batch and write it to folder and board, where there is one."""
        if self.marker is None:
            return
        with looking_at(self.task.model):
            sheet = self.marker.mark(contact_sheet(self.task.pictures(batch)))
        number = self.state.stage + 1
        self.folder.write_sheet(number, phase.name, self.state.step, sheet)
        if self.board is not None:
            self.board.show(f"{number}-{phase.name}", sheet, self._steps_in_all())

    def _save(self, learner: Learner, critic_learner: Learner | None) -> None:
        self.state.model = self.task.model.state_dict()
        self.state.optimizer = learner.optimizer.state_dict()
        critic = self.task.critic
        self.state.critic = None
        if critic is not None and critic_learner is not None:
            self.state.critic = {
                "model": critic.discriminator.state_dict(),
                "optimizer": critic_learner.optimizer.state_dict(),
            }
        if self.workers.is_first:
            self.folder.save(self.state, self.task.model)

    def _end_phase(self, phase: Phase) -> None:
        number = self.state.stage + 1
        self.task.model.load_state_dict(self.state.averaged)  # the next phase builds on what is kept
        self.state.model = self.task.model.state_dict()
        # A critic and its optimiser live as long as their phase.
        self.state.stage, self.state.step, self.state.optimizer, self.state.critic = number, 0, None, None
        if self.workers.is_first:
            self.folder.save(self.state, self.task.model)
            self.folder.export(number, phase.name, self.state.averaged, self.task.model)


def _is_low(task: Task[Any], device: torch.device) -> bool:
    """Return whether the forward pass computes in bfloat16; on GPUs float16 would need scaled gradients."""
    if task.loop.precision != "auto":
        return task.loop.precision == "bfloat16"
    return device.type == "cuda" or fast_type(task.model, device) == torch.bfloat16


@contextmanager
def looking_at(model: nn.Module) -> Iterator[None]:
    """Put a model in evaluation mode without gradients, and every part back as it was."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes.items():
            module.training = mode
