"""TensorBoard on request: curves and contact sheets of a run, going on where the run goes on."""

import sys

import pytest
from tiny_training import compact_mapping

from fomm.errors import SettingsError
from fomm.training.run import train


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
    assert board.Images("sheets/2-generator")[-1].width == 5 * 64


def test_off_unless_asked_for(run, tmp_path):
    run(steps=1)
    assert not (tmp_path / "run" / "tensorboard").exists()


def test_missing_tensorboard_is_one_sentence(run, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(SettingsError, match=r"pip install 'fomm\[train\]'"):
        run(tensorboard=True)
    assert not (tmp_path / "run").exists()
