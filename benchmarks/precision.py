"""Time the bundled model in each number type on one thread and in turns; write JSON and print the ratios.

    python benchmarks/precision.py

Three questions, each answered within one run: whether `auto` takes the fastest type, how long the choice takes, and
what heatmaps without denormal numbers are worth (against the same code with their exponents left alone, as the
release before had them).
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import torch
from machine import save

from fomm.config.render import RenderSettings
from fomm.face.crop import CropWindow
from fomm.geometry import grids as geometry
from fomm.geometry.keypoints import Keypoints
from fomm.media.photo.image import read_image
from fomm.networks.layout import has_native_bfloat16
from fomm.render.animator import Animator
from fomm.weights import precision
from fomm.weights.loading import load_model
from fomm.weights.locations import demo_folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=25)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    model = load_model().model
    start = time.perf_counter()
    found = precision._time(model.timed_layers())
    result = {"threads": arguments.threads, "auto": found.precision, "choosing_s": time.perf_counter() - start}

    types = ["float32", "bfloat16"] if has_native_bfloat16() else ["float32"]
    runs = {name: generate(name) for name in types}
    times = in_turns(runs, arguments.turns)
    best = min(times.values())
    result |= {f"generate_{name}_ms": 1e3 * spent for name, spent in times.items()}
    result["auto_against_best"] = times[found.precision] / best

    def left_alone() -> None:
        with mock.patch.object(geometry, "_LEAST", -1e4):
            runs["float32"]()

    both = {"normal": runs["float32"], "denormal": left_alone}
    pairs = in_turns(both, arguments.turns)
    result["denormal_float32_ms"] = 1e3 * pairs["denormal"]
    result["normal_against_denormal"] = pairs["normal"] / pairs["denormal"]
    print(
        f"auto takes {found.precision}, {result['auto_against_best']:.3f} of the best; without denormals "
        f"{result['normal_against_denormal']:.3f} of the time"
    )
    save("precision", result, arguments.output)


def generate(name: str) -> Callable[[], None]:
    """Return the generation of a batch of frames that move a little, in a number type."""
    animator = Animator(load_model().model, 256, RenderSettings(device="cpu", precision=name))
    photo = read_image(demo_folder() / "portrait.jpg")
    side = float(min(photo.shape[:2]))
    portrait = animator.portrait(photo, CropWindow(0.0, 0.0, side))
    own = portrait.keypoints
    shifts = torch.linspace(-0.02, 0.02, animator.compute.batch_size)[:, None, None]
    jacobian = None if own.jacobian is None else own.jacobian.expand(len(shifts), -1, -1, -1)
    driving = Keypoints(own.value + shifts, jacobian)
    return lambda: list(animator.frames(portrait, driving)) and None


def in_turns(runs: dict[str, Callable[[], None]], turns: int) -> dict[str, float]:
    """Return the median seconds of each, run one after another in every turn; the first turn warms up."""
    spent: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(turns + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            spent[name].append(time.perf_counter() - start)
    return {name: statistics.median(values[1:]) for name, values in spent.items()}


if __name__ == "__main__":
    main()
