"""The training loop: stages in order, averaged weights, exact resume, one process or many.

Every step's randomness comes from (seed, stage, step, rank), so a run that was stopped and resumed continues as if it
had never stopped. Under `torchrun` each process takes its own samples and gradients are averaged.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from safetensors.torch import save_file
from torch import Tensor, nn

from fomm.errors import CheckpointError
from fomm.nn.compact import CompactModel
from fomm.nn.layout import channels_last
from fomm.training.augment import TransferSample, augment
from fomm.training.clips import PairedClips
from fomm.training.generator_stage import GeneratorStage
from fomm.training.motion_stage import cosine_rate, motion_losses
from fomm.training.settings import CompactConfig, StageSettings

log = logging.getLogger(__name__)


class Trainer:
    """Train a compact model through its stages.

    Args:
        config: model and schedule.
        clips: paired clips to learn from.
        folder: where state, averaged weights and contact sheets go; a state found there is resumed.
        device: where to compute.
    """

    def __init__(self, config: CompactConfig, clips: PairedClips, folder: Path, device: torch.device) -> None:
        self.config, self.settings = config, config.training
        self.clips, self.folder, self.device = clips, folder, device
        self.rank, self.world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        torch.manual_seed(self.settings.seed)
        self.model = channels_last(CompactModel(config.model).to(device))
        self.averaged = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        self.stage, self.step = 0, 0
        self.optimizer_state: dict[str, Any] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        if self._state_file.is_file():
            self._resume()

    def run(self) -> None:
        """Train until every stage is done."""
        while self.stage < len(self.settings.stages):
            self._run_stage(self.settings.stages[self.stage])
            self.stage, self.step, self.optimizer_state = self.stage + 1, 0, None
            self._save(None)

    def _run_stage(self, stage: StageSettings) -> None:
        generator_stage = GeneratorStage(self.model, stage, self.settings, self.device)
        parameters = _trained_parameters(self.model, stage.name)
        optimizer = torch.optim.AdamW(
            parameters, lr=stage.learning_rate, betas=(0.5, 0.99), weight_decay=self.settings.weight_decay
        )
        if self.optimizer_state is not None:
            optimizer.load_state_dict(self.optimizer_state)
        self.model.train()
        if stage.name == "generator":
            self.model.detector.eval()
            self.model.dense_motion.eval()
        totals: dict[str, float] = {}
        started, first = time.perf_counter(), self.step
        for sample in self._samples(stage):
            rate = stage.learning_rate * cosine_rate(self.step, stage.steps)
            for group in optimizer.param_groups:
                group["lr"] = rate
            torch.manual_seed(self._seed(self.step))
            with self._autocast():
                if stage.name == "motion":
                    losses = motion_losses(self.model, sample, stage.motion, stage.cross_share)
                else:
                    losses = generator_stage.losses(sample)
            optimizer.zero_grad(set_to_none=True)
            torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
            self._average_gradients(parameters)
            norm = nn.utils.clip_grad_norm_(parameters, self.settings.clip_norm or math.inf)
            if torch.isfinite(norm):
                optimizer.step()
            else:
                log.warning("step %d skipped: its gradient is not finite", self.step)
            self.step += 1
            self._update_average()
            for name, value in losses.items():
                totals[name] = totals.get(name, 0.0) + float(value.detach())
            self._report(stage, totals, started, first)
            if self.step % self.settings.checkpoint_every == 0 or self.step == stage.steps:
                self._save(optimizer.state_dict())

    def _samples(self, stage: StageSettings) -> Iterator[TransferSample]:
        """Yield the remaining samples of a stage, the next one prepared while the current one is trained on."""
        with ThreadPoolExecutor(max_workers=1) as pool:
            pending = pool.submit(self._sample, stage, self.step)
            for step in range(self.step, stage.steps):
                sample = pending.result()
                if step + 1 < stage.steps:
                    pending = pool.submit(self._sample, stage, step + 1)
                yield sample

    def _sample(self, stage: StageSettings, step: int) -> TransferSample:
        numbers = np.random.default_rng(self._seed(step))
        picks = numbers.integers(0, (len(self.clips.names), self.clips.source.shape[1]), (stage.batch_size, 2))
        batch = self.clips.batch((int(clip), int(frame)) for clip, frame in picks)
        generator = torch.Generator().manual_seed(self._seed(step))
        self_driven = stage.batch_size - round(stage.batch_size * stage.cross_share)
        sample = augment(batch, self.settings.augment, stage.side, generator, self_driven)
        return TransferSample(**{name: value.to(self.device) for name, value in vars(sample).items()})

    def _seed(self, step: int) -> int:
        return ((self.settings.seed * 64 + self.stage) * 10_000_000 + step) * max(self.world, 1) + self.rank

    def _autocast(self) -> AbstractContextManager[Any]:
        low = self.settings.precision == "bfloat16" or (
            self.settings.precision == "auto" and (self.device.type == "cuda" or has_native_bfloat16())
        )
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=low)

    def _average_gradients(self, parameters: list[nn.Parameter]) -> None:
        if self.world == 1:
            return
        for parameter in parameters:
            if parameter.grad is not None:
                dist.all_reduce(parameter.grad)
                parameter.grad /= self.world

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(self.settings.ema_decay, (1 + self.step) / (10 + self.step)) if self.stage == 0 else None
        decay = self.settings.ema_decay if decay is None else decay
        for name, value in self.model.state_dict().items():
            if value.is_floating_point():
                self.averaged[name].lerp_(value, 1 - decay)
            else:
                self.averaged[name].copy_(value)

    def _report(self, stage: StageSettings, totals: dict[str, float], started: float, first: int) -> None:
        every = self.settings.log_every
        if self.rank or self.step % every:
            return
        pace = (time.perf_counter() - started) / (self.step - first)
        left = pace * (stage.steps - self.step)
        text = "  ".join(f"{name} {value / every:.4f}" for name, value in totals.items())
        log.info("%s %d/%d  %.2f s/step  %.0f min left  %s", stage.name, self.step, stage.steps, pace, left / 60, text)
        totals.clear()

    @property
    def _state_file(self) -> Path:
        return self.folder / "state.pt"

    def _save(self, optimizer: dict[str, Any] | None) -> None:
        """Write state and averaged weights, each whole or not at all."""
        if self.rank:
            return
        state = {
            "model": self.model.state_dict(),
            "averaged": self.averaged,
            "optimizer": optimizer,
            "stage": self.stage,
            "step": self.step,
            "config": self.config.digest(),
        }
        partial = self._state_file.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self._state_file)
        weights = self.folder / "averaged.safetensors"
        save_file({name: value.contiguous() for name, value in self.averaged.items()}, weights.with_suffix(".partial"))
        weights.with_suffix(".partial").replace(weights)

    def _resume(self) -> None:
        state = torch.load(self._state_file, map_location=self.device, weights_only=True)
        try:
            self.model.load_state_dict(state["model"])
        except RuntimeError as error:
            raise CheckpointError(
                f"{self._state_file} was made by another model configuration; choose another run folder."
            ) from error
        self.averaged = state["averaged"]
        self.stage, self.step, self.optimizer_state = state["stage"], state["step"], state["optimizer"]


def _trained_parameters(model: CompactModel, stage: str) -> list[nn.Parameter]:
    if stage == "motion":
        return [*model.detector.parameters(), *model.dense_motion.parameters()]
    if stage == "generator":
        return list(model.generator.parameters())
    return list(model.parameters())


def has_native_bfloat16() -> bool:
    """Tell whether this CPU multiplies bfloat16 in hardware; elsewhere autocast would only slow it down."""
    capability = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(capability.get("avx512_bf16") or capability.get("amx_bf16"))


def to_float(losses: dict[str, Tensor]) -> dict[str, float]:
    """Return plain numbers for logging."""
    return {name: float(value.detach()) for name, value in losses.items()}
