import dataclasses

import pytest
import torch
from tiny_training import compact_mapping
from torch import nn
from torch.nn import functional as F

from fomm.config.training.paper import Config
from fomm.errors import FommError, MediaError, SettingsError
from fomm.training.data.clip_folder import ClipFolder
from fomm.training.loop.run import train
from fomm.training.loop.trainer import Trainer
from fomm.training.tasks.paper import PaperTask
from fomm.weights.loading import load_model

TINY = {"block_expansion": 4, "max_features": 8, "num_blocks": 2}


class Blurred(nn.Module):
    """A backbone without weights: the picture at two sizes."""

    def forward(self, image):
        return [image * 58, F.avg_pool2d(image, 2) * 58]


def paper_mapping(**train_params):
    weights = {"perceptual": [10, 10], "generator_gan": 1, "feature_matching": [10, 10]}
    return {
        "dataset_params": {
            "frame_shape": [64, 64, 3],
            "id_sampling": True,
            "augmentation_params": {"flip_param": {"horizontal_flip": True}, "jitter_param": {"hue": 0.1}},
        },
        "model_params": {
            "common_params": {"num_kp": 3},
            "kp_detector_params": TINY,
            "generator_params": {
                "block_expansion": 4,
                "max_features": 8,
                "num_bottleneck_blocks": 1,
                "dense_motion_params": TINY,
            },
            "discriminator_params": {**TINY, "use_kp": True},
        },
        "train_params": {
            "num_epochs": 2,
            "num_repeats": 2,
            "epoch_milestones": [1],
            "batch_size": 2,
            "scales": [1, 0.5],
            "loss_weights": weights,
            **train_params,
        },
    }


@pytest.fixture
def run(tmp_path, clip_cache):
    def start(config, data, folder="run", **options):
        silent = {"device": "cpu", "cache": clip_cache, "on_progress": lambda progress: None, "backbone": Blurred()}
        return train(config, data, tmp_path / folder, **{**silent, **options})

    return start


def state(tmp_path, folder):
    return torch.load(tmp_path / folder / "state.pt", weights_only=True)


def test_the_paper_model_trains_by_epochs_and_resumes_exactly(run, write_config, plain_clips, tmp_path):
    config = write_config(paper_mapping())
    straight = run(config, plain_clips, "straight")
    # Three identities, twice over, in pairs: three steps an epoch, two epochs.
    assert straight.steps == 6
    assert straight.finished
    halves = [run(config, plain_clips, "halves", steps=n) for n in (2, 4)]
    assert [half.finished for half in halves] == [False, True]
    first, second = (state(tmp_path, folder)["model"] for folder in ("straight", "halves"))
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert load_model(straight.checkpoint).info.header.family == "paper"


def test_learning_rates_fall_at_milestones(run, write_config, plain_clips, tmp_path):
    config = write_config(paper_mapping(lr_kp_detector=1e-3))
    for steps, expected in ((3, [2e-4, 1e-3]), (1, [2e-5, 1e-4])):
        run(config, plain_clips, steps=steps)
        groups = state(tmp_path, "run")["optimizer"]["param_groups"]
        assert [group["lr"] for group in groups] == pytest.approx(expected)


def test_the_paper_model_learns(plain_clips, clip_cache, tmp_path):
    weights = {"perceptual": [10, 10], "generator_gan": 0}
    mapping = paper_mapping(num_repeats=100, lr_generator=1e-2, loss_weights=weights)
    mapping["dataset_params"]["augmentation_params"] = {}
    config = Config.from_mapping(mapping)
    clips = ClipFolder(plain_clips, config.dataset_params, "train", clip_cache, limit=1)
    task = PaperTask(config, clips, torch.device("cpu"), Blurred())
    task.loop = dataclasses.replace(task.loop, log_every=10)
    seen = []
    Trainer(task, tmp_path, torch.device("cpu"), on_progress=seen.append).run(40)
    assert seen[-1].losses["perceptual"] < 0.9 * seen[0].losses["perceptual"]


def test_the_compact_model_trains_on_either_kind_of_data(run, write_config, plain_clips, labelled_clips):
    config = write_config(compact_mapping({"name": "motion", "steps": 2}))
    reports = []
    labelled = run(config, labelled_clips, "labelled", on_progress=reports.append)
    plain = run(config, plain_clips, "plain", on_progress=reports.append)
    assert labelled.finished
    assert plain.finished
    assert "flow" in reports[0].losses
    assert "equivariance_value" in reports[1].losses
    assert load_model(plain.checkpoint).info.header.family == "compact"


@pytest.mark.parametrize(
    ("mapping", "options", "message"),
    [
        (compact_mapping({"steps": 2}), {"steps": 0}, "steps must be at least 1"),
        (compact_mapping({"steps": 2}), {"device": "abacus"}, "no device 'abacus'"),
        (compact_mapping({"steps": 2}), {"resume": "perhaps"}, "resume must be one of"),
        (compact_mapping(), {}, "no training.stages"),
        (paper_mapping(), {}, "labelled paired clips"),
    ],
)
def test_wrong_requests_are_refused_in_a_sentence(run, write_config, labelled_clips, mapping, options, message):
    with pytest.raises(SettingsError, match=message) as caught:
        run(write_config(mapping), labelled_clips, **options)
    assert isinstance(caught.value, FommError)


def test_plain_clips_cannot_train_a_close_look(run, write_config, plain_clips):
    mapping = compact_mapping({"name": "motion", "steps": 2})
    mapping["model"] |= {"tied_keypoints": 42, "close_look": 4}
    with pytest.raises(SettingsError, match=r"model\.close_look: no stage"):
        run(write_config(mapping), plain_clips)


def test_missing_files_are_named(run, write_config, tmp_path):
    with pytest.raises(SettingsError, match=r"nowhere\.yaml"):
        run(tmp_path / "nowhere.yaml", tmp_path)
    with pytest.raises(MediaError, match="no folder of clips"):
        run(write_config(paper_mapping()), tmp_path / "nowhere")
    bad = tmp_path / "bad.yaml"
    bad.write_text("family: [")
    with pytest.raises(SettingsError, match="not valid YAML"):
        run(bad, tmp_path)
