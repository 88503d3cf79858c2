"""Labelled clips held on the device that trains: a GPU takes a step faster than processors gather its batch.

Forty frames of a thousand clips are nine gigabytes as decoded bytes, which a training GPU has to spare. Batches are
then gathered where they are used, and nothing has to be decoded, copied or waited for.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fomm.training.data.labelled_clips import PairedClips, TransferBatch, mattes, transfer_batch, unpack

_SHARE = 0.5  # of a GPU's free memory that clips may take; networks and their activations need the rest


class ResidentClips:
    """Paired clips on a device. It stands in for `PairedClips`.

    Attributes:
        source: `[N, T]`, on the CPU as the next three are: which frame is each frame's source.
        blinks: see `PairedClips`.
        mouths: see `PairedClips`.
        turns: see `PairedClips`.

    Args:
        clips: what to hold.
        device: where.
    """

    def __init__(self, clips: PairedClips, device: torch.device) -> None:
        self.source, self.blinks, self.mouths, self.turns = clips.source, clips.blinks, clips.mouths, clips.turns
        person = np.stack([mattes(clip) for clip in clips.person])  # [N, T, 64, 64]
        arrays = (person, clips.source, clips.flow, unpack(clips.valid), clips.landmarks, clips.irises)
        self._held = (_upload(clips.frames, device), *(torch.from_numpy(array).to(device) for array in arrays))

    def joined(self, other: ResidentClips) -> ResidentClips:
        """Return these clips and others of the same length, on the same device."""
        both = copy.copy(self)
        for name in ("source", "blinks", "mouths", "turns"):
            setattr(both, name, np.concatenate((getattr(self, name), getattr(other, name))))
        both._held = tuple(torch.cat(pair) for pair in zip(self._held, other._held, strict=True))
        return both

    def __len__(self) -> int:
        """Count the frames whose flow is known."""
        return int(self.source.size)

    def batch(self, picks: Iterable[tuple[int, int]]) -> TransferBatch:
        """Gather (clip, driving frame) picks; the other clip of the pair lends the motion."""
        frames, masks, sources, flow, valid, landmarks, irises = self._held
        clip, driving = torch.tensor(list(picks), device=frames.device).unbind(1)  # [B] each
        source = sources[clip, driving]
        person = torch.stack((clip, clip, clip ^ 1, clip ^ 1), dim=1)  # [B, 4]
        moment = torch.stack((source, driving, source, driving), dim=1)
        shown, moved = (person, moment), (clip, driving)
        return transfer_batch(frames[shown], flow[moved], valid[moved], masks[shown], landmarks[shown], irises[shown])


def fits(clips: PairedClips, device: torch.device) -> bool:
    """Tell whether a GPU has room for decoded clips beside a training."""
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    return bool(clips.frames.nbytes < _SHARE * free)


def _upload(frames: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Copy frames to the device clip by clip: memory-mapped ones are never all in RAM."""
    held = torch.empty(frames.shape, dtype=torch.uint8, device=device)
    for row, clip in enumerate(frames):
        held[row] = torch.from_numpy(np.array(clip))
    return held
