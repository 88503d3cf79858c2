"""One process or many: who I am among them, and averaging over all of them.

`torchrun` starts the processes and says in the environment who is who. Gradients and batch statistics are averaged in
one message per step instead of one per tensor; models are small, so that is all the machinery needed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from fomm.errors import SettingsError


@dataclass(frozen=True)
class Workers:
    """This process among all: `rank` from 0, `world` processes."""

    rank: int = 0
    world: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and reports progress."""
        return self.rank == 0

    def average_(self, tensors: Sequence[Tensor]) -> None:
        """Replace each floating tensor by its mean over all processes, which must pass tensors of the same shapes."""
        if self.world == 1 or not tensors:
            return
        bucket = torch.cat([tensor.detach().flatten().float() for tensor in tensors])
        dist.all_reduce(bucket)
        bucket /= self.world
        start = 0
        for tensor in tensors:
            tensor.detach().copy_(bucket[start : start + tensor.numel()].view_as(tensor))
            start += tensor.numel()

    def wait(self) -> None:
        """Return when every process has come here."""
        if self.world > 1:
            dist.barrier()

    def share(self, text: str) -> str:
        """Return the first process's text in every process."""
        if self.world == 1:
            return text
        texts = [text]
        dist.broadcast_object_list(texts, src=0)
        return texts[0]


@contextmanager
def join_workers(device: str) -> Iterator[tuple[Workers, torch.device]]:
    """Join the processes that `torchrun` started, or stand alone; leave them at the end.

    Args:
        device: "auto", "cpu", "cuda", "cuda:1", "mps". Under `torchrun` each process takes the GPU of its local rank.

    Raises:
        SettingsError: there is no such device.
    """
    chosen = choose_device(device)
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Workers(), chosen
        return
    if chosen.type == "cuda":
        chosen = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(chosen)
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield Workers(dist.get_rank(), dist.get_world_size()), chosen
    finally:
        dist.destroy_process_group()


def choose_device(name: str) -> torch.device:
    """Return the device of that name; "auto" is a GPU if there is one.

    Raises:
        SettingsError: there is no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise SettingsError(f"There is no device '{name}' here; use --device cpu.") from error
    return device
