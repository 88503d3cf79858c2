"""Pairs of clips for evaluation, as the paper lists them."""

from pathlib import Path

import pytest

from fomm.errors import MediaError
from fomm.training.data.pairs_list import ClipPair, read_pairs

CLIPS = [Path("test/ann.mp4"), Path("test/bob"), Path("test/eve.gif")]


@pytest.fixture
def write(tmp_path):
    def make(text):
        path = tmp_path / "pairs.csv"
        path.write_text(text)
        return path

    return make


def test_pairs_whose_clips_are_there_are_read_in_order(write):
    listed = write("distance,source,driving,frame\n0.1,ann.mp4,bob,0\n0.2,ann,lost.mp4,0\n0.3,eve,ann,4\n")
    assert read_pairs(listed, CLIPS) == [ClipPair(CLIPS[0], CLIPS[1]), ClipPair(CLIPS[2], CLIPS[0])]
    assert len(read_pairs(listed, CLIPS, most=1)) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [("source,driver\nann,bob\n", "no column 'driving'"), ("source,driving\nx,y\n", "'x' and 'y'"), ("", "no column")],
)
def test_faults_are_named(write, text, words):
    with pytest.raises(MediaError, match=words):
        read_pairs(write(text), CLIPS)


def test_a_missing_list_is_named(tmp_path):
    with pytest.raises(MediaError, match=r"nowhere\.csv"):
        read_pairs(tmp_path / "nowhere.csv", CLIPS)
