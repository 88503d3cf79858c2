"""What the measuring scripts share: a description of the machine, and where results go."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

import torch

from fomm.weights.precision import processor_name

RESULTS = Path(__file__).parent / "results"


def describe() -> dict[str, object]:
    """Return what a reader needs to judge a figure, the machine's load among it."""
    return {
        "cpu": processor_name(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": [round(value, 2) for value in os.getloadavg()],
        "python": platform.python_version(),
        "torch": torch.__version__,
        **({"gpu": torch.cuda.get_device_name()} if torch.cuda.is_available() else {}),
    }


def save(name: str, result: dict, output: Path | None = None) -> None:
    """Write a result as JSON, by default to `results/<name>.json`."""
    path = output or RESULTS / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_rounded({**result, "machine": describe()}), indent=1) + "\n")
    print(f"written to {path}")


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value
