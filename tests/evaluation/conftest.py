"""A miniature labelled set with a real face, and a folder of plain clips, made on the spot."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import skimage.data
import torch

LENGTH, STEP = 6, 4  # frames of a labelled clip; pixels the person moves to the right per frame


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _write_labelled(folder: Path, name: str, channels: tuple[int, int, int]) -> None:
    photo = np.pad(skimage.data.astronaut()[:256, 60:360][:, :, list(channels)], ((0, 0), (40, 0), (0, 0)), mode="edge")
    frames = np.stack([photo[:, 40 - t * STEP : 296 - t * STEP] for t in range(LENGTH)])
    iio.imwrite(folder / f"{name}.mp4", frames, plugin="FFMPEG", fps=25, output_params=["-pix_fmt", "yuv444p"])
    landmarks = np.random.default_rng(7).uniform(110, 180, (468, 2))
    moved = landmarks + np.arange(LENGTH)[:, None, None] * [STEP, 0]
    source = np.zeros(LENGTH, np.uint8)
    source[-1] = LENGTH - 3  # so that one flow joins two frames that are made
    flow = np.zeros((LENGTH, 64, 64, 2), np.int8)
    flow[..., 0] = -4 * STEP * (np.arange(LENGTH) - source)[:, None, None]
    everywhere = np.packbits(np.ones((LENGTH, 64, 64), bool), axis=-1)
    np.savez(
        folder / f"{name}.npz",
        source=source,
        flow=flow,
        landmarks=np.round(moved * 8).astype(np.int16),
        expression=np.zeros((LENGTH, 52), np.float16),
        valid=everywhere,
        person=everywhere,
    )


@pytest.fixture(scope="session")
def labelled_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pair of a held-out and a known person who slide to the right alike, and a clip of the training split."""
    root = tmp_path_factory.mktemp("labelled_faces")
    (root / "test").mkdir()
    _write_labelled(root / "test", "1a", (0, 1, 2))
    _write_labelled(root / "test", "1b", (1, 0, 2))
    index = {
        "0a": {"split": "train", "portrait": "male_5"},
        "1a": {"split": "test", "portrait": "female_15"},
        "1b": {"split": "test", "portrait": "female_16"},
    }
    (root / "index.json").write_text(json.dumps(index))
    return root


@pytest.fixture(scope="session")
def plain_set(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable[..., Path]) -> Path:
    """A square video, a wide one, and a folder of frames, 4 frames each."""
    root = tmp_path_factory.mktemp("plain_faces")
    talk = make_talk(root / "ann.mp4", frames=4, audio=False)
    frames = list(iio.imiter(talk, plugin="FFMPEG"))
    wide = np.stack([np.pad(frame, ((0, 0), (60, 60), (0, 0)), mode="edge") for frame in frames])
    iio.imwrite(root / "bob.mp4", wide, plugin="FFMPEG", fps=25, macro_block_size=2)
    (root / "eve").mkdir()
    for position, frame in enumerate(frames):
        iio.imwrite(root / "eve" / f"{position:03d}.png", frame)
    return root
