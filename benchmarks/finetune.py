"""Measure what `fomm finetune` gains: one synthetic person's held-out clip, before and after; write JSON.

    python benchmarks/finetune.py --clips DATA/clips
    python benchmarks/finetune.py --clips DATA/clips --steps 2 --people 1 --backbone none   # to see that it works

For each person with two clips or more in the test split, the last clip is held out: its first frame is the photo, its
other frames are what the model must make of it. The other clips of that person (blended with other faces, before other
walls and in other light) are what it learns from; then the same again from the photo alone.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import save

from fomm.config.training.finetune import FinetuneSettings
from fomm.geometry.landmarks import LIDS, LIPS
from fomm.media.video import read_video
from fomm.model.interface import AnimationModel
from fomm.training.data.labelled_clips import read_index
from fomm.training.finetune.run import backbone
from fomm.training.finetune.task import FinetuneTask, Frames
from fomm.training.loop.trainer import Trainer
from fomm.training.loop.workers import choose_device
from fomm.weights.loading import load_model

MARGIN = 4  # pixels around a region's landmarks
REGIONS = {"face": range(468), "mouth": LIPS, "eyes": LIDS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, required=True, help="folder with index.json")
    parser.add_argument("--model", default="compact-256")
    parser.add_argument("--people", type=int, default=4)
    parser.add_argument("--steps", type=int, default=FinetuneSettings().steps)
    parser.add_argument("--backbone", choices=("auto", "vgg16", "none"), default="auto")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    settings = FinetuneSettings(steps=arguments.steps)
    features = backbone(arguments.backbone)
    results = []
    for portrait, names in people(arguments.clips)[: arguments.people]:
        *shown, held = (frames(arguments.clips, name) for name in names)
        landmarks = np.load(arguments.clips / "test" / f"{names[-1]}.npz")["landmarks"] / 8  # [T, 468, 2]
        row: dict[str, Any] = {"portrait": portrait, "clips": names[:-1], "held_out": names[-1]}
        for way, clips in (("clips", shown), ("photo", [])):
            model = load_model(arguments.model).model
            before = errors(model.to(device), held, landmarks)
            task = FinetuneTask(model, held[0], clips, settings, features, device)
            trainer = Trainer(task, None, device, on_progress=lambda progress: None)
            began = time.perf_counter()
            trainer.run()
            seconds = time.perf_counter() - began
            model.load_state_dict(trainer.state.averaged)
            after = errors(model, held, landmarks)
            ratios = {region: after[region] / before[region] for region in before}
            row[way] = {"before": before, "after": after, "ratio": ratios, "seconds": seconds}
            print(portrait, way, {region: f"{ratio:.0%}" for region, ratio in ratios.items()}, f"{seconds:.0f} s")
        results.append(row)
    mean = {
        way: {region: float(np.mean([row[way]["ratio"][region] for row in results])) for region in ("all", *REGIONS)}
        for way in ("clips", "photo")
    }
    print(mean)
    save(
        "finetune",
        {"model": arguments.model, "steps": settings.steps, "mean": mean, "people": results},
        arguments.output,
    )


def people(root: Path) -> list[tuple[str, list[str]]]:
    """Return held-out portraits with at least two test clips, those with most clips first."""
    clips: dict[str, list[str]] = defaultdict(list)
    for name, entry in read_index(root / "index.json").items():
        if entry["split"] == "test" and str(entry["portrait"]).endswith("5"):
            clips[str(entry["portrait"])].append(name)
    several = [(portrait, sorted(names)) for portrait, names in clips.items() if len(names) > 1]
    return sorted(several, key=lambda person: (-len(person[1]), person[0]))


def frames(root: Path, name: str) -> Frames:
    return np.stack(list(read_video(root / "test" / f"{name}.mp4")))


@torch.no_grad()
def errors(model: AnimationModel, clip: Frames, landmarks: np.ndarray) -> dict[str, float]:
    """Return the mean L1 in [0, 1] of a clip made from its first frame, by region."""
    model.eval()
    device = next(model.parameters()).device
    pictures = torch.from_numpy(clip).permute(0, 3, 1, 2).float().div(255).to(device)
    source = model.detect(pictures[:1])
    encoded = model.encode(pictures[:1])
    found: dict[str, list[float]] = {region: [] for region in ("all", *REGIONS)}
    for moment in range(2, len(clip), 3):
        target = pictures[moment : moment + 1]
        error = (model.animate(encoded, model.detect(target), source).image - target).abs().mean((0, 1))  # [H, W]
        found["all"].append(float(error.mean()))
        for region, points in REGIONS.items():
            place = landmarks[moment][list(points)]
            (x0, y0), (x1, y1) = np.maximum(place.min(0) - MARGIN, 0).astype(int), (place.max(0) + MARGIN).astype(int)
            found[region].append(float(error[y0:y1, x0:x1].mean()))
    return {region: float(np.mean(values)) for region, values in found.items()}


if __name__ == "__main__":
    main()
