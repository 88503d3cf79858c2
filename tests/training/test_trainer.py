import imageio.v3 as iio
import pytest
import torch
from tiny_training import compact_mapping
from toy_task import ToyTask

from fomm.config.training.stages import CompactConfig
from fomm.errors import CheckpointError, OutputError, SettingsError
from fomm.training.data.labelled_clips import PairedClips
from fomm.training.loop.trainer import Trainer
from fomm.training.tasks.paired import PairedTask
from fomm.weights.loading import load_model

CPU = torch.device("cpu")


def trainer(task, folder, **options):
    return Trainer(task, folder, CPU, **{"on_progress": lambda progress: None, **options})


@pytest.fixture
def paired_task(labelled_clips, clip_cache):
    clips = PairedClips(labelled_clips, "train", clip_cache)

    def make(*stages, **training):
        return PairedTask(CompactConfig.from_mapping(compact_mapping(*stages, **training)), clips, CPU)

    return make


def stored(folder):
    return torch.load(folder / "state.pt", weights_only=True)


def assert_same(a, b):
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, list):
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    elif isinstance(a, torch.Tensor):
        assert torch.equal(a, b)
    else:
        assert a == b


@pytest.mark.parametrize(
    "stages",
    [
        [{"name": "motion", "steps": 6}],
        [
            {"name": "motion", "steps": 2},
            {
                "name": "joint",
                "steps": 4,
                "generator": {"adversarial": 0.1, "feature_matching": 1.0},
                "discriminator": {"block_expansion": 2, "num_blocks": 2, "use_kp": True, "sn": True},
            },
        ],
    ],
    ids=["motion", "adversary"],
)
def test_a_resumed_run_ends_exactly_as_a_straight_one(paired_task, tmp_path, stages):
    trainer(paired_task(*stages), tmp_path / "straight").run()
    for steps in (3, 3):
        trainer(paired_task(*stages), tmp_path / "resumed").run(steps)
    assert_same(stored(tmp_path / "straight"), stored(tmp_path / "resumed"))


def test_a_stop_within_a_phase_keeps_the_critic(paired_task, tmp_path):
    stage = {
        "name": "generator",
        "steps": 4,
        "generator": {"feature_matching": 1.0},
        "discriminator": {"block_expansion": 2, "num_blocks": 2},
    }
    trainer(paired_task(stage), tmp_path).run(2)
    critic = stored(tmp_path)["critic"]
    assert critic["model"]
    assert critic["optimizer"]["state"][0]["step"] == 2


def test_every_phase_leaves_a_loadable_checkpoint_and_a_sheet(paired_task, tmp_path):
    task = paired_task({"name": "motion", "steps": 1}, {"name": "generator", "steps": 2}, sheet_every=1)
    motion_before = {k: v.clone() for k, v in task.model.dense_motion.state_dict().items()}
    trainer(task, tmp_path).run()
    loaded = load_model(tmp_path / "2-generator.safetensors")
    assert loaded.info.header.family == "compact"
    assert_same(dict(loaded.model.state_dict()), dict(stored(tmp_path)["averaged"]))
    enlarged = 512 // (2 * 64)
    for name, columns in (("1-motion-000001", 4), ("2-generator-000002", 5)):
        sheet = iio.imread(tmp_path / "sheets" / f"{name}.png")
        assert sheet.shape == (512, columns * 64 * enlarged, 3)
    changed = task.model.dense_motion.state_dict()
    assert any(not torch.equal(changed[key], value) for key, value in motion_before.items())


def test_the_generator_stage_leaves_motion_alone(paired_task, tmp_path):
    task = paired_task({"name": "generator", "steps": 2}, sheet_every=1)
    before = {k: v.clone() for k, v in task.model.state_dict().items()}
    trainer(task, tmp_path).run()
    after = task.model.state_dict()
    assert all(torch.equal(after[k], v) for k, v in before.items() if not k.startswith("generator."))
    assert any(not torch.equal(after[k], v) for k, v in before.items() if k.startswith("generator."))


def test_training_lowers_the_flow_loss(paired_task, tmp_path):
    seen = []
    task = paired_task({"name": "motion", "steps": 24, "learning_rate": 8e-3}, log_every=4)
    trainer(task, tmp_path, on_progress=seen.append).run()
    assert seen[-1].losses["flow"] < 0.8 * seen[0].losses["flow"]
    assert [report.step for report in seen] == list(range(4, 25, 4))
    assert seen[-1].seconds_left == 0


def test_a_poisoned_step_changes_nothing_and_is_counted(tmp_path):
    seen = []
    task = ToyTask(steps=3, poison=1, log_every=3, ema_decay=0.0)
    trainer(task, tmp_path, on_progress=seen.append).run()
    assert torch.allclose(task.model.weight, torch.tensor([-1.0, 0.0, 1.0]), atol=1e-6)
    assert task.model.norm.running_mean.isfinite().all()
    assert seen[0].skipped == 1


def test_divergence_stops_with_advice(tmp_path):
    with pytest.raises(SettingsError, match="lower the learning rate"):
        trainer(ToyTask(steps=100, poison=2, poisoned=90), tmp_path).run()
    assert torch.isfinite(stored(tmp_path)["model"]["weight"]).all()


def test_averaged_weights_lag_behind(tmp_path):
    task = ToyTask(steps=20)
    trainer(task, tmp_path).run(12)
    assert (stored(tmp_path)["averaged"]["weight"] > task.model.weight).all()


def test_a_finished_phase_hands_on_the_averaged_weights(tmp_path):
    task = ToyTask(steps=20)
    trainer(task, tmp_path).run(10)
    latest = task.model.weight.detach().clone()
    trainer(task, tmp_path).run()
    state = stored(tmp_path)
    assert torch.equal(state["model"]["weight"], state["averaged"]["weight"])
    assert (task.model.weight < latest).all()


def test_another_model_is_refused(paired_task, tmp_path):
    trainer(ToyTask(), tmp_path).run()
    with pytest.raises(CheckpointError, match="another model configuration"):
        trainer(paired_task({"steps": 1}), tmp_path)


def test_other_training_settings_need_a_word(tmp_path):
    trainer(ToyTask(steps=4), tmp_path).run(2)
    with pytest.raises(CheckpointError, match="adapt"):
        trainer(ToyTask(steps=6), tmp_path)
    adapted = trainer(ToyTask(steps=6), tmp_path, resume="adapt")
    adapted.run()
    assert adapted.steps_done == 4


def test_a_used_folder_is_refused_when_a_fresh_one_is_wanted(tmp_path):
    trainer(ToyTask(), tmp_path).run(2)
    with pytest.raises(OutputError, match="already holds a run"):
        trainer(ToyTask(), tmp_path, resume="never")


def test_a_state_without_identity_still_loads(tmp_path):
    trainer(ToyTask(), tmp_path).run(2)
    state = stored(tmp_path)
    kept = ("model", "averaged", "optimizer", "stage", "step", "config")
    torch.save({key: state[key] for key in kept}, tmp_path / "state.pt")
    resumed = trainer(ToyTask(), tmp_path)
    resumed.run()
    assert resumed.steps_done == 2
    assert resumed.finished


def test_a_damaged_state_is_named(tmp_path):
    (tmp_path / "state.pt").write_bytes(b"not a state")
    with pytest.raises(CheckpointError, match=r"state\.pt"):
        trainer(ToyTask(), tmp_path)
