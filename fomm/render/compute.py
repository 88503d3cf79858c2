"""Device, number type and batch size, decided for this machine."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from fomm.config.render import RenderSettings
from fomm.errors import SettingsError
from fomm.model.interface import AnimationModel
from fomm.weights.precision import fast_type

_CPU_BATCH, _GPU_BATCH = 4, 16


@dataclass(frozen=True)
class Compute:
    """`RenderSettings` decided for this machine."""

    device: torch.device
    dtype: torch.dtype
    batch_size: int

    @property
    def precision(self) -> str:
        """The number type's name, as `RenderSettings.precision` takes it."""
        return str(self.dtype).removeprefix("torch.")


def decide(settings: RenderSettings, model: AnimationModel) -> Compute:
    """Choose device, number type and batch size for a model that is not yet prepared for inference.

    Raises:
        SettingsError: the device asked for does not exist, or cannot compute in that precision.
    """
    device = torch.device(_best_device() if settings.device == "auto" else settings.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise SettingsError("No CUDA device is available to PyTorch; use --device cpu.")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise SettingsError("No Apple GPU is available to PyTorch; use --device cpu.")
    if settings.precision == "auto":
        dtype = fast_type(model, device)
    else:
        dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[settings.precision]
    if device.type == "cpu" and dtype == torch.float16:
        raise SettingsError("float16 is slower than float32 on a CPU; use --precision bfloat16 or float32.")
    batch_size = settings.batch_size or (_CPU_BATCH if device.type == "cpu" else _GPU_BATCH)
    return Compute(device, dtype, batch_size)


def _best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
