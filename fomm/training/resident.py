"""Labelled clips held on the device that trains: a GPU takes a step faster than processors gather its batch.

Forty frames of a thousand clips are nine gigabytes as decoded bytes, which a training GPU has to spare. Batches are
then gathered where they are used, and nothing has to be decoded, copied or waited for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.training.clips import FIELD_SIDE, FLOW_UNIT, LANDMARK_UNIT, PairedClips, TransferBatch, unpack

_CHUNK = 4096  # masks whose holes are filled at the same time
_SHARE = 0.5  # of a GPU's free memory that clips may take; networks and their activations need the rest


class ResidentClips:
    """Sets of paired clips of equal length, joined, all on one device. It stands in for `PairedClips`.

    Attributes:
        source: `[N, T]`, on the CPU as the next three are: which frame is each frame's source.
        blinks: see `PairedClips`.
        mouths: see `PairedClips`.
        turns: see `PairedClips`.

    Args:
        sets: what to hold.
        device: where.
    """

    def __init__(self, sets: Sequence[PairedClips], device: torch.device) -> None:
        self.source = np.concatenate([clips.source for clips in sets])
        self.blinks = np.concatenate([clips.blinks for clips in sets])
        self.mouths = np.concatenate([clips.mouths for clips in sets])
        self.turns = np.concatenate([clips.turns for clips in sets])
        self._sources = torch.from_numpy(self.source).to(device)
        self._frames = _join([clips.frames for clips in sets], torch.uint8, device)  # [N, T, 256, 256, 3]
        self._flow = _join([clips.flow for clips in sets], torch.int16, device)  # [N, T, 64, 64, 2]
        self._valid = _join([unpack(clips.valid) for clips in sets], torch.bool, device)  # [N, T, 64, 64]
        masks = _join([unpack(clips.person) for clips in sets], torch.bool, device)
        # The stored mask leaves eyes and mouth out; as a matte they belong to the person.
        self._person = torch.stack([filled for clip in masks for filled in fill_holes(clip)]).view_as(masks)
        self._landmarks = _join([clips.landmarks for clips in sets], torch.int16, device)  # [N, T, 468, 2]
        self._irises = _join([clips.irises for clips in sets], torch.float32, device)  # [N, T, 10, 2]

    def __len__(self) -> int:
        """Count the frames whose flow is known."""
        return int(self.source.size)

    def batch(self, picks: Iterable[tuple[int, int]]) -> TransferBatch:
        """Gather (clip, driving frame) picks; the other clip of the pair lends the motion."""
        device = self._frames.device
        clip, driving = torch.tensor(list(picks), device=device).unbind(1)  # [B] each
        source = self._sources[clip, driving]
        person = torch.stack((clip, clip, clip ^ 1, clip ^ 1), dim=1)  # [B, 4]
        moment = torch.stack((source, driving, source, driving), dim=1)
        axis = (2 * torch.arange(FIELD_SIDE, device=device) + 1) / FIELD_SIDE - 1
        identity = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), dim=-1)
        return TransferBatch(
            frames=self._frames[person, moment].permute(0, 1, 4, 2, 3),
            flow=self._flow[clip, driving].float() * FLOW_UNIT + identity,
            valid=self._valid[clip, driving],
            person=self._person[person, moment],
            landmarks=self._landmarks[person, moment].float() * LANDMARK_UNIT - 1,
            irises=self._irises[person, moment] * LANDMARK_UNIT - 1,
        )


def fits(clips: PairedClips, device: torch.device) -> bool:
    """Tell whether a GPU has room for decoded clips beside a training."""
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    return bool(clips.frames.nbytes < _SHARE * free)


def fill_holes(masks: Tensor) -> Tensor:
    """Return bool masks `[N, H, W]` with everything set that the unset border cells do not reach, by sides of cells."""
    return torch.cat([_fill(chunk) for chunk in torch.split(masks, _CHUNK)])


def _fill(masks: Tensor) -> Tensor:
    open_cells = F.pad(~masks, (1, 1, 1, 1), value=True)
    outside = torch.zeros_like(open_cells)
    outside[:, 0] = True  # around the picture all is open
    while True:
        wave = outside[None].float()  # [1, N, H + 2, W + 2]
        across, down = (F.max_pool2d(wave, size, 1, (size[0] // 2, size[1] // 2)) for size in ((1, 3), (3, 1)))
        reached = (torch.maximum(across, down)[0] > 0) & open_cells
        if torch.equal(reached, outside):
            return ~outside[:, 1:-1, 1:-1]
        outside = reached


def _join(
    arrays: Sequence[np.ndarray[tuple[int, ...], np.dtype[np.generic]]], dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Join arrays along their first axis on the device, clip by clip: memory-mapped frames are never all in RAM."""
    joined = torch.empty((sum(map(len, arrays)), *arrays[0].shape[1:]), dtype=dtype, device=device)
    row = 0
    for array in arrays:
        for clip in array:
            joined[row] = torch.from_numpy(np.array(clip)).to(dtype)
            row += 1
    return joined
