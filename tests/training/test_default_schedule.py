"""The shipped schedules of the default model, run from start to end with tiny networks and few steps."""

import yaml
from tiny_training import compact_mapping

from fomm.training.loop.run import train
from fomm.weights.loading import load_model
from fomm.weights.locations import config_folder

FEW = {"steps": 2, "batch_size": 2}


def shrunk(name, path, **training):
    """Write a shipped schedule to `path` with everything it says but its sizes; return the names of its stages."""
    mapping = yaml.safe_load((config_folder() / f"{name}.yaml").read_text())
    tiny = compact_mapping()
    mapping["model"] |= tiny["model"] | {key: 4 for key in ("matte_width", "close_look") if key in mapping["model"]}
    mapping["training"] |= {"perceptual": "none", "precision": "float32", **training}
    mapping["training"]["stages"] = [stage | FEW for stage in mapping["training"]["stages"]]
    path.write_text(yaml.safe_dump(mapping))
    return [stage["name"] for stage in mapping["training"]["stages"]]


def test_they_run_one_after_the_other_to_their_ends(labelled_clips, tmp_path):
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    stages = shrunk("compact-256", first)
    assert stages == ["matte", "motion", "motion", "generator", "joint"]
    train(first, labelled_clips, tmp_path / "first")
    begun = tmp_path / "first" / "averaged.safetensors"
    assert sorted(path.stem for path in (tmp_path / "first").glob("?-*.safetensors")) == [
        f"{number}-{stage}" for number, stage in enumerate(stages, 1)
    ]
    assert shrunk("compact-256-close", second, start=str(begun)) == ["close"]
    train(second, labelled_clips, tmp_path / "second")
    before, after = (load_model(path).model for path in (begun, tmp_path / "second" / "averaged.safetensors"))
    assert (after.settings.close_look, after.settings.teeth, after.settings.lashes) == (4, True, True)
    learnt = after.state_dict()
    assert all((learnt[name] == value).all() for name, value in before.state_dict().items())  # it only adds
