"""Reader of plain folders of clips, as the paper's data sets come: no labels, two random frames of a clip make a pair.

A clip is a folder of frames (png, jpg), a video (mp4, mov, ...), a gif, or one wide png with its frames side by side.
With `train` and `test` folders inside, they are the splits; without, every fifth clip by name is for testing. With
`id_sampling`, clips whose names agree up to `#` show one identity, and an epoch visits identities, not clips.

Frame folders are read on demand. Videos, gifs and strips are decoded once into a memory-mapped cache at the frame size
of the configuration, because random access into a compressed clip costs more than a training step.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from fomm.config.training.paper import DatasetParams
from fomm.errors import MediaError
from fomm.media.limits import MediaLimits
from fomm.media.photo.image import read_image
from fomm.media.video import read_video
from fomm.training.data.private_cache import private_file, private_folder

_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
_VIDEOS = {".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".gif"}
_STRIP_LIMITS = MediaLimits(max_side=65535, max_pixels=500_000_000)
_TEST_EVERY = 5


def is_picture(path: Path) -> bool:
    """Say whether a file's name is that of a picture."""
    return path.suffix.lower() in _PICTURES


class Clip(Protocol):
    """Frames that can be read in any order."""

    def __len__(self) -> int: ...

    def read(self, index: int) -> NDArray[np.uint8]:
        """Return a frame, uint8 `[H, W, 3]`."""


class FrameFolder:
    """A folder with one picture per frame, in the order of their names."""

    def __init__(self, path: Path) -> None:
        self.frames = sorted(entry for entry in path.iterdir() if entry.suffix.lower() in _PICTURES)
        if not self.frames:
            raise MediaError(f"The folder '{path}' holds no pictures; remove it or fill it.")

    def __len__(self) -> int:
        return len(self.frames)

    def read(self, index: int) -> NDArray[np.uint8]:
        """Return a frame, uint8 `[H, W, 3]`."""
        return read_image(self.frames[index])


class DecodedClip:
    """A clip whose frames lie decoded in the cache."""

    def __init__(self, path: Path) -> None:
        self.frames: NDArray[np.uint8] = np.load(path, mmap_mode="r")

    def __len__(self) -> int:
        return len(self.frames)

    def read(self, index: int) -> NDArray[np.uint8]:
        """Return a frame, uint8 `[H, W, 3]`."""
        return np.asarray(self.frames[index])


class ClipFolder:
    """The clips of one split.

    Args:
        root: the data set's folder.
        params: frame size and sampling; its `root_dir` is not looked at.
        split: "train" or "test".
        cache: folder for decoded clips, private to its user; made when missing.
        limit: read only this many clips.

    Raises:
        MediaError: there is no such folder, or no clip in it.
    """

    def __init__(self, root: Path, params: DatasetParams, split: str, cache: Path, limit: int | None = None) -> None:
        self.params, self.cache = params, cache
        self.height, self.width = params.frame_shape[:2]
        self.paths = _find_clips(root, split)[:limit]
        if not self.paths:
            raise MediaError(f"'{root}' has no clips for '{split}': put videos, gifs or folders of frames into it.")
        self.groups: list[list[Path]] = [[path] for path in self.paths]
        if params.id_sampling:
            by_identity: dict[str, list[Path]] = {}
            for path in self.paths:
                by_identity.setdefault(path.name.split("#")[0], []).append(path)
            self.groups = list(by_identity.values())

    def __len__(self) -> int:
        """Count what an epoch visits: identities with `id_sampling`, clips without."""
        return len(self.groups)

    def pair(self, index: int, numbers: np.random.Generator) -> Tensor:
        """Return two random frames of a clip in their order of time, `[2, 3, H, W]` in [0, 1].

        Raises:
            MediaError: a frame cannot be read.
        """
        group = self.groups[index]
        clip = self._open(group[int(numbers.integers(len(group)))])
        moments = np.sort(numbers.integers(len(clip), size=2))
        return torch.stack([self._to_tensor(clip.read(int(moment))) for moment in moments])

    def _open(self, path: Path) -> Clip:
        if path.is_dir():
            return FrameFolder(path)
        state = path.stat()
        key = f"{path.resolve()}|{state.st_size}|{state.st_mtime_ns}|{self.height}x{self.width}"
        decoded = self.cache / f"{path.stem}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.npy"
        if not decoded.is_file():
            self._decode(path, decoded)
        return DecodedClip(decoded)

    def _decode(self, path: Path, target: Path) -> None:
        private_folder(self.cache)
        if path.suffix.lower() in _PICTURES:
            frames: Sequence[NDArray[np.uint8]] = read_strip(path, self.height, self.width)
        else:
            frames = list(read_video(path, size=(self.width, self.height)))
        partial = target.with_suffix(f".{np.random.default_rng().integers(2**62)}.partial.npy")
        try:
            with private_file(partial).open("wb") as file:
                np.save(file, np.stack(frames))
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)

    def _to_tensor(self, frame: NDArray[np.uint8]) -> Tensor:
        picture = torch.from_numpy(frame.copy()).permute(2, 0, 1).float().div(255)  # [3, H, W]
        if picture.shape[1:] == (self.height, self.width):
            return picture
        size = (self.height, self.width)
        return F.interpolate(picture[None], size=size, mode="bilinear", antialias=True)[0].clamp(0, 1)


def _find_clips(root: Path, split: str) -> list[Path]:
    if not root.is_dir():
        raise MediaError(f"There is no folder of clips '{root}'.")
    if (root / "train").is_dir():
        folder = root / split
        return clips_in(folder) if folder.is_dir() else []
    clips = clips_in(root)
    return [clip for i, clip in enumerate(clips) if (i % _TEST_EVERY == _TEST_EVERY - 1) == (split == "test")]


def clips_in(folder: Path) -> list[Path]:
    """Return the clips that lie in a folder, by name: folders of frames, videos, gifs and strips."""
    known = _PICTURES | _VIDEOS
    return sorted(
        entry
        for entry in folder.iterdir()
        if not entry.name.startswith(".") and (entry.is_dir() or entry.suffix.lower() in known)
    )


def read_strip(path: Path, height: int, width: int) -> list[NDArray[np.uint8]]:
    """Cut a picture into the frames that stand side by side in it, each of the aspect of `width` to `height`.

    Raises:
        MediaError: it cannot be read or is not a row of whole frames.
    """
    strip = read_image(path, _STRIP_LIMITS)
    step = max(1, round(strip.shape[0] * width / height))
    if strip.shape[1] % step:
        raise MediaError(
            f"'{path}' is {strip.shape[1]}x{strip.shape[0]} px, not a row of {step} px wide frames; cut it to whole "
            "frames, or set frame_shape to theirs."
        )
    frames = [strip[:, start : start + step] for start in range(0, strip.shape[1], step)]
    if frames[0].shape[:2] == (height, width):
        return frames
    return [np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.LANCZOS)) for frame in frames]
