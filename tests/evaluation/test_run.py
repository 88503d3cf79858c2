"""Whole evaluations of a tiny model on clips of a real face."""

import json

import numpy as np
import pytest

from fomm.config.evaluate import EvaluateSettings
from fomm.errors import FommWarning, MediaError, OutputError
from fomm.evaluation.baselines import BASELINES, ORACLE
from fomm.evaluation.clips import find_entries, open_clip
from fomm.evaluation.measures.features import Features
from fomm.evaluation.measures.landmarks import FivePoints
from fomm.evaluation.measures.tally import TRUE_FRAMES
from fomm.evaluation.report import check_folder, markdown, write_report
from fomm.evaluation.run import evaluate, prepare
from fomm.face.locate import FaceFinder

METHODS = {"model", *BASELINES}
SETTINGS = EvaluateSettings(frames=6, every=2)


@pytest.fixture(scope="module", autouse=True)
def _always_installed():
    """Judge with what is always there, so that results do not depend on extras."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fomm.evaluation.run.best_landmarker", FivePoints)
        patch.setattr(Features, "installed", classmethod(lambda cls, device: None))
        yield


@pytest.fixture(scope="module")
def labelled(labelled_set, tiny_checkpoint):
    return evaluate(prepare(str(tiny_checkpoint), SETTINGS), labelled_set)


@pytest.fixture(scope="module")
def plain(plain_set, tiny_checkpoint):
    return evaluate(prepare(str(tiny_checkpoint), EvaluateSettings(frames=4, every=2)), plain_set)


def test_a_labelled_set_is_measured_on_held_out_people_driven_by_their_twins(labelled):
    assert list(labelled.by_clip) == ["1a"]
    assert labelled.by_clip["1a"]["driver"] == "1b"
    for way in (labelled.self_driven, labelled.cross_driven):
        for measure in ("l1", "psnr", "ssim", "missing", "flow", "flicker"):
            assert set(way[measure]) == METHODS | {ORACLE}, measure
        assert set(way["warping"]) == METHODS | {ORACLE, TRUE_FRAMES}
    assert labelled.self_driven["still"]["model"] > 0


def test_warps_that_know_the_landmarks_undo_a_slide_and_copying_does_not(labelled):
    for way in (labelled.self_driven, labelled.cross_driven):
        # Frames 0, 2 and 4 are measured for flow: slides of 0, 8 and 16 px.
        assert way["flow"]["copy"] == pytest.approx(8, abs=0.1)
        assert way["flow"]["similarity"] < 0.1
        assert way["flow"]["similarity"] < way["flow"]["thin-plate"] < way["flow"]["copy"]
        assert way["l1"]["similarity"] < 0.3 * way["l1"]["copy"]
        assert way["warping"]["similarity"] < 0.5 * way["warping"]["copy"]
        assert way["akd"]["copy"] == pytest.approx(np.mean([4, 8, 12, 16, 20]), rel=0.2)
        assert way["akd"]["similarity"] < 0.3 * way["akd"]["copy"]


def test_plain_clips_of_all_kinds_are_measured_and_drive_one_another(plain):
    assert {name: entry["driver"] for name, entry in plain.by_clip.items()} == {
        "ann": "bob",
        "bob": "eve",
        "eve": "ann",
    }
    assert set(plain.self_driven["l1"]) == METHODS
    assert "l1" not in plain.cross_driven  # nobody knows the true frames
    assert "flow" not in plain.self_driven
    assert plain.tools["points that drive the baselines"] == "keypoints of the model under test"


def test_a_list_of_pairs_says_who_drives_whom(plain_set, tiny_checkpoint, tmp_path):
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("source,driving\nann,eve\nlost,bob\nann.mp4,bob.mp4\n")
    tools = prepare(str(tiny_checkpoint), EvaluateSettings(frames=4, every=4))
    result = evaluate(tools, plain_set, pairs=pairs)
    assert {name: entry["driver"] for name, entry in result.by_clip.items()} == {"ann": "eve", "ann by bob": "bob"}


def test_the_same_clip_gives_the_same_numbers_and_progress_is_told(plain, plain_set, tiny_checkpoint):
    told = []
    tools = prepare(str(tiny_checkpoint), EvaluateSettings(frames=4, every=2, limit=1))
    again = evaluate(tools, plain_set, lambda stage, done, total: told.append((stage, done, total)))
    assert again.by_clip == {"ann": plain.by_clip["ann"]}
    assert told == [("measure", 0, 1), ("measure", 1, 1)]


def test_a_limit_is_spread_over_the_folder(plain_set):
    assert [entry.path.name for entry in find_entries(plain_set, 2)] == ["ann.mp4", "eve"]


def test_results_are_written_for_programs_and_for_people(labelled, tmp_path):
    folder = tmp_path / "new" / "results"
    check_folder(folder, force=False)
    write_report(labelled, folder)
    stored = json.loads((folder / "results.json").read_text())
    assert stored["self"]["l1"]["model"] == pytest.approx(labelled.self_driven["l1"]["model"], abs=1e-5)
    text = (folder / "results.md").read_text()
    assert "thin-plate warp of landmarks" in text
    assert "MTCNN, 5 points" in text
    assert "The thin-plate warp told the true landmarks is no baseline" in text
    assert sorted(entry.name for entry in folder.iterdir()) == ["results.json", "results.md"]
    with pytest.raises(OutputError, match="--force"):
        check_folder(folder, force=False)
    check_folder(folder, force=True)


def test_better_and_worse_are_marked_by_what_the_measure_means(labelled):
    labelled.self_driven = {
        "l1": {"model": 0.1, "copy": 0.2, "similarity": 0.05, "thin-plate": 0.1},
        "ssim": {"model": 0.9, "copy": 0.8, "similarity": 0.95, "thin-plate": 0.9},
    }
    rows = [line for line in markdown(labelled).splitlines() if line.startswith(("| L1", "| SSIM"))][:2]
    assert rows[0].endswith("| 0.1 | 0.2 + | 0.05 - | 0.1 = | 50% |")
    assert rows[1].endswith("| 0.9 | 0.8 + | 0.95 - | 0.9 = |  |")


def test_a_clip_that_cannot_be_measured_is_named_and_left_out(plain_set, tiny_checkpoint, tmp_path):
    (tmp_path / "ann.mp4").write_bytes((plain_set / "ann.mp4").read_bytes())
    (tmp_path / "broken.mp4").write_bytes(b"not a video at all")
    with pytest.warns(FommWarning, match=r"broken\.mp4"):
        result = evaluate(prepare(str(tiny_checkpoint), EvaluateSettings(frames=4)), tmp_path)
    assert result.by_clip["ann"]["self"]["l1"]
    assert result.by_clip["ann"]["cross"] == {}  # its driver is the broken one
    assert result.clips == 1
    assert all("broken.mp4" in sentence for sentence in result.left_out)


def test_a_folder_of_useless_clips_is_an_error(tiny_checkpoint, tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"not a video at all")
    with pytest.warns(FommWarning, match=r"broken\.mp4"), pytest.raises(MediaError, match="No clip in"):
        evaluate(prepare(str(tiny_checkpoint), EvaluateSettings(frames=4)), tmp_path)


def test_folders_without_clips_are_refused(tmp_path):
    with pytest.raises(MediaError, match="no folder"):
        find_entries(tmp_path / "missing", None)
    with pytest.raises(MediaError, match="no clips"):
        find_entries(tmp_path, None)
    (tmp_path / "index.json").write_text('{"0a": {"split": "train", "portrait": "male_5"}}')
    with pytest.raises(MediaError, match="held-out"):
        find_entries(tmp_path, None)


def test_a_wide_clip_is_cut_to_the_face(plain_set):
    finder = FaceFinder()
    frame = next(iter(open_clip(plain_set / "bob.mp4", None, 128, finder).frames(1)))
    assert frame.shape == (128, 128, 3)
    face = max(finder.find(frame), key=lambda face: face.size)
    assert 0.4 < face.size / 128 < 0.7
