"""`fomm evaluate` told to do what cannot be done: one sentence, an exit code, nothing left behind."""

import pytest


def test_a_missing_folder_of_clips_is_named(fomm, tiny_checkpoint, tmp_path, listing):
    fomm("evaluate", tiny_checkpoint, tmp_path / "gone", "-o", tmp_path / "results").refused(4, "gone", "folder")
    assert listing() == []


def test_a_folder_without_clips_is_named(fomm, tiny_checkpoint, tmp_path):
    (tmp_path / "clips").mkdir()
    fomm("evaluate", tiny_checkpoint, tmp_path / "clips", "-o", tmp_path / "results").refused(4, "clips", "videos")
    assert not (tmp_path / "results").exists()


def test_a_missing_model_is_named(fomm, tmp_path):
    fomm("evaluate", "no-such-model", tmp_path, "-o", tmp_path / "results").refused(5, "no-such-model")


def test_results_never_replace_a_file(fomm, tiny_checkpoint, tmp_path):
    (tmp_path / "results").write_text("mine")
    fomm("evaluate", tiny_checkpoint, tmp_path, "-o", tmp_path / "results").refused(7, "is a file")
    assert (tmp_path / "results").read_text() == "mine"


@pytest.mark.parametrize(("option", "value"), [("--limit", "0"), ("--frames", "1"), ("--every", "0")])
def test_useless_amounts_are_refused(fomm, tiny_checkpoint, tmp_path, option, value):
    outcome = fomm("evaluate", tiny_checkpoint, tmp_path, "-o", tmp_path / "results", option, value)
    outcome.refused(2, option.strip("-"))


def test_an_ablation_measures_stages_and_names_clips_that_it_left_out(fomm, tiny_checkpoint, make_talk, tmp_path):
    clips, results = tmp_path / "clips", tmp_path / "results"
    clips.mkdir()
    make_talk(clips / "talk.mp4", frames=4, audio=False)
    (clips / "torn.mp4").write_bytes(b"torn")
    outcome = fomm("evaluate", tiny_checkpoint, clips, "-o", results, "--ablate")
    assert outcome.code == 0
    assert "torn.mp4" in outcome.err
    assert sorted(path.name for path in results.iterdir()) == ["ablation.json", "ablation.md"]
    assert "| layers |" in (results / "ablation.md").read_text()
    fomm("evaluate", tiny_checkpoint, clips, "-o", results, "--ablate").refused(7, "ablation", "--force")


def test_a_stage_that_the_model_lacks_is_named(fomm, tiny_checkpoint, tmp_path):
    outcome = fomm("evaluate", tiny_checkpoint, tmp_path, "-o", tmp_path / "results", "--without", "lashs")
    outcome.refused(2, "no stage 'lashs'")
