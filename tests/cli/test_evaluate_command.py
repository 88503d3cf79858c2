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
