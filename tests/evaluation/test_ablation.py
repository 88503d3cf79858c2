"""What each stage is worth, measured on a short clip with the bundled model."""

import json
from dataclasses import replace

import pytest

from fomm.config.evaluate import EvaluateSettings
from fomm.config.render import RenderSettings
from fomm.errors import MediaError, OutputError
from fomm.evaluation.ablation import JSON_NAME, ablate, write_ablation
from fomm.evaluation.measures.tally import MODEL
from fomm.evaluation.run import prepare
from fomm.render.animator import Animator

SETTINGS = EvaluateSettings(limit=1, frames=4, render=RenderSettings(device="cpu"))


@pytest.fixture(scope="module")
def found(plain_set):
    return ablate(prepare("compact-256", SETTINGS), plain_set)


def test_every_stage_is_left_out_once_and_nothing_once(found, tmp_path):
    stages = list(found.milliseconds)
    assert stages[0] == MODEL
    assert {"layers", "lids", "teeth", "mirrored-half"} < set(stages)
    assert set(found.measures["l1"]) == set(stages)
    table = write_ablation(found, tmp_path / "new").read_text()
    assert [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| ")][1:] == [
        "| nothing",
        *(f"| {name}" for name in stages[1:]),
    ]
    assert json.loads((tmp_path / "new" / JSON_NAME).read_text())["clips"] == 1


def test_a_stage_that_acts_on_no_frame_changes_no_measure(found):
    assert found.acting["layers"] > 0
    assert found.change["layers"] > 1
    idle = [name for name, share in found.acting.items() if share == 0 and name != MODEL]
    assert "tone" in idle  # the clip has colours
    assert all(found.measures["l1"][name] == found.measures["l1"][MODEL] for name in idle)
    assert found.measures["l1"]["layers"] != found.measures["l1"][MODEL]


def test_the_model_is_whole_again(plain_set):
    tools = prepare("compact-256", replace(SETTINGS))
    ablate(tools, plain_set)
    assert set(tools.pipeline._animator.stages) == set(tools.pipeline._animator._model.stages.names)


def test_a_model_without_stages_is_refused(plain_set, monkeypatch):
    monkeypatch.setattr(Animator, "stages", ())
    with pytest.raises(MediaError, match="no stages"):
        ablate(prepare("compact-256", SETTINGS), plain_set)


def test_a_folder_that_cannot_be_written_to_is_named(found, tmp_path):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(OutputError, match="taken"):
        write_ablation(found, tmp_path / "taken" / "results")
