"""A stage named flow trains the dense motion on keypoints that stay as they are, seen as closely as inference does."""

import pytest
import torch
from tiny_training import compact_mapping

from fomm.config.training.stages import CompactConfig
from fomm.errors import SettingsError
from fomm.model.compact import CompactModel
from fomm.networks.compact.close_look import CloseLook
from fomm.training.data.labelled_clips import PairedClips
from fomm.training.loop.trainer import Trainer
from fomm.training.tasks.paired import PairedTask
from fomm.training.tasks.task import Draw
from fomm.weights.loading import save_model

STAGES = {"name": "flow", "steps": 3, "learning_rate": 0.01}, {"name": "motion", "steps": 1}


def schedule(*stages, close_look=4, **training):
    mapping = compact_mapping(*stages, **training)
    mapping["model"] |= {"tied_keypoints": 42, "close_look": close_look}
    return CompactConfig.from_mapping(mapping, where="test")


@pytest.fixture
def clips(labelled_clips, clip_cache):
    return PairedClips(labelled_clips, "train", clip_cache)


@pytest.fixture
def checkpoint(tmp_path):
    """Return the path of a checkpoint that has a close look."""
    path = tmp_path / "close.safetensors"
    model = CompactModel(schedule(*STAGES).model)
    save_model(path, model, name="close", licence="none", origin="a test")
    return str(path)


@pytest.fixture
def task(clips, checkpoint):
    return PairedTask(schedule(*STAGES, start=checkpoint), clips, torch.device("cpu"))


def test_only_the_dense_motion_learns_and_the_detector_looks_closely(task, monkeypatch):
    looks = []
    forward = CloseLook.forward
    monkeypatch.setattr(CloseLook, "forward", lambda *args, **kwargs: looks.append(1) or forward(*args, **kwargs))
    before = {name: value.clone() for name, value in task.model.state_dict().items()}
    Trainer(task, None, torch.device("cpu"), on_progress=lambda _: None).run(3)
    changed = {
        name.split(".")[0] for name, value in task.model.state_dict().items() if not torch.equal(value, before[name])
    }
    assert changed == {"dense_motion"}
    assert looks


def test_the_detector_learns_again_afterwards_with_its_first_look(task, monkeypatch):
    task.begin(0)
    task.model.train()
    task.begin(1)
    looks = []
    monkeypatch.setattr(CloseLook, "forward", lambda *args, **kwargs: looks.append(1))
    losses = task.losses(task.make_batch(Draw(1, 0, 5))).losses
    torch.stack(list(losses.values())).sum().backward()
    assert not looks
    assert task.model.detector.heatmap.weight.grad.abs().sum() > 0
    assert "equivariance" in losses


def test_a_close_look_that_nobody_trains_is_refused(clips, checkpoint):
    for given in (schedule(*STAGES), schedule(*STAGES, close_look=6, start=checkpoint)):
        with pytest.raises(SettingsError, match=r"model\.close_look: no stage .* a stage named close"):
            PairedTask(given, clips, torch.device("cpu"))
