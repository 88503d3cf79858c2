"""The clips to measure on: any folder of videos, gifs and folders of frames, or a labelled synthetic set.

Frames stream: a clip is read from its file each time it is asked for, a few frames at a time. Square frames are taken
as they are, as data sets of face crops come; others are cut to the face as the product cuts a driving clip.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from fomm.errors import MediaError
from fomm.evaluation.labelled import ClipTruth, read_clip_truth
from fomm.evaluation.measures.pictures import Picture
from fomm.face.crop import CropWindow
from fomm.face.locate import FaceFinder
from fomm.face.windows import driving_window, steady_window
from fomm.media.photo.image import read_image
from fomm.media.probe import probe
from fomm.media.video import read_video
from fomm.tasks.tracking import naming
from fomm.training.data.clip_folder import clips_in, is_picture, read_strip
from fomm.training.data.labelled_clips import heldout_names, read_index
from fomm.training.data.pairs_list import read_pairs

_LOOKS = 8  # frames of a folder looked at for the face


class Clip(Protocol):
    """A clip of one face.

    Attributes:
        name: for the tables.
        fps: frames per second, of the file, or 25 where a folder of frames does not say.
        path: the file or folder.
        truth: what is known of it, for a labelled clip.
    """

    name: str
    fps: Fraction
    path: Path
    truth: ClipTruth | None

    def frames(self, stop: int) -> Iterator[Picture]:
        """Yield at most `stop` frames uint8 `[S, S, 3]`."""


class VideoClip:
    """A video or gif.

    Args:
        path: the file.
        side: side of the frames in px.
        finder: finds the face where frames are not square.
        truth: of a labelled clip.

    Raises:
        MediaError: it cannot be read.
        FaceError: frames are not square and show no face.
    """

    def __init__(self, path: Path, side: int, finder: FaceFinder, truth: ClipTruth | None = None) -> None:
        self.path, self.name, self.truth, self._side = path, path.stem, truth, side
        info = probe(path)
        self.fps = info.fps
        self._crop: tuple[int, int, int, int] | None = None
        if info.width != info.height:
            with naming(path):
                window = driving_window(path, finder).window
            self._crop = (round(window.x), round(window.y), max(2, round(window.side)), max(2, round(window.side)))

    def frames(self, stop: int) -> Iterator[Picture]:
        """Yield at most `stop` frames uint8 `[S, S, 3]`."""
        return read_video(self.path, crop=self._crop, size=(self._side, self._side), stop=stop)


class FrameClip:
    """A folder with one picture per frame, in the order of their names.

    Raises:
        MediaError: it holds no pictures, or one cannot be read.
        FaceError: frames are not square and show no face.
    """

    fps = Fraction(25)
    truth: ClipTruth | None = None

    def __init__(self, path: Path, side: int, finder: FaceFinder) -> None:
        self.path, self.name, self._side = path, path.name, side
        self._files = sorted(entry for entry in path.iterdir() if is_picture(entry))
        if not self._files:
            raise MediaError(f"The folder '{path}' holds no pictures; remove it or fill it.")
        first = read_image(self._files[0])
        self._window: CropWindow | None = None
        if first.shape[0] != first.shape[1]:
            looks = np.linspace(0, len(self._files) - 1, min(_LOOKS, len(self._files))).round()
            with naming(path):
                self._window = steady_window([read_image(self._files[int(i)]) for i in looks], finder).window

    def frames(self, stop: int) -> Iterator[Picture]:
        """Yield at most `stop` frames uint8 `[S, S, 3]`."""
        for file in self._files[:stop]:
            picture = read_image(file)
            yield self._window.crop(picture, self._side) if self._window else _resized(picture, self._side)


class StripClip:
    """One wide picture with square frames side by side.

    Raises:
        MediaError: it cannot be read or is not a row of whole frames.
    """

    fps = Fraction(25)
    truth: ClipTruth | None = None

    def __init__(self, path: Path, side: int) -> None:
        self.path, self.name, self._side = path, path.stem, side

    def frames(self, stop: int) -> Iterator[Picture]:
        """Yield at most `stop` frames uint8 `[S, S, 3]`."""
        yield from read_strip(self.path, self._side, self._side)[:stop]


@dataclass(frozen=True)
class Entry:
    """A clip that will be measured: where it is, and where the clip that drives it in the cross test is.

    Attributes:
        path: file or folder.
        driver: file or folder of another person's clip.
        alike: whether the driver makes the very same movements, so that the true frames of the cross test are known.
        truth: file with what is known of the clip, for a labelled one.
        driver_truth: the same of the driver.
    """

    path: Path
    driver: Path | None
    alike: bool = False
    truth: Path | None = None
    driver_truth: Path | None = None


def find_entries(root: Path, limit: int | None, pairs: Path | None = None) -> list[Entry]:
    """List what there is to measure in a folder.

    With an `index.json` it is a labelled set: clips of held-out people in its test split, each driven by its twin.
    Otherwise it is a folder of clips (its `test` folder if it has one), each driven by the next one, or as a list of
    pairs says.

    Args:
        root: the folder.
        limit: how many, spread evenly; None for all.
        pairs: list of which clip drives which, see `fomm.training.data.pairs_list`.

    Raises:
        MediaError: there is no such folder, or no clip in it, or the list of pairs does not fit it.
    """
    if not root.is_dir():
        raise MediaError(f"There is no folder of clips '{root}'; give one with videos, gifs or folders of frames.")
    if pairs is not None:
        entries = [Entry(pair.source, pair.driving) for pair in read_pairs(pairs, _test_clips(root))]
    else:
        entries = _labelled(root) if (root / "index.json").is_file() else _plain(root)
    if not entries:
        raise MediaError(f"'{root}' has no clips to measure on: put videos, gifs or folders of frames into it.")
    if limit is None or limit >= len(entries):
        return entries
    return [entries[int(i)] for i in np.linspace(0, len(entries) - 1, limit).round()]


def open_clip(path: Path, truth: Path | None, side: int, finder: FaceFinder) -> Clip:
    """Open one clip for frames of `side` px; nothing but its header is read yet.

    Raises:
        MediaError, FaceError: it cannot be read, or its frames are not square and show no face.
    """
    if path.is_dir():
        return FrameClip(path, side, finder)
    if is_picture(path):
        return StripClip(path, side)
    return VideoClip(path, side, finder, read_clip_truth(truth) if truth else None)


def _labelled(root: Path) -> list[Entry]:
    index = read_index(root / "index.json")
    names = heldout_names(index)
    if not names:
        raise MediaError(f"'{root}' has an index.json but no test clip of a held-out person; synthesize some.")
    folder, entries = root / "test", []
    for name in names:
        twin = name[:-1] + ("b" if name[-1] == "a" else "a")
        driver, truth = (folder / f"{twin}.mp4", folder / f"{twin}.npz") if twin in index else (None, None)
        entries.append(
            Entry(folder / f"{name}.mp4", driver, driver is not None, folder / f"{name}.npz", driver_truth=truth)
        )
    return entries


def _test_clips(root: Path) -> list[Path]:
    return clips_in(root / "test" if (root / "test").is_dir() else root)


def _plain(root: Path) -> list[Entry]:
    paths = _test_clips(root)
    following = [*paths[1:], *paths[:1]]
    return [Entry(path, driver if driver != path else None) for path, driver in zip(paths, following, strict=True)]


def _resized(picture: Picture, side: int) -> Picture:
    if picture.shape[:2] == (side, side):
        return picture
    return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC))
