import numpy as np
import pytest

from fomm.config.training.paper import DatasetParams
from fomm.errors import MediaError
from fomm.training.data.clip_folder import ClipFolder


@pytest.fixture
def read(plain_clips, tmp_path):
    def make(root=plain_clips, split="train", side=64, limit=None, **params):
        return ClipFolder(root, DatasetParams(frame_shape=(side, side, 3), **params), split, tmp_path, limit)

    return make


def shown_frame(picture, plain_frames):
    """Return which of the three frames a picture shows."""
    differences = [np.abs(picture.permute(1, 2, 0).numpy() * 255 - frame).mean() for frame in plain_frames]
    assert min(differences) < 12
    return int(np.argmin(differences))


def test_every_kind_of_clip_gives_two_frames_in_order(read, plain_frames):
    clips = read()
    assert [path.name for path in clips.paths] == ["ann#1", "ann#2.gif", "bob#1.mp4", "eve#1.png"]
    for index in range(len(clips)):
        numbers = np.random.default_rng(index)
        seen = [[shown_frame(x, plain_frames) for x in clips.pair(index, numbers)] for _ in range(6)]
        assert all(first <= second for first, second in seen)
        assert len({tuple(pair) for pair in seen}) > 1


def test_identities_group_clips_by_name(read):
    assert len(read(id_sampling=True)) == 3
    assert len(read()) == 4
    assert len(read(limit=2)) == 2


def test_frames_take_the_configured_size(read):
    clips = read(side=32)
    for index in range(len(clips)):
        assert clips.pair(index, np.random.default_rng(0)).shape == (2, 3, 32, 32)


def test_split_folders_are_kept_apart(read, tmp_path, make_photo):
    for split, name in (("train", "a"), ("test", "b")):
        (tmp_path / "set" / split / name).mkdir(parents=True)
        make_photo(tmp_path / "set" / split / name / "0.png")
    assert [path.name for path in read(tmp_path / "set", "train").paths] == ["a"]
    assert [path.name for path in read(tmp_path / "set", "test").paths] == ["b"]


def test_without_split_folders_every_fifth_clip_is_for_testing(read, tmp_path):
    for number in range(10):
        (tmp_path / "set" / f"clip{number}").mkdir(parents=True)
    assert [path.name for path in read(tmp_path / "set", "test").paths] == ["clip4", "clip9"]
    assert len(read(tmp_path / "set").paths) == 8


def test_faults_are_named(read, tmp_path, make_photo):
    with pytest.raises(MediaError, match="no folder of clips"):
        read(tmp_path / "nowhere")
    (tmp_path / "set" / "hollow").mkdir(parents=True)
    with pytest.raises(MediaError, match="hollow"):
        read(tmp_path / "set").pair(0, np.random.default_rng(0))
    (tmp_path / "empty").mkdir()
    with pytest.raises(MediaError, match="no clips for 'train'"):
        read(tmp_path / "empty")
    (tmp_path / "strips").mkdir()
    make_photo(tmp_path / "strips" / "odd.png", size=(100, 64))
    with pytest.raises(MediaError, match=r"odd\.png"):
        read(tmp_path / "strips").pair(0, np.random.default_rng(0))
