import pytest
import torch
from tiny_training import compact_mapping

from fomm.config.training.augment import AugmentSettings
from fomm.config.training.stages import CompactConfig
from fomm.errors import SettingsError
from fomm.geometry.grids import coordinate_grid
from fomm.training.augment.views import augment
from fomm.training.data.labelled_clips import PairedClips, TransferBatch
from fomm.training.loop.trainer import Trainer
from fomm.training.tasks.paired import PairedTask
from fomm.training.tasks.task import Draw


@pytest.fixture
def matte_task(labelled_clips, clip_cache):
    """Return a function: a task whose only stage trains the matte."""
    clips = PairedClips(labelled_clips, "train", clip_cache)

    def build(steps=1, **model):
        stage = {"name": "matte", "steps": steps, "learning_rate": 0.01, "cross_share": 0.0}
        mapping = compact_mapping(stage)
        mapping["model"] |= {"hidden_margin": 0.06, "hidden_fill": True, **model}
        return PairedTask(CompactConfig.from_mapping(mapping, where="test"), clips, torch.device("cpu"))

    return build


def test_a_matte_stage_teaches_the_matte_and_nothing_else(matte_task):
    task = matte_task(60, matte_width=4)
    before = {name: value.clone() for name, value in task.model.state_dict().items()}
    sample = task.make_batch(Draw(0, 0, 99))
    task.make_batch = lambda draw: sample
    task.model.train()  # after so few steps, the running statistics of batches mean little
    task.begin(0)
    first = float(task.losses(sample).losses["matte"].detach())
    trainer = Trainer(task, None, torch.device("cpu"), on_progress=lambda _: None)
    trainer.run()
    task.model.train()
    assert float(task.losses(sample).losses["matte"].detach()) < 0.6 * first
    others = [name for name in before if not name.startswith("matte.")]
    assert all(torch.equal(before[name], trainer.state.averaged[name]) for name in others)


def test_the_person_of_a_sample_is_where_its_pictures_show_it():
    person = torch.zeros(2, 4, 64, 64, dtype=torch.bool)
    person[:, 0, 20:50, 16:36], person[:, 1, 24:54, 24:44] = True, True
    white = person.repeat_interleave(4, 2).repeat_interleave(4, 3)[:, :, None].expand(-1, -1, 3, -1, -1)
    still = coordinate_grid(64, 64, torch.zeros(1), corners=False).expand(2, 64, 64, 2)
    batch = TransferBatch(
        frames=white.to(torch.uint8) * 255,
        flow=still,
        valid=torch.ones(2, 64, 64, dtype=torch.bool),
        person=person,
        landmarks=torch.zeros(2, 4, 468, 2),
        irises=torch.zeros(2, 4, 10, 2),
    )
    settings = AugmentSettings(colour=0, grey=0, backdrop=0, noise=0, blur=0, bend=0.1, rotation=40, mirror=1)
    sample = augment(batch, settings, 256, torch.Generator().manual_seed(3), 2)
    shown = torch.nn.functional.avg_pool2d(sample.clean.mean(2), 4)
    assert (shown - sample.person).abs().mean() < 0.01
    assert shown.mean() > 0.05


def test_other_stages_leave_the_matte_alone(matte_task):
    task = matte_task(matte_width=4)
    for stage in ("generator", "joint"):
        mapping = compact_mapping({"name": stage, "steps": 2})
        mapping["model"] |= {"hidden_margin": 0.06, "hidden_fill": True, "matte_width": 4}
        other = PairedTask(CompactConfig.from_mapping(mapping, where="test"), task.clips, torch.device("cpu"))
        before = {name: value.clone() for name, value in other.model.matte.state_dict().items()}
        Trainer(other, None, torch.device("cpu"), on_progress=lambda _: None).run()
        assert all(torch.equal(before[name], value) for name, value in other.model.matte.state_dict().items())


def test_a_stage_without_a_matte_to_train_is_refused(matte_task):
    with pytest.raises(SettingsError, match="matte_width"):
        matte_task().begin(0)
