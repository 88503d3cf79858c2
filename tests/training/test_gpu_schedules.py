"""The shipped schedules for GPUs, and the session script that fits them into a given time, tried with tiny networks."""

import importlib.util
import json
from pathlib import Path

import pytest

from fomm.nn.compact import CompactModel
from fomm.nn.landmarks import FREE_PLACES, TIED_LANDMARKS
from fomm.training.settings import load_compact_config
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
    assert {stage.name for stage in config.training.stages} == {"motion", "generator", "joint"}
    assert config.training.stages[-1].generator.adversarial > 0
    assert config.model.tied_keypoints <= len(TIED_LANDMARKS)
    assert config.model.free_keypoints <= len(FREE_PLACES)


def test_the_quality_model_is_the_larger_one():
    models = [CompactModel(load_compact_config(config_folder() / f"{name}.yaml").model) for name in SCHEDULES]
    small, large = (sum(parameter.numel() for parameter in model.parameters()) for model in models)
    assert large > 3 * small


def test_a_session_goes_on_and_its_parts_make_a_checkpoint(script, labelled_clips, tmp_path, monkeypatch):
    out = tmp_path / "out"
    command = ["gpu_session.py", str(labelled_clips), "--out", str(out), "--models", "compact-256-gpu", "--tiny"]
    command += ["--device", "cpu", "--steps", "1"]
    monkeypatch.setattr(script, "TRIAL", 2)
    monkeypatch.setattr(script, "PART", 40_000)
    monkeypatch.setattr("sys.argv", [*command, "--call", "0"])
    script.main()
    plan = json.loads((out / "compact-256-gpu.plan.json").read_text())
    assert plan["steps"] == [1, 1, 1, 1]
    assert not (out / "compact-256-gpu").exists()  # planning took the whole call
    monkeypatch.setattr("sys.argv", command)
    script.main()
    parts = out / "parts"
    assert (parts / "compact-256-gpu.001").is_file()
    assert max(part.stat().st_size for part in parts.glob("*.00?")) <= 40_000
    monkeypatch.setattr(
        "sys.argv", ["x", "--join", str(parts / "compact-256-gpu"), "-o", str(tmp_path / "m.safetensors")]
    )
    script.main()
    assert verify_checkpoint(tmp_path / "m.safetensors").header.family == "compact"
    (parts / "compact-256-gpu.001").unlink()
    with pytest.raises(SystemExit, match="fetch them again"):
        script.main()
