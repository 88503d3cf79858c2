"""What training, fine-tuning and evaluation advise is done as they say."""

from __future__ import annotations

import re
import shutil
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import imageio.v3 as iio
import numpy as np
import pytest
import torch
import yaml
from tried import TERMS, suggested, tries

from fomm.config.training.compact import CompactSettings
from fomm.config.training.loop import LoopSettings
from fomm.config.training.stages import CompactConfig, TrainSettings
from fomm.errors import CheckpointError, ConsentError, MediaError, SettingsError
from fomm.model.compact import CompactModel
from fomm.training.data.clip_folder import read_strip
from fomm.training.finetune.run import backbone
from fomm.training.loop.start import refuse_untrained_look
from fomm.training.loop.trainer import Trainer
from fomm.training.tasks.close_look import CloseTask
from fomm.training.tasks.matte import MatteTask
from fomm.trust.consent.ledger import Ledger

SMALL = {"detector_width": 4, "motion_width": 4, "generator_width": 4, "max_width": 8, "levels": 2}
TINY = {"block_expansion": 4, "max_features": 8, "num_blocks": 2}
COMPACT = {
    "family": "compact",
    "model": {**SMALL, "generator_blocks": 0},
    "training": {"precision": "float32", "stages": [{"name": "motion", "steps": 4, "batch_size": 2, "side": 64}]},
}
PAPER = {
    "dataset_params": {"frame_shape": [64, 64, 3]},
    "model_params": {
        "common_params": {"num_kp": 3},
        "kp_detector_params": TINY,
        "generator_params": {
            "block_expansion": 4,
            "max_features": 8,
            "num_bottleneck_blocks": 1,
            "dense_motion_params": TINY,
        },
        "discriminator_params": TINY,
    },
    "train_params": {"batch_size": 2, "loss_weights": {}},
}


@pytest.fixture
def clips(tmp_path):
    """A strip of three frames of 64 px, twice."""
    folder = tmp_path / "clips"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        strip = np.random.default_rng(0).integers(0, 255, (64, 192, 3), np.uint8)
        iio.imwrite(folder / name, strip)
    return folder


@pytest.fixture
def train(run, clips, tmp_path):
    """Run `fomm train` for a step on a configuration given as a mapping."""

    def call(mapping, *options):
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(mapping))
        short = ["-o", tmp_path / "run", "--steps", 1, "--device", "cpu"]
        return run("train", tmp_path / "config.yaml", clips, *short, *options)

    return call


@tries(
    "The perceptual loss needs the weights", "set `perceptual: none` in the", "set `perceptual: [0]` under train_params"
)
@pytest.mark.parametrize("mapping", [COMPACT, PAPER], ids=["compact", "paper"])
def test_a_missing_backbone(train, monkeypatch, mapping):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("fomm.training.losses.perceptual.files", missing)
    code, said = train(mapping)
    assert code == SettingsError.exit_code
    key, value, place = re.search(r"set `(\w+): (\S+)` (?:in|under) (?:the )?([a-z_.]*[a-z_])", said).groups()
    changed = yaml.safe_load(yaml.safe_dump(mapping))
    section = changed
    for name in place.split("."):
        section = section[name]
    section[key] = yaml.safe_load(value)
    code, said = train(changed)
    assert code == 0, said


@tries("use --backbone none")
def test_a_missing_backbone_of_fine_tuning(monkeypatch, parses):
    monkeypatch.setattr("fomm.training.losses.perceptual.files", lambda name: [])
    with pytest.raises(SettingsError, match="or use --backbone none"):
        backbone("vgg16")
    assert backbone("none") is None
    assert parses(["finetune", "--portrait", "p.png", "-o", "a.safetensors", "--backbone", "none"])


@tries("already holds a run", "was made with other training settings")
def test_a_begun_run(train):
    without = {**COMPACT, "training": {**COMPACT["training"], "perceptual": "none"}}
    assert train(without)[0] == 0
    said = train(without, "--resume", "never")[1]
    assert train(without, *said.rsplit(": ", 1)[1].rstrip(".\n").split())[0] == 0
    changed = {**without, "training": {**without["training"], "weight_decay": 0.5}}
    code, said = train(changed)
    assert code == CheckpointError.exit_code
    code, said = train(changed, *said.rsplit(": ", 1)[1].rstrip(".\n").split())
    assert code == 0, said


@tries("Training diverged: {skipped} steps", "or set `precision: float32` in the training section")
@pytest.mark.parametrize("kind", [TrainSettings, LoopSettings])
def test_diverged_training(parses, kind):
    trainer = SimpleNamespace(settings=kind(), state=SimpleNamespace(step=1))
    with pytest.raises(SettingsError) as stopped:
        Trainer._warn_or_give_up(trainer, 10**6)
    offered = re.search(r"`precision: (\w+)`", str(stopped.value))
    assert bool(offered) == (kind is TrainSettings)  # a file of the paper's family has no such key
    assert not offered or TrainSettings.from_mapping({"precision": offered.group(1)})
    assert parses(["train", "vox-256", "clips", "-o", "run", *str(stopped.value).split("with ")[1][:-2].split()])


@tries("no device '{name}'")
def test_a_missing_device(train, monkeypatch):
    monkeypatch.setattr(
        "fomm.training.loop.workers.torch.empty", lambda *_, **__: (_ for _ in ()).throw(RuntimeError())
    )
    code, said = train(COMPACT, "--device", "mps")
    assert code == SettingsError.exit_code
    assert said.strip().endswith("use --device cpu.")


@pytest.mark.parametrize(
    ("wrong", "words", "right"),
    [
        ({"hidden_fill": True, "hidden_margin": 0}, "set hidden_margin above 0", {"hidden_margin": 0.06}),
        ({"matte_width": 4, "hidden_margin": 0.06}, "set hidden_fill", {"hidden_fill": True}),
        ({"teeth": True, "tied_keypoints": 42}, "set mouth_map", {"mouth_map": True}),
    ],
    ids=["fill", "matte", "teeth"],
)
@tries("model.hidden_fill: what is", "model.matte_width: a matte serves", "model.teeth: without a mouth")
def test_parts_that_need_others(wrong, words, right):
    base = {**SMALL, "generator_blocks": 0}
    with pytest.raises(SettingsError, match=words):
        CompactModel(CompactSettings.from_mapping(base | wrong))
    assert CompactModel(CompactSettings.from_mapping(base | wrong | right))


@tries("; set model.close_look.", "; set model.matte_width.", "no place in this schedule", "model.close_look: no stage")
def test_stages_that_need_parts():
    fill = {"hidden_margin": 0.06, "hidden_fill": True}
    for name, kind, part in (("close", CloseTask, {"close_look": 4, "tied_keypoints": 42}), ("matte", MatteTask, fill)):
        stages = [{"name": name, "steps": 1}]
        base = CompactConfig.from_mapping({"model": SMALL | {"generator_blocks": 0}, "training": {"stages": stages}})
        with pytest.raises(SettingsError) as refused:
            kind(base, [], torch.device("cpu"))
        key = re.search(r"set model\.(\w+)", str(refused.value)).group(1)
        assert key in {"close_look", "matte_width"}
        model = CompactModel(CompactSettings.from_mapping(SMALL | {"generator_blocks": 0} | part | {key: 4}))
        assert SimpleNamespace(close=model.settings.close_look, matte=model.matte).__dict__[name]
        other = CompactConfig.from_mapping({"training": {"stages": [*stages, {"name": "motion", "steps": 1}]}})
        with pytest.raises(SettingsError, match="no place in this schedule"):
            kind(other, [], torch.device("cpu"))
    with pytest.raises(SettingsError, match="leave it out here"):
        refuse_untrained_look(CompactSettings(close_look=4), None)
    refuse_untrained_look(CompactSettings(), None)


@tries("set frame_shape to theirs")
def test_a_strip_of_other_frames(tmp_path):
    iio.imwrite(tmp_path / "strip.png", np.zeros((64, 160, 3), np.uint8))
    with pytest.raises(MediaError, match="set frame_shape to theirs"):
        read_strip(tmp_path / "strip.png", 64, 64)
    assert len(read_strip(tmp_path / "strip.png", 64, 80)) == 2


@tries("has no training.stages; add at least one")
def test_a_schedule_without_stages(train):
    training = {"perceptual": "none", "precision": "float32"}
    assert "add at least one" in train({**COMPACT, "training": training})[1]
    code, said = train({**COMPACT, "training": training | {"stages": COMPACT["training"]["stages"]}})
    assert code == 0, said


@tries(
    "{SUFFIX}: a model is a safetensors file",
    "does not name the clip {strange[0]}",
    "give --clips, a folder",
    "--clips {quoted",
)
def test_fine_tuning(run, home, consented, talk, tiny_checkpoint, tmp_path):
    films = tmp_path / "their films"
    films.mkdir()
    shutil.copy(talk, films)
    model = tmp_path / "ada.safetensors"
    quick = ["--steps", 1, "--rows", 1, "--backbone", "none", "--device", "cpu", "--model", tiny_checkpoint]
    tune = ["finetune", "--portrait", consented, *quick]
    ending = re.search(r"must end in (\.\w+)", run(*tune, "-o", tmp_path / "ada.pt")[1]).group(1)
    assert ending == model.suffix
    living = ["--subject", "Ada", "--until", "2999-01-31", "--statement", "Yes."]
    assert run("consent", "grant", consented, *living, "--make", "train")[0] == 0
    assert "give --clips" in run(*tune, "-o", tmp_path / "alone.safetensors")[1]
    code, said = run(*tune, "-o", model, "--clips", films)
    assert code == ConsentError.exit_code
    assert run(*suggested(said))[0] == 0
    code, said = run(*tune, "-o", model, "--clips", films)
    assert code == 0, said


@tries("and animates no other; leave out --model", "(fomm animate --model)")
def test_a_model_of_one_person(run, home, consented, motion, tiny_checkpoint, make_photo, parses, tmp_path):
    grant = ["consent", "grant", consented, "--subject", "Ada", "--until", "2999-01-31", "--statement", "Yes."]
    assert run(*grant, "--make", "train", "--make", "animate")[0] == 0
    model, other = tmp_path / "ada.safetensors", make_photo(tmp_path / "other.png", size=(96, 80))
    quick = ["--steps", 1, "--rows", 1, "--backbone", "none", "--device", "cpu", "--model", tiny_checkpoint]
    assert run("finetune", "--portrait", consented, "-o", model, *quick)[0] == 0
    Ledger(home).grant(other.read_bytes(), TERMS)
    crop = ["--crop-only", "--source-box", "8,8,64,64", "--any-face", "--max-seconds", "0.1"]
    render = ["animate", other, motion, "-o", tmp_path / "a.mp4", *crop]
    said = run(*render, "--model", model)[1]
    assert "leave out --model" in said
    assert parses(suggested(said.replace("fomm: ", "", 1), PHOTO=str(other)))
    assert run(*render, "--model", tiny_checkpoint)[0] == 0
    assert "(fomm animate --model)" in run("directions", model, tmp_path)[1]
    own = ["animate", consented, motion, "-o", tmp_path / "own.mp4", "--crop-only", "--max-seconds", "0.1"]
    assert run(*own, "--model", model)[0] == 0


@tries(
    "or learn them: fomm directions", "of another version ({error}); learn them again",
    "were learnt for another model; learn them again", "keypoints and the edit directions",
)  # fmt: skip
def test_edit_directions(run, consented, editing_checkpoint, tmp_path):
    model = tmp_path / "model.safetensors"
    shutil.copy(editing_checkpoint, model)
    directions = editing_checkpoint.with_suffix(".directions.safetensors")
    edit = ["edit", consented, "-o", tmp_path / "a.png", "--yaw", "2", "--model", model, "--crop-only"]
    for content in (None, b"damaged"):
        if content is not None:
            model.with_suffix(".directions.safetensors").write_bytes(content)
        code, said = run(*edit)
        assert code == CheckpointError.exit_code
        command = suggested(said.replace("fomm: ", "", 1), MODEL=str(model), CLIPS=str(tmp_path))
        assert "not a folder of labelled clips" in run(*command)[1]  # read and begun: it asks for real clips only
    shutil.copy(directions, model.with_suffix(".directions.safetensors"))
    assert run(*edit)[0] == 0
