"""Which number type is fast for a model on this machine: measured on layers of the model itself, then remembered.

A processor's flags do not tell. Of two that multiply bfloat16 in hardware, one is twice as fast in it as in float32
and the other half as fast. So a few convolutions that stand for most of a frame are timed in both types, in turns, and
the faster type is taken. The answer is kept for the processor, the version of PyTorch, the number of its threads and
the layers, in a small file in the user's cache folder; without that folder it is measured each time.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import secrets
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs
import torch
from torch.nn import functional as F

from fomm.model.interface import AnimationModel, TimedLayer
from fomm.networks.layout import has_native_bfloat16

FLOAT32, BFLOAT16 = "float32", "bfloat16"
_CACHE_FILE = "precision.json"
_TURNS = 4
_BUDGET = 0.3  # seconds for all layers together; what is known by then decides
_WORTH = 0.95  # share of float32's time from which bfloat16 pays for what it costs around the convolutions
_MOST_CACHE_BYTES = 100_000


@dataclass(frozen=True)
class Measurement:
    """How fast a model's layers are in each number type.

    Attributes:
        precision: the type to compute in, "float32" or "bfloat16".
        milliseconds: of the layers together, by type; empty where the processor has no bfloat16.
        processor: name of the processor it was measured on.
    """

    precision: str
    milliseconds: dict[str, float]
    processor: str


def fast_type(model: AnimationModel, device: torch.device) -> torch.dtype:
    """Return the number type in which `model` computes frames fastest on `device`.

    GPUs have half precision in hardware and win by it always; processors are measured, see `measure`.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if device.type != "cpu":
        return torch.float32
    return torch.bfloat16 if measure(model).precision == BFLOAT16 else torch.float32


def measure(model: AnimationModel) -> Measurement:
    """Return what is known of a model on this processor, measured now if it was not before.

    Args:
        model: on the CPU, not yet prepared for inference.
    """
    layers = model.timed_layers()
    key = _key(layers)
    known = _recall().get(key)
    if known is None:
        known = _time(layers)
        _remember(key, known)
    return known


def processor_name() -> str:
    """Return the name of this machine's processor, as well as the system tells it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    if sys.platform == "darwin":
        with contextlib.suppress(OSError):
            asked = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
            if name := subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip():
                return name
    return platform.processor() or platform.machine()


def _time(layers: Sequence[TimedLayer]) -> Measurement:
    """Time the layers in both types; without bfloat16 in hardware it is emulated, many times slower, and not tried."""
    if not has_native_bfloat16():
        return Measurement(FLOAT32, {}, processor_name())
    spent = {FLOAT32: 0.0, BFLOAT16: 0.0}
    end = time.perf_counter() + _BUDGET
    for number, layer in enumerate(layers):
        if number and time.perf_counter() > end:
            break
        for name, seconds in _time_layer(layer, end).items():
            spent[name] += layer.share * seconds
    fast = BFLOAT16 if spent[BFLOAT16] < _WORTH * spent[FLOAT32] else FLOAT32
    return Measurement(fast, {name: 1e3 * seconds for name, seconds in spent.items()}, processor_name())


def _time_layer(layer: TimedLayer, end: float) -> dict[str, float]:
    """Return seconds by type: of its best turn, which a busy machine disturbs least. The first turn warms up."""
    calls = {FLOAT32: _Convolution(layer, torch.float32), BFLOAT16: _Convolution(layer, torch.bfloat16)}
    best = dict.fromkeys(calls, float("inf"))
    for turn in range(_TURNS + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if turn:
                best[name] = min(best[name], time.perf_counter() - start)
        if turn and time.perf_counter() > end:
            break
    return best


class _Convolution:
    """One layer in one number type, laid out as inference lays it out."""

    def __init__(self, layer: TimedLayer, dtype: torch.dtype) -> None:
        conv = layer.convolution
        self._stride, self._padding = conv.stride, conv.padding
        self._weight = conv.weight.detach().to(dtype, memory_format=torch.channels_last)
        # The values do not matter to the time, but denormal ones would.
        shape = (layer.batch, conv.in_channels, *layer.size)
        self._input = torch.full(shape, 0.5, dtype=dtype).contiguous(memory_format=torch.channels_last)

    @torch.inference_mode()
    def __call__(self) -> None:
        F.conv2d(self._input, self._weight, None, self._stride, self._padding)


def _key(layers: Sequence[TimedLayer]) -> str:
    shapes = [[*layer.convolution.weight.shape, layer.batch, *layer.size] for layer in layers]
    return json.dumps([processor_name(), torch.__version__, torch.get_num_threads(), shapes])


def _cache_file() -> Path:
    return Path(platformdirs.user_cache_dir("fomm", appauthor=False)) / _CACHE_FILE


def _recall() -> dict[str, Measurement]:
    """Return what was measured before; nothing if the file is missing, damaged or of another form."""
    try:
        with _cache_file().open("rb") as file:
            content = json.loads(file.read(_MOST_CACHE_BYTES))
        found = {key: Measurement(**value) for key, value in content.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
    return {key: value for key, value in found.items() if value.precision in (FLOAT32, BFLOAT16)}


def _remember(key: str, measurement: Measurement) -> None:
    """Keep a measurement; where it cannot be kept it is made again the next time."""
    file = _cache_file()
    content = {name: asdict(value) for name, value in (_recall() | {key: measurement}).items()}
    temporary = file.with_name(f".{file.name}.{os.getpid()}-{secrets.token_hex(4)}")
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_text(json.dumps(content, indent=1))
            os.replace(temporary, file)
        finally:
            temporary.unlink(missing_ok=True)


__all__ = ["Measurement", "fast_type", "measure", "processor_name"]
