"""The close look learns from labelled clips: what its views show, what an error is, and that nothing else changes."""

from types import SimpleNamespace

import pytest
import torch
import yaml
from tiny_training import compact_mapping

from fomm.config.training.stages import CompactConfig
from fomm.errors import SettingsError
from fomm.geometry.landmarks import TIED_LANDMARKS
from fomm.networks.compact.close_look import EYE, MOUTH
from fomm.training.data.labelled_clips import PairedClips, TransferBatch
from fomm.training.loop.run import train
from fomm.training.loop.trainer import Trainer
from fomm.training.losses.close_look import close_losses, draw_close_views
from fomm.training.tasks.close_look import CloseTask
from fomm.training.tasks.task import Draw

STAGE = {"name": "close", "steps": 60, "learning_rate": 0.01}
TIED = {"tied_keypoints": 42, "close_look": 4}


def config(*stages, **model):
    mapping = compact_mapping(*(stages or [STAGE]))
    mapping["model"] |= {**TIED, **model}
    return CompactConfig.from_mapping(mapping, where="test")


@pytest.fixture(scope="module")
def clips(labelled_clips, clip_cache):
    return PairedClips(labelled_clips, "train", clip_cache)


@pytest.fixture(scope="module")
def batch():
    """Two people at two moments, twice, with a dot at the upper lip's middle; one knows no irises."""
    generator = torch.Generator().manual_seed(4)
    landmarks = torch.rand((2, 4, 468, 2), generator=generator) * 0.8 - 0.4
    irises = torch.rand((2, 4, 10, 2), generator=generator) * 0.2
    irises[1] = float("nan")
    frames = torch.zeros(2, 4, 3, 256, 256, dtype=torch.uint8)
    for person in range(2):
        for moment in range(4):
            x, y = ((landmarks[person, moment, 13] + 1) * 128).int().tolist()
            frames[person, moment, :, y - 3 : y + 4, x - 3 : x + 4] = 255
    unused = torch.zeros(2, 64, 64)
    return TransferBatch(frames, unused, unused, unused, landmarks, irises)


def knowing(views, slip=0.0):
    """Return a look that knows the truth but for a slip in px at every second moment."""

    def inverse(view):
        true = view.true.clone()
        true[1::2, :, 0] += slip * 2 / 256
        return torch.linalg.solve(view.windows.axes, (true - view.windows.centre[:, None]).transpose(1, 2)).mT

    return SimpleNamespace(mouth=lambda _: inverse(views.mouths), eye=lambda _: inverse(views.eyes))


def test_views_show_the_keypoints_they_tell_mirrored_or_not(batch):
    views = draw_close_views(batch, torch.Generator().manual_seed(1))
    assert views.mouths.shown.shape == (8, 3, 64, 64)
    assert views.eyes.shown.shape == (16, 3, 48, 48)
    view = views.mouths
    lip = MOUTH.index(TIED_LANDMARKS.index(13))
    places = torch.linalg.solve(view.windows.axes, (view.true - view.windows.centre[:, None]).mT).mT[:, lip]
    near = [
        float(shown.mean(0)[int((y + 1) * 32), int((x + 1) * 32)] / shown.mean(0).amax())
        for shown, (x, y) in zip(view.shown, places.tolist(), strict=True)
        if max(abs(x), abs(y)) < 0.95
    ]
    assert len(near) >= 4
    assert sorted(near)[len(near) // 2] > 0.7  # something may hide the dot in one of them


def test_irises_that_are_unknown_do_not_count(batch):
    views = draw_close_views(batch, torch.Generator().manual_seed(1))
    iris = len(EYE[0]) - 1
    known = views.eyes.known.view(2, 2, 4, len(EYE[0]))  # eyes, people, moments
    assert known[:, 0, :, iris].all()
    assert not known[:, 1, :, iris].any()
    assert views.eyes.true.isfinite().all()
    assert views.eyes.windows.axes.isfinite().all()


def test_views_repeat_with_their_seed(batch):
    one, same, other = (draw_close_views(batch, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one.mouths.shown, same.mouths.shown)
    assert torch.equal(one.eyes.windows.axes, same.eyes.windows.axes)
    assert (one.mouths.shown - other.mouths.shown).abs().mean() > 0.01


def test_the_truth_costs_nothing_and_a_slip_between_moments_what_it_measures(batch):
    views = draw_close_views(batch, torch.Generator().manual_seed(1))
    right, wrong = (close_losses(knowing(views, slip), views) for slip in (0.0, 2.0))
    for name in ("mouth", "eyes"):
        assert float(right[name]) < 0.01
        # 2 px less the quadratic start (0.15) as motion, and half of that as a place in every second moment.
        assert float(wrong[name]) == pytest.approx(1.85 * 1.25, abs=0.1)


def test_the_close_look_learns_and_nothing_else_changes(clips):
    task = CloseTask(config(), clips, torch.device("cpu"))
    before = {name: value.clone() for name, value in task.model.state_dict().items()}
    batch = task.make_batch(Draw(0, 0, 7))
    task.begin(0)
    first = {name: float(loss.detach()) for name, loss in task.losses(batch).losses.items()}
    task.make_batch = lambda draw: batch
    trainer = Trainer(task, None, torch.device("cpu"), on_progress=lambda _: None)
    trainer.run()
    task.begin(0)
    last = {name: float(loss.detach()) for name, loss in task.losses(batch).losses.items()}
    assert all(last[name] < 0.7 * first[name] for name in first)
    others = [name for name in before if not name.startswith("detector.close.")]
    assert all(torch.equal(before[name], trainer.state.averaged[name]) for name in others)


def test_other_stages_and_models_that_look_once_are_refused(clips):
    with pytest.raises(SettingsError, match="a configuration of their own"):
        CloseTask(config(STAGE, {"name": "motion"}), clips, torch.device("cpu"))
    with pytest.raises(SettingsError, match="close_look"):
        CloseTask(config(close_look=0), clips, torch.device("cpu"))


def test_a_schedule_named_close_trains_it_from_the_command_line(labelled_clips, tmp_path):
    mapping = compact_mapping({**STAGE, "steps": 2})
    mapping["model"] |= TIED
    path = tmp_path / "closer.yaml"
    path.write_text(yaml.safe_dump(mapping))
    result = train(path, labelled_clips, tmp_path / "run", device="cpu")
    assert result.finished
    assert (tmp_path / "run" / "1-close.safetensors").is_file()
    assert list((tmp_path / "run" / "sheets").iterdir())
