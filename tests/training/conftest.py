"""A miniature set of labelled clips, a tiny compact configuration and folders of plain clips, made on the spot."""

import json
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import torch
import yaml
from tiny_training import LENGTH, SHIFT


@pytest.fixture(autouse=True)
def _own_keys(tmp_path_factory, monkeypatch):
    """Mark contact sheets with keys of the test's own."""
    monkeypatch.setenv("FOMM_HOME", str(tmp_path_factory.getbasetemp() / "keys"))


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _picture(seed):
    phase = np.random.default_rng(seed).uniform(0, 6, 6)
    y, x = np.mgrid[0:256, 0:256] / 256
    waves = [np.sin(9 * x + phase[i]) * np.cos(7 * y + phase[i + 3]) for i in range(3)]
    return np.round(127 + 100 * np.stack(waves, -1)).astype(np.uint8)


def _write_clip(folder, name, seed):
    frames = np.stack([np.roll(_picture(seed), t * SHIFT, axis=1) for t in range(LENGTH)])
    iio.imwrite(folder / f"{name}.mp4", frames, plugin="FFMPEG", fps=25, output_params=["-pix_fmt", "yuv444p"])
    landmarks = np.random.default_rng(7).uniform(80, 170, (468, 2))
    moved = landmarks + np.arange(LENGTH)[:, None, None] * [SHIFT, 0]
    flow = np.zeros((LENGTH, 64, 64, 2), np.int8)
    flow[..., 0] = -4 * SHIFT * np.arange(LENGTH)[:, None, None]
    person = np.zeros((LENGTH, 64, 64), bool)
    person[:, 10:60, 15:50] = True
    np.savez(
        folder / f"{name}.npz",
        source=np.zeros(LENGTH, np.uint8),
        flow=flow,
        landmarks=np.round(moved * 8).astype(np.int16),
        expression=np.repeat(np.linspace(0, 1, len(moved), dtype=np.float16)[:, None], 52, axis=1),
        valid=np.packbits(np.ones((LENGTH, 64, 64), bool), axis=-1),
        person=np.packbits(person, axis=-1),
    )


@pytest.fixture(scope="session")
def labelled_clips(tmp_path_factory):
    """Two pairs, one to train on and one held out; people slide to the right, every source is frame 0."""
    root = tmp_path_factory.mktemp("labelled")
    index = {}
    for number, (split, portraits) in enumerate((("train", "12"), ("test", "58"))):
        (root / split).mkdir()
        for person, portrait in zip("ab", portraits, strict=True):
            _write_clip(root / split, f"{number}{person}", seed=int(portrait))
            index[f"{number}{person}"] = {"split": split, "portrait": f"female_{portrait}", "others": []}
    (root / "index.json").write_text(json.dumps(index))
    return root


@pytest.fixture(scope="session")
def clip_cache(tmp_path_factory):
    """Decoded frames, shared by all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def write_config(tmp_path):
    """Write a configuration mapping as YAML and return its path."""

    def write(mapping, name="config.yaml") -> Path:
        path = tmp_path / name
        path.write_text(yaml.safe_dump(mapping))
        return path

    return write


@pytest.fixture(scope="session")
def plain_clips(tmp_path_factory):
    """One clip of every kind: a folder of frames, a gif, a video and a strip of frames, all 64 px."""
    root = tmp_path_factory.mktemp("plain")
    frames = [_picture(seed)[::4, ::4] for seed in range(3)]
    (root / "ann#1").mkdir()
    for position, frame in enumerate(frames):
        iio.imwrite(root / "ann#1" / f"{position:03d}.png", frame)
    iio.imwrite(root / "ann#2.gif", np.stack(frames), duration=100, loop=0)
    iio.imwrite(root / "bob#1.mp4", np.stack(frames), plugin="FFMPEG", fps=10)
    iio.imwrite(root / "eve#1.png", np.concatenate(frames, axis=1))
    return root


@pytest.fixture(scope="session")
def plain_frames():
    """The frames that every clip of `plain_clips` shows, uint8 `[3, 64, 64, 3]`."""
    return np.stack([_picture(seed)[::4, ::4] for seed in range(3)])
