"""TensorBoard on request: curves and contact sheets of a run, going on where the run goes on."""

import sys

import numpy as np
import pytest
from tiny_training import compact_mapping

from fomm.errors import SettingsError, TrustError
from fomm.training.loop.board import Board
from fomm.training.loop.run import train
from fomm.trust.marks.kinds import TRAINING_SHEET
from fomm.trust.marks.verify import verify


def events(folder):
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    read = event_accumulator.EventAccumulator(str(folder / "tensorboard"))
    read.Reload()
    return read


@pytest.fixture
def run(write_config, labelled_clips, clip_cache, tmp_path):
    config = write_config(
        compact_mapping({"name": "motion", "steps": 2}, {"name": "generator", "steps": 3}, log_every=1, sheet_every=2)
    )

    def start(**options):
        return train(
            config,
            labelled_clips,
            tmp_path / "run",
            **{"device": "cpu", "cache": clip_cache, "on_progress": lambda progress: None, **options},
        )

    return start


def test_curves_count_through_all_phases_and_sheets_are_pictures(run, tmp_path):
    pytest.importorskip("tensorboard", reason="the train extra is not installed: pip install 'fomm[train]'")
    assert not run(steps=3, tensorboard=True).finished
    assert run(tensorboard=True).finished
    board = events(tmp_path / "run")
    assert [point.step for point in board.Scalars("loss/total")] == [1, 2, 3, 4, 5]
    assert [point.step for point in board.Scalars("loss/flow")] == [1, 2]
    assert [point.step for point in board.Scalars("loss/pixels")] == [3, 4, 5]
    assert set(board.Tags()["images"]) == {"sheets/1-motion", "sheets/2-generator"}
    assert board.Images("sheets/2-generator")[-1].width == 5 * 64 * (512 // (2 * 64))
    for tag in board.Tags()["images"]:
        for image in board.Images(tag):
            (tmp_path / "seen.png").write_bytes(image.encoded_image_string)
            report = verify(tmp_path / "seen.png")
            assert (report.verdict, report.kind) == ("marked", TRAINING_SHEET)


def test_an_unmarked_sheet_is_refused(tmp_path):
    pytest.importorskip("tensorboard", reason="the train extra is not installed: pip install 'fomm[train]'")
    board = Board(tmp_path / "tensorboard")
    board.begin(0)
    with pytest.raises(TrustError, match="marked sheets only"):
        board.show("1-motion", np.zeros((512, 512, 3), np.uint8), 1)
    board.close()


def test_off_unless_asked_for(run, tmp_path):
    run(steps=1)
    assert not (tmp_path / "run" / "tensorboard").exists()


def test_missing_tensorboard_is_one_sentence(run, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(SettingsError, match=r"pip install 'fomm\[train\]'"):
        run(tensorboard=True)
    assert not (tmp_path / "run").exists()
