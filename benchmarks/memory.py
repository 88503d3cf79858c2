"""Measure the peak memory of an animation, ffmpeg included, for a short and a long clip; write JSON.

    python benchmarks/memory.py --tiny                       # a minute-long and a ten-minute clip, quick tiny networks
    python benchmarks/memory.py --model checkpoints/compact-256.safetensors

Each animation runs in a process of its own. Ten times a second the resident memory of it and of all its children is
added up from /proc (Linux only). Pages that several processes share, as a child just forked does with its parent, are
split between them ("Pss"). A child that is still a copy of its parent, about to become ffmpeg, does not count.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import save
from material import TINY, demo_photo, driving_clip, ledger_with, random_checkpoint

from fomm.config.animate import AnimateSettings
from fomm.config.refine import RefineSettings
from fomm.config.training.compact import CompactSettings
from fomm.heap import keep_freed_memory
from fomm.tasks.animate import Pipeline

EVERY_S = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="", help="name or path of a checkpoint; random weights if left out")
    parser.add_argument("--tiny", action="store_true", help="tiny networks: the long clip takes minutes, not a quarter")
    parser.add_argument("--minutes", type=float, nargs=2, default=(1.0, 10.0), metavar=("SHORT", "LONG"))
    parser.add_argument("--whole-photo", action="store_true", help="compose the 512 px photo, not only the square")
    parser.add_argument("--run", nargs=3, metavar=("MODEL", "CLIP", "FOLDER"), help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    if arguments.run:
        keep_freed_memory()  # as the command line does
        animate(*arguments.run, crop_only=not arguments.whole_photo)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = arguments.model or str(random_checkpoint(TINY if arguments.tiny else CompactSettings(), folder))
        clips = []
        for minutes in arguments.minutes:
            clip = driving_clip(folder, 60 * minutes)
            command = [sys.executable, __file__, "--run", model, str(clip), str(folder)]
            peak, seconds = watch([*command, *(["--whole-photo"] if arguments.whole_photo else [])])
            clips.append({"minutes": minutes, "peak_mb": peak / 2**20, "wall_s": seconds})
            print(f"{minutes:g} minutes: {peak / 2**20:.0f} MiB at most, {seconds:.0f} s")
    growth = clips[1]["peak_mb"] / clips[0]["peak_mb"] - 1
    print(f"the long clip takes {growth:+.1%} memory")
    name = "memory_tiny" if arguments.tiny else "memory"
    weights = Path(arguments.model).name or ("tiny random networks" if arguments.tiny else "random weights")
    output = "512 px photo" if arguments.whole_photo else "plain square"
    save(name, {"model": weights, "output": output, "clips": clips, "growth": growth}, arguments.output)


def animate(model: str, clip: str, folder: str, *, crop_only: bool) -> None:
    """Do what is measured."""
    photo = demo_photo(Path(folder), 512, 512)
    pipeline = Pipeline(model, ledger=ledger_with(Path(folder), [photo]))
    output = Path(clip).with_name("out.mp4")
    settings = AnimateSettings(refine=RefineSettings(crop_only=crop_only))
    receipt = pipeline.animate(photo, Path(clip), output, settings, force=True)
    print(f"{receipt.frames} frames")


def watch(command: list[str]) -> tuple[int, float]:
    """Run a command; return the peak resident bytes of its process tree and its seconds."""
    started, peak = time.perf_counter(), 0
    process = subprocess.Popen(command)
    while process.poll() is None:
        peak = max(peak, tree_bytes(process.pid))
        time.sleep(EVERY_S)
    if process.returncode:
        raise SystemExit(f"the animation failed with exit code {process.returncode}")
    return peak, time.perf_counter() - started


def tree_bytes(root: int) -> int:
    """Return the resident memory of a process and its descendants; those that end meanwhile count nothing."""
    total, waiting = 0, [root]
    python = Path(f"/proc/{root}/exe")
    while waiting:
        pid = waiting.pop()
        try:
            if pid != root and Path(f"/proc/{pid}/exe").samefile(python):
                continue
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            for task in Path(f"/proc/{pid}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:"))
    return total


if __name__ == "__main__":
    main()
