"""The shipped schedules for GPUs, and the session script that fits them into a given time, tried with tiny networks."""

import importlib.util
import shutil
from pathlib import Path

import pytest
import torch
from tiny_training import compact_mapping

from fomm.config.training.stages import CompactConfig, load_compact_config
from fomm.geometry.landmarks import FREE_PLACES, TIED_LANDMARKS
from fomm.model.compact import CompactModel
from fomm.weights.loading import verify_checkpoint
from fomm.weights.locations import config_folder, config_names

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu_session.py"
SCHEDULES = ("compact-256-gpu", "compact-256-quality")


@pytest.fixture(scope="module")
def script():
    if not SCRIPT.is_file():
        pytest.skip("the benchmarks are not part of an installed package")
    spec = importlib.util.spec_from_file_location("gpu_session", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_are_found_by_name_and_end_with_an_adversary(name):
    assert name in config_names()
    path = config_folder() / f"{name}.yaml"
    assert path.read_text().startswith("# ")
    config = load_compact_config(path)
    stages = [stage.name for stage in config.training.stages]
    assert set(stages) - {"matte"} == {"motion", "generator", "joint"}
    assert stages[0] == "matte" or config.training.start  # the others read what it finds
    assert config.training.stages[-1].generator.adversarial > 0
    assert config.model.tied_keypoints <= len(TIED_LANDMARKS)
    assert config.model.free_keypoints <= len(FREE_PLACES)


def test_the_quality_model_is_the_larger_one():
    models = [CompactModel(load_compact_config(config_folder() / f"{name}.yaml").model) for name in SCHEDULES]
    small, large = (sum(parameter.numel() for parameter in model.parameters()) for model in models)
    assert large > 3 * small


def test_a_session_trains_every_stage_and_its_parts_make_a_checkpoint(
    script, labelled_clips, tmp_path, monkeypatch, capsys
):
    out, arriving = tmp_path / "out", tmp_path / "arriving"
    shutil.copytree(labelled_clips, arriving / "first")
    (arriving / "first" / "ready").touch()
    shutil.copytree(labelled_clips, arriving / "second")  # never ready, so never read
    command = ["gpu_session.py", str(arriving), "--out", str(out), "--models", "compact-256-gpu", "--tiny"]
    monkeypatch.setattr(script, "PART", 40_000)
    monkeypatch.setattr("sys.argv", [*command, "--device", "cpu", "--seconds", "1"])
    script.main()
    parts = out / "parts"
    stages = [
        f"compact-256-gpu-{number}" for number in ("1-matte", "2-motion", "3-generator", "4-joint", "5-generator")
    ]
    for stage in stages:
        assert (parts / f"{stage}.sha256").is_file()
        assert (parts / f"{stage}.png").is_file()
    assert max(part.stat().st_size for part in parts.glob("*.00?")) <= 40_000
    assert capsys.readouterr().out.count("frames are on the device") == 1
    assert not (out / "cache").exists()

    joined = tmp_path / "m.safetensors"
    monkeypatch.setattr("sys.argv", ["x", "--join", str(parts / "compact-256-gpu"), "-o", str(joined)])
    script.main()
    assert verify_checkpoint(joined).header.family == "compact"
    (parts / "compact-256-gpu.001").unlink()
    with pytest.raises(SystemExit, match="fetch them again"):
        script.main()


def test_the_rate_falls_with_the_time_that_is_left(script, labelled_clips, tmp_path, monkeypatch):
    stages = [{"name": "motion", "steps": 30}, {"name": "motion", "steps": 10}]
    config = CompactConfig.from_mapping(compact_mapping(*stages), where="test")
    clips = script.Arriving(labelled_clips, tmp_path, torch.device("cpu"))
    task = script.ClockedTask(config, clips, deadline=1080.0)
    now = 1000.0
    monkeypatch.setattr(script, "clock", lambda: now)
    task.begin(0)
    rates = []
    for now in (1000.0, 1030.0, 1060.0):  # noqa: B007 - the clock reads it
        rates.append(task.rate(500))
    assert rates == pytest.approx([1.0, 0.515, 0.03], abs=0.01)
    task.begin(1)
    assert task.seconds == pytest.approx(20.0)
