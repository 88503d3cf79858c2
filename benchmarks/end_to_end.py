"""Time a whole animation with the compact model, from the photo and clip to the marked file; write JSON.

    python benchmarks/end_to_end.py --model checkpoints/compact-256.safetensors

Each case is one call of `fomm.tasks.animate.Pipeline.animate` on a 20 s clip with sound, at 25 frames a second and 512
px, exactly what `fomm animate` does after loading the model. Frames per second are those of the whole call. The stages
are the wall time the calling thread spends in each, and beside it what threads that work ahead spend meanwhile;
decoding and encoding run in processes of their own, so their lines say how long the caller waited for them. On a busy
machine `--cpu --threads 1` tells more: stages in processor time.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does, before NumPy and PyTorch are loaded
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import queue
import tempfile
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import torch
from machine import save
from material import demo_photo, driving_clip, ledger_with, random_checkpoint
from stopwatch import Clock, Stages, stopwatch

from fomm.config.animate import AnimateSettings
from fomm.config.refine import RefineSettings
from fomm.config.training.compact import CompactSettings
from fomm.face.locate import FaceFinder
from fomm.heap import keep_freed_memory
from fomm.media.writer import VideoWriter
from fomm.model.compact import CompactModel
from fomm.networks.compact.dense_motion import CompactDenseMotion
from fomm.networks.compact.generator import CompactGenerator
from fomm.render.paste_back import PasteBack
from fomm.tasks import tracking
from fomm.tasks.animate import Pipeline
from fomm.track.surface import SurfaceTracker
from fomm.trust.marks.label import Label
from fomm.trust.release.draft import Draft
from fomm.trust.watermark import Embedder

CASES = {"256 px crop": (512, 512, True), "512 px photo": (512, 512, False), "1080p photo": (1920, 1080, False)}
STAGES: Stages = {
    "find the driving window": (tracking, "driving_window"),
    "watch the face": (FaceFinder, "find"),
    "wait for decoded frames": (queue.Queue, "get"),
    "wait for what is made ahead": (Future, "result"),
    "keypoints": (CompactModel, "detect"),
    "follow hair and clothes": (SurfaceTracker, "follow"),
    "dense motion": (CompactDenseMotion, "forward"),
    "decoder": (CompactGenerator, "decode"),
    "compose": (PasteBack, "compose"),
    "label": (Label, "apply"),
    "watermark": (Embedder, "__call__"),
    "hand over to the encoder": (VideoWriter, "write"),
    "finish encoding": (VideoWriter, "close"),
    "read the watermark back": (Draft, "read_back"),
    "sign and deliver": (Draft, "deliver"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="", help="name or path of a checkpoint; random weights if left out")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--case", choices=CASES, action="append", help="measure only this; may be repeated")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--cpu", action="store_true", help="give the stages in processor time of the calling thread")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    keep_freed_memory()  # as the command line does
    clock = time.thread_time if arguments.cpu else time.perf_counter
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result: dict[str, Any] = {"model": Path(arguments.model).name or "random weights"}
        started = time.perf_counter()
        pipeline = Pipeline(arguments.model or str(random_checkpoint(CompactSettings(), folder)))
        result["load_s"] = time.perf_counter() - started
        driving = driving_clip(folder, arguments.seconds)
        photos = {case: demo_photo(folder, *CASES[case][:2]) for case in arguments.case or CASES}
        pipeline.ledger = ledger_with(folder, sorted(set(photos.values())))
        result["cases"] = {case: measure(case, pipeline, photo, driving, clock) for case, photo in photos.items()}
    save("end_to_end", result, arguments.output)


def measure(case: str, pipeline: Pipeline, photo: Path, driving: Path, clock: Clock) -> dict[str, Any]:
    """Animate once and return frames per second and milliseconds per frame of each stage."""
    settings = AnimateSettings(refine=RefineSettings(crop_only=CASES[case][2]))
    output = driving.with_name(f"{case.replace(' ', '-')}.mp4")
    with stopwatch(STAGES, clock) as spent:
        started, begin, children = time.perf_counter(), clock(), os.times()
        receipt = pipeline.animate(photo, driving, output, settings)
        wall, whole, after = time.perf_counter() - started, clock() - begin, os.times()
    cpu = [
        getattr(after, key) - getattr(children, key) for key in ("user", "system", "children_user", "children_system")
    ]
    frames = receipt.frames
    stages = {stage: spent[stage] / frames * 1e3 for stage in STAGES}
    stages["everything else"] = whole / frames * 1e3 - sum(stages.values())
    print(f"{case}: {frames / wall:.1f} frames a second; {frames} frames, {receipt.path.stat().st_size / 1e6:.1f} MB")
    print(
        f"  {sum(cpu[:2]) / frames * 1e3:7.2f} ms  processor time here, {sum(cpu[2:]) / frames * 1e3:.2f} ms in ffmpeg"
    )
    aside = {stage: spent.aside[stage] / frames * 1e3 for stage in STAGES if stage in spent.aside}
    for stage, milliseconds in stages.items():
        meanwhile = f" (and {aside[stage]:.2f} ms ahead)" if stage in aside else ""
        print(f"  {milliseconds:7.2f} ms  {stage}{meanwhile}")
    return {
        "fps": frames / wall,
        "wall_s": wall,
        "cpu_s": sum(cpu[:2]),
        "ffmpeg_cpu_s": sum(cpu[2:]),
        "frames": frames,
        "stages_ms_per_frame": stages,
        "ahead_ms_per_frame": aside,
    }


if __name__ == "__main__":
    main()
