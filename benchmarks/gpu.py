"""Time the vox-256 networks on a CUDA machine: precision, batch size, eager and compiled; write JSON.

    python benchmarks/gpu.py                         # on a machine with a GPU
    python benchmarks/gpu.py --device cpu --tiny     # only to see that the script works

A frame is keypoints of the driving frame, dense motion and decoder; the source is encoded once. Frames per second are
of the networks alone, with inputs on the device. Compiled means that `torch.compile` sees all of it. The
memory is the peak of PyTorch's allocator.
"""

from __future__ import annotations

import argparse
import copy
import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from machine import save
from official_speed import CONFIG, random_model

from fomm.config.training.paper import ModelConfig, load_config
from fomm.model.interface import AnimationModel
from fomm.render.optimise import prepare

TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
TINY = {
    "common_params": {"num_kp": 3},
    "kp_detector_params": {"block_expansion": 4, "max_features": 8, "num_blocks": 2},
    "generator_params": {
        "block_expansion": 4,
        "max_features": 8,
        "num_bottleneck_blocks": 1,
        "dense_motion_params": {"block_expansion": 4, "max_features": 8, "num_blocks": 2},
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="tiny networks on 64 px, to try the script")
    parser.add_argument("--precision", nargs="+", choices=TYPES, default=["float32", "bfloat16", "float16"])
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 32])
    parser.add_argument("--no-compile", action="store_true", help="measure eager only")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each case is timed")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    config = ModelConfig.from_mapping(TINY) if arguments.tiny else load_config(CONFIG).model_params
    side = 64 if arguments.tiny else 256
    model = random_model(config).to(device).eval()
    source = blotches(side).to(device)
    exact = stepper(model, source, torch.float32, compiled=False)
    cases = []
    for precision in arguments.precision:
        fast = prepare(copy.deepcopy(model), TYPES[precision])
        for compiled in (False,) if arguments.no_compile else (False, True):
            step = stepper(fast, source, TYPES[precision], compiled=compiled)
            for batch in arguments.batch:
                driving = torch.cat([source.roll((i % 7, i % 5), (2, 3)) for i in range(batch)])
                case = {"precision": precision, "batch": batch, "compiled": compiled}
                cases.append(case | measure(step, exact, driving, arguments.seconds))
                print(cases[-1])
    name = "gpu" if device.type == "cuda" and not arguments.tiny else "gpu_trial"
    save(name, {"network": "tiny" if arguments.tiny else "vox-256", "cases": cases}, arguments.output)


Step = Callable[[torch.Tensor], torch.Tensor]


def stepper(model: AnimationModel, source: torch.Tensor, dtype: torch.dtype, *, compiled: bool) -> Step:
    """Return the function from driving frames `[B, 3, S, S]` to frames of the source `[1, 3, S, S]`, encoded once."""

    def frames(driving: torch.Tensor) -> torch.Tensor:
        return model.animate(encoded, model.detect(driving), points).image

    function = torch.compile(frames, dynamic=False) if compiled else frames

    def step(driving: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode(), autocast(source, dtype):
            return function(driving)

    with torch.inference_mode(), autocast(source, dtype):
        encoded, points = model.encode(source), model.detect(source)
    return step


def autocast(source: torch.Tensor, dtype: torch.dtype) -> torch.autocast:
    return torch.autocast(source.device.type, dtype, enabled=dtype != torch.float32)


def measure(step: Step, exact: Step, driving: torch.Tensor, seconds: float) -> dict[str, Any]:
    """Return frames per second, milliseconds per call, seconds of the first call, PSNR to float32 and memory."""
    if driving.is_cuda:
        torch.cuda.reset_peak_memory_stats()
    first = timed(step, driving)
    calls: list[float] = []
    while sum(calls) < seconds or len(calls) < 3:
        calls.append(timed(step, driving))
    memory = torch.cuda.max_memory_allocated() / 2**20 if driving.is_cuda else None
    shown = driving[:4]
    difference = float((step(driving)[:4].float() - exact(shown)).square().mean())
    call = statistics.median(calls)
    return {
        "fps": len(driving) / call,
        "call_ms": call * 1e3,
        "first_call_s": first,
        "psnr_to_float32_db": -10 * math.log10(difference + 1e-12),
        "peak_memory_mb": memory,
    }


def blotches(side: int) -> torch.Tensor:
    """Return a picture `[1, 3, S, S]` of coloured squares."""
    coarse = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.interpolate(coarse, (side, side))


def timed(step: Step, driving: torch.Tensor) -> float:
    """Return the seconds of a call, waiting for the device."""
    if driving.is_cuda:
        torch.cuda.synchronize()
    started = time.perf_counter()
    step(driving)
    if driving.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
