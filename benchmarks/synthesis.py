"""How fast `fomm synthesize` draws, per frame and stage, in processor time of one process.

    python benchmarks/synthesis.py PORTRAITS [--pairs 4] [--frames 40]

Target: 15 to 25 ms a frame on one core for drawing (`draw` and `truth`); a person is built once per clip.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from stopwatch import stopwatch

from fomm.synthesis.clip import draw as stages
from fomm.synthesis.clip.develop import Development
from fomm.synthesis.clip.draw import Studio
from fomm.synthesis.head.painter import Painter
from fomm.synthesis.plan import plan_pair


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("portraits", type=Path)
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument("--frames", type=int, default=40)
    options = parser.parse_args()
    beside = options.portraits.resolve().parent
    studio = Studio(options.portraits, beside / "face_units.npz", beside / "mouth.npz")
    studio.render(plan_pair(studio.folder, "train", 0, 0), 2)  # shaders and caches
    functions = {
        "build a person": (Studio, "_person"),
        "draw": (Painter, "draw"),
        "truth": (stages, "clip_truth"),
        "thing in front": (stages, "_put_before"),
        "develop": (Development, "apply"),
    }
    begun = time.process_time()
    with stopwatch(functions, time.process_time) as spent:
        for number in range(1, options.pairs + 1):
            studio.render(plan_pair(studio.folder, "train", 0, number), options.frames)
    frames = 2 * options.pairs * options.frames
    per_frame = {stage: round(1000 * seconds / frames, 2) for stage, seconds in spent.items()}
    whole = round(1000 * (time.process_time() - begun) / frames, 2)
    print(json.dumps({"frames": frames, "ms_per_frame": per_frame, "all_ms_per_frame": whole}, indent=1))


if __name__ == "__main__":
    main()
