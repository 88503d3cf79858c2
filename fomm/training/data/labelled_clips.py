"""Reader of labelled synthetic clips: pairs of people who make the same movements, with true flow and landmarks.

Format: `index.json` names the clips; `train/NAME.mp4` with `train/NAME.npz` (and `test/`) hold frames and truth:
for each driving frame j the source frame i (`source`), the backward flow j to i in quarter pixels of a 256 px frame
on a 64x64 grid (`flow`, eight or sixteen bits), where that flow is true (`valid`), where the person is (`person`), and
the 468 face landmarks in eighths of a pixel (`landmarks`); newer sets have the ten points of the irises behind them.
NAMEa and NAMEb show two people in the same motion.

Frames are decoded once into a memory-mapped cache, because random access into a compressed clip would cost more than
a training step.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes
from torch import Tensor

from fomm.errors import MediaError
from fomm.geometry.grids import coordinate_grid
from fomm.geometry.landmarks import IRISES, SKIN
from fomm.training.data.private_cache import private_file, private_folder

FRAME_SIDE = 256
FIELD_SIDE = 64
FLOW_UNIT = 1 / (4 * FRAME_SIDE / 2)  # a quarter pixel in [-1, 1] units
_SATURATED = 127  # in eight bits: at least so far
_BLINK_UNITS = (8, 9)  # eyeBlinkLeft and eyeBlinkRight among the 52 expression units
_BLINK = 0.5  # change of lid closure between source and driving frame that counts as a blink
_JAW = 24  # jawOpen
_SHUT, _OPEN = 0.1, 0.3  # strength below which a jaw counts as shut, and above which as open
_TURN = 0.2  # step of the face's middle landmark, in face heights, that counts as a far move
_NOSE = 4
LANDMARK_UNIT = 1 / (8 * FRAME_SIDE / 2)


@dataclass(frozen=True)
class TransferBatch:
    """Two moments of two people who move alike. Person 0 has true flow; person 1 lends the motion.

    Attributes:
        frames: uint8 `[B, 4, 3, 256, 256]`: person 0 at the source and driving moments, person 1 at the same.
        flow: true backward flow of person 0, driving to source, `[B, 64, 64, 2]` in [-1, 1] (edge grid).
        valid: where the flow is true, bool `[B, 64, 64]`.
        person: where a person is, bool `[B, 4, 64, 64]`.
        landmarks: `[B, 4, 468, 2]` in [-1, 1].
        irises: the face mesh's next points, five of each iris with its centre first, `[B, 4, 10, 2]`; NaN if unknown.
    """

    frames: Tensor
    flow: Tensor
    valid: Tensor
    person: Tensor
    landmarks: Tensor
    irises: Tensor


class PairedClips:
    """All pairs of one split, in memory but for the frames.

    Attributes:
        index: by clip name, its `split`, `portrait` and blend partners.
        blinks: bool `[N, T]`, where source and driving frame differ in how far the eyes are shut.
        mouths: bool `[N, T]`, where the driving frame's mouth is open and the source frame's shut.
        turns: bool `[N, T]`, where the tip of the nose is far from where it was in the source frame.
        names: the clips, a pair side by side: clip `i` and clip `i ^ 1` move alike.

    Args:
        root: folder with `index.json`, `train/` and `test/`.
        split: "train" or "test".
        cache: folder for decoded frames of this clip set alone, private to its user; made when missing.
        limit: read only this many pairs, for quick runs.

    Raises:
        MediaError: the folder is not a clip set, or a clip is damaged.
    """

    def __init__(self, root: Path, split: str, cache: Path, limit: int | None = None) -> None:
        index_file = root / "index.json"
        if not index_file.is_file():
            raise MediaError(f"{root} is not a folder of labelled clips: it has no index.json.")
        self.index = read_index(index_file)
        stems = sorted(name[:-1] for name, entry in self.index.items() if entry["split"] == split and name[-1] == "a")
        stems = [stem for stem in stems if f"{stem}b" in self.index][:limit]
        if not stems:
            raise MediaError(f"{root} has no pairs in the split '{split}'.")
        self.names = [stem + person for stem in stems for person in "ab"]
        folder = root / split
        truth = [read_truth(folder / f"{name}.npz") for name in self.names]
        self.source = np.stack([clip["source"] for clip in truth]).astype(np.int64)  # [N, T]
        self.flow = np.stack([clip["flow"] for clip in truth])  # [N, T, 64, 64, 2]
        self.valid = np.stack([clip["valid"] for clip in truth])  # [N, T, 64, 8]
        self.person = np.stack([clip["person"] for clip in truth])  # [N, T, 64, 8]
        lids = np.stack([clip["expression"][:, list(_BLINK_UNITS)].mean(1) for clip in truth]).astype(float)  # [N, T]
        self.blinks = np.abs(lids - np.take_along_axis(lids, self.source, axis=1)) > _BLINK
        jaw = np.stack([clip["expression"][:, _JAW] for clip in truth]).astype(float)  # [N, T]
        self.mouths = (jaw > _OPEN) & (np.take_along_axis(jaw, self.source, axis=1) < _SHUT)
        self.landmarks = np.stack([clip["landmarks"][:, :SKIN] for clip in truth])  # [N, T, 468, 2]
        self.irises = np.stack([_irises(clip["landmarks"]) for clip in truth])  # [N, T, 10, 2]
        self.turns = _far_moves(self.landmarks, self.source)
        self.frames = _decode_all([folder / f"{name}.mp4" for name in self.names], self.source.shape[1], cache, split)

    def __len__(self) -> int:
        """Count the frames whose flow is known."""
        return int(self.source.size)

    def batch(self, picks: Iterable[tuple[int, int]]) -> TransferBatch:
        """Gather (clip, driving frame) picks; the other clip of the pair lends the motion."""
        frames, flow, valid, person, landmarks, irises = [], [], [], [], [], []
        for clip, driving in picks:
            source = int(self.source[clip, driving])
            moments = [(clip, source), (clip, driving), (clip ^ 1, source), (clip ^ 1, driving)]
            frames.append(np.stack([self.frames[c, t] for c, t in moments]))
            person.append(mattes(np.stack([self.person[c, t] for c, t in moments])))
            landmarks.append(np.stack([self.landmarks[c, t] for c, t in moments]))
            irises.append(np.stack([self.irises[c, t] for c, t in moments]))
            shift = self.flow[clip, driving]
            flow.append(shift)
            valid.append(unpack(self.valid[clip, driving]))
        return transfer_batch(
            *(torch.from_numpy(np.stack(part)) for part in (frames, flow, valid, person, landmarks, irises))
        )


def transfer_batch(
    frames: Tensor, flow: Tensor, valid: Tensor, person: Tensor, landmarks: Tensor, irises: Tensor
) -> TransferBatch:
    """Return a batch from what clips store: frames `[B, 4, 256, 256, 3]`, the rest in stored units, on any device."""
    displacement = flow.float() * FLOW_UNIT  # [B, 64, 64, 2]
    return TransferBatch(
        frames=frames.permute(0, 1, 4, 2, 3),
        flow=displacement + coordinate_grid(FIELD_SIDE, FIELD_SIDE, displacement, corners=False),
        valid=valid,
        person=person,
        landmarks=landmarks.float() * LANDMARK_UNIT - 1,
        irises=irises * LANDMARK_UNIT - 1,
    )


def heldout_names(index: Mapping[str, Mapping[str, object]]) -> list[str]:
    """Return the test clips whose own portrait is held out everywhere: its number ends in 5."""
    return sorted(
        name for name, entry in index.items() if entry["split"] == "test" and str(entry["portrait"]).endswith("5")
    )


def read_index(path: Path) -> dict[str, dict[str, object]]:
    """Return `index.json`: by clip name its split, portrait and blend partners.

    Raises:
        MediaError: it is missing or not such an index.
    """
    try:
        index: dict[str, dict[str, object]] = json.loads(path.read_text(encoding="utf-8"))
        if not all("split" in entry and "portrait" in entry for entry in index.values()):
            raise ValueError("an entry lacks its split or portrait")
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise MediaError(f"{path} is not the index of labelled clips ({error}); copy it again.") from error
    return index


def read_truth(path: Path) -> dict[str, NDArray[np.generic]]:
    """Return the stored arrays of one clip's truth; flow that eight bits could not hold is marked as not valid.

    Raises:
        MediaError: the file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            truth = {key: archive[key] for key in ("source", "flow", "valid", "person", "landmarks", "expression")}
        if truth["flow"].dtype == np.int8:
            held = (np.abs(truth["flow"].astype(np.int16)) < _SATURATED).all(-1)  # [T, 64, 64]
            truth["valid"] = truth["valid"] & np.packbits(held, axis=-1)
        return truth
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise MediaError(f"{path} is not the truth of a labelled clip ({error}); copy it again.") from error


def _irises(landmarks: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return the irises' points of a clip's landmarks `[T, L, 2]`, NaN where the clip has none: `[T, 10, 2]`."""
    if landmarks.shape[1] == SKIN + IRISES:
        return landmarks[:, SKIN:].astype(np.float32)
    return np.full((len(landmarks), IRISES, 2), np.nan, np.float32)


def _far_moves(landmarks: NDArray[np.int16], source: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return where the nose moves by more than a part of the face's height, `[N, T]`."""
    nose = landmarks[:, :, _NOSE].astype(float)  # [N, T, 2]
    before = np.take_along_axis(nose, source[:, :, None], axis=1)
    height = np.ptp(landmarks[..., 1].astype(float), axis=2)  # [N, T]
    far: NDArray[np.bool_] = np.linalg.norm(nose - before, axis=-1) > _TURN * height
    return far


def unpack(bits: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return stored masks `[..., N]` of N bits in eight to a byte as booleans `[..., 8 N]`."""
    return np.unpackbits(bits, axis=-1).astype(bool)


def mattes(bits: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return stored person masks `[N, 64, 8]` as mattes `[N, 64, 64]`, which eyes and mouth belong to, too."""
    return np.stack([binary_fill_holes(mask) for mask in unpack(bits)])


def _decode_all(clips: list[Path], length: int, cache: Path, split: str) -> NDArray[np.uint8]:
    """Return frames `[N, T, 256, 256, 3]`, memory-mapped from the cache and decoded into it when it is missing."""
    private_folder(cache)
    target = cache / f"{split}-{len(clips)}.npy"
    if not target.is_file():
        partial = target.with_suffix(".partial.npy")
        shape = (len(clips), length, FRAME_SIDE, FRAME_SIDE, 3)
        private_file(partial)
        frames = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)

        def fill(position: int) -> None:
            frames[position] = _decode(clips[position], length)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for _ in pool.map(fill, range(len(clips))):
                pass
        frames.flush()
        partial.replace(target)
    decoded: NDArray[np.uint8] = np.load(target, mmap_mode="r")
    return decoded


def _decode(clip: Path, length: int) -> NDArray[np.uint8]:
    """Return the first `length` frames `[T, 256, 256, 3]`."""
    try:
        frames = np.asarray(iio.imread(clip, plugin="FFMPEG"), dtype=np.uint8)[:length]
    except (OSError, RuntimeError) as error:
        raise MediaError(f"{clip} cannot be decoded ({error}); copy it again.") from error
    if frames.shape != (length, FRAME_SIDE, FRAME_SIDE, 3):
        raise MediaError(
            f"{clip} has frames {list(frames.shape)} instead of {[length, FRAME_SIDE, FRAME_SIDE, 3]}; copy it again."
        )
    return frames
