"""Do these tensors fit that configuration? Shapes first, on the meta device, then values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from fomm.errors import CheckpointError

Shapes = Mapping[str, tuple[int, ...]]


def shapes_of(module: nn.Module) -> dict[str, tuple[int, ...]]:
    """Return the shape of every entry of a module's state dict."""
    return {key: tuple(tensor.shape) for key, tensor in module.state_dict().items()}


def shapes_when_built(build: Callable[[], nn.Module]) -> dict[str, tuple[int, ...]]:
    """Return the shapes that a module will have, without any memory or time spent on its values."""
    with torch.device("meta"), _NoValues():
        return shapes_of(build())


class _NoValues(TorchFunctionMode):
    """Leaves out what only concerns values while a module is built on the meta device.

    Two operations are written in Python there and load PyTorch's compiler, for a second of processor time.
    """

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call the function, or stand in for it."""
        kwargs = kwargs or {}
        if function in (nn.init.normal_, Tensor.normal_):
            return args[0] if args else kwargs["tensor"]
        if function is Tensor.repeat:
            tensor, *times = args
            before = (1,) * (len(times) - tensor.dim()) + tuple(tensor.shape)
            return tensor.new_empty([n * length for n, length in zip(times, before, strict=True)])
        return function(*args, **kwargs)


def mismatch(expected: Shapes, found: Shapes) -> str | None:
    """Say how `found` differs from `expected`, naming the first key of each kind, or return None if it fits."""
    missing = [key for key in expected if key not in found]
    surplus = [key for key in found if key not in expected]
    reshaped = [key for key in expected if key in found and tuple(found[key]) != tuple(expected[key])]
    parts = []
    if missing:
        parts.append(f"{len(missing)} missing (first '{missing[0]}')")
    if surplus:
        parts.append(f"{len(surplus)} unexpected (first '{surplus[0]}')")
    if reshaped:
        key = reshaped[0]
        was, should = list(found[key]), list(expected[key])
        parts.append(f"{len(reshaped)} of another shape (first '{key}': {was} instead of {should})")
    return f"of {len(expected)} keys, {', '.join(parts)}" if parts else None


def check_values(tensors: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Return the tensors with floating ones as float32.

    Raises:
        CheckpointError: a tensor is not dense, neither of floats nor whole numbers, or holds NaN or infinite values.
    """
    checked = {}
    for key, tensor in tensors.items():
        if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_complex():
            raise CheckpointError(f"The checkpoint '{path}' holds '{key}' in an unsupported form, {tensor.dtype}.")
        if tensor.is_floating_point():
            single = tensor.float()
            if not torch.isfinite(single).all():
                raise CheckpointError(f"The checkpoint '{path}' has NaN or infinite values in '{key}'; it is unusable.")
            checked[key] = single
        else:
            checked[key] = tensor
    return checked
