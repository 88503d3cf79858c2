"""What makes convolutions fast on a machine: the memory layout of modules, and whether bfloat16 is in hardware.

Channels last is the fast layout on CPUs with AVX-512 and on GPUs.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

AnyModule = TypeVar("AnyModule", bound=nn.Module)


def channels_last(module: AnyModule) -> AnyModule:
    """Store the module's 4-D parameters channels last, in place, and return it."""
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return module


def has_native_bfloat16() -> bool:
    """Tell whether this CPU multiplies bfloat16 in hardware; elsewhere it is slower than float32."""
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") or capabilities.get("bf16"))
