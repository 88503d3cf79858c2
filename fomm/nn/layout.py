"""Memory layout of modules: channels last is the fast layout for convolutions on CPUs with AVX-512 and on GPUs."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

AnyModule = TypeVar("AnyModule", bound=nn.Module)


def channels_last(module: AnyModule) -> AnyModule:
    """Store the module's 4-D parameters channels last, in place, and return it."""
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return module
