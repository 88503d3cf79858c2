import dataclasses

import pytest
import torch

from fomm.config.training.compact import CompactSettings
from fomm.errors import CheckpointError
from fomm.model.compact import CompactModel
from fomm.weights.files import CheckpointHeader, save_checkpoint, sha256
from fomm.weights.loading import checkpoint_info, load_model, save_model, verify_checkpoint


@pytest.fixture
def path(tmp_path, shelf):
    return tmp_path / "model.safetensors"


@pytest.fixture
def small_compact():
    torch.manual_seed(0)
    return CompactModel(CompactSettings(tied_keypoints=2, free_keypoints=1, image_size=64, motion_side=16)).eval()


@pytest.mark.parametrize("family", ["small_model", "small_compact"])
def test_saved_model_loads_identical(path, family, request):
    model = request.getfixturevalue(family)
    save_model(path, model, name="m", licence="MIT", origin="me")
    loaded = load_model(path)
    assert loaded.model.config == model.config
    assert not loaded.model.training
    state = loaded.model.state_dict()
    assert all(torch.equal(state[key], value) for key, value in model.state_dict().items())


def test_info_tells_what_the_file_is(path, small_model):
    save_model(path, small_model, name="m", licence="MIT", origin="me")
    info = checkpoint_info(path)
    assert (info.header.name, info.header.licence, info.header.origin, info.header.family) == (
        "m",
        "MIT",
        "me",
        "paper",
    )
    assert info.sha256 == sha256(path)
    assert info.parameters == sum(tensor.numel() for tensor in small_model.state_dict().values())
    assert verify_checkpoint(path) == info


def test_published_file_loads_by_path(tmp_path, shelf, published, small_config, monkeypatch):
    small = dataclasses.make_dataclass("Shipped", ["model_params"])(small_config)
    monkeypatch.setattr("fomm.weights.official.find_config", lambda _: small)
    torch.save(published, tmp_path / "small-cpk.pth.tar")
    loaded = load_model(tmp_path / "small-cpk.pth.tar")
    assert loaded.info.header.name == "small-cpk"
    weight = loaded.model.state_dict()["generator.final.weight"]
    assert torch.equal(weight, published["generator"]["final.weight"])


def test_weights_for_other_settings_are_refused(path, small_model, small_config):
    config = small_config.to_mapping()
    config["common_params"]["num_kp"] = 9
    save_checkpoint(path, small_model.state_dict(), CheckpointHeader(family="paper", config=config))
    for attempt in (load_model, verify_checkpoint):
        with pytest.raises(CheckpointError, match=r"does not fit .* instead of \[9"):
            attempt(path)


def test_settings_of_a_monstrous_model_cost_no_memory(path, small_model):
    config = {"generator_params": {"block_expansion": 1024, "max_features": 8192, "num_bottleneck_blocks": 64}}
    save_checkpoint(path, small_model.state_dict(), CheckpointHeader(family="paper", config=config))
    with pytest.raises(CheckpointError, match="does not fit"):
        load_model(path)


def test_unknown_setting_in_the_header_is_named(path, small_model):
    save_checkpoint(path, small_model.state_dict(), CheckpointHeader(family="paper", config={"num_kp": 3}))
    with pytest.raises(CheckpointError, match="Unknown key 'num_kp'"):
        load_model(path)


def test_not_finite_weights_are_refused_on_loading(path, small_model, monkeypatch):
    small_model.state_dict()["generator.final.bias"][0] = float("nan")
    with monkeypatch.context() as patch:
        patch.setattr("fomm.weights.files.check_values", lambda tensors, path: dict(tensors))
        save_model(path, small_model, name="m", licence="MIT", origin="me")
    for attempt in (load_model, verify_checkpoint):
        with pytest.raises(CheckpointError, match=r"NaN or infinite values in 'generator\.final\.bias'"):
            attempt(path)
