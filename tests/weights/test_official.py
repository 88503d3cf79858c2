import copy
import os
import pickle
import zipfile

import pytest
import torch

from fomm.config.training.paper import ModelConfig
from fomm.errors import CheckpointError
from fomm.model.paper import build_paper_model
from fomm.weights.files import open_checkpoint
from fomm.weights.loading import load_model
from fomm.weights.locations import find_config
from fomm.weights.official import convert_official, load_official


def write(path, content, **options):
    torch.save(content, path, **options)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "small.pth.tar"


def stand_in(config_name):
    """A checkpoint with the full-size layout of a shipped configuration whose tensors take no space."""
    with torch.device("meta"):
        model = build_paper_model(find_config(config_name).model_params)
    return {
        part: {
            key: torch.zeros((), dtype=tensor.dtype).expand(tensor.shape) for key, tensor in module.state_dict().items()
        }
        for part, module in (("kp_detector", model.detector), ("generator", model.generator))
    }


@pytest.mark.parametrize("modern", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "module."])
def test_weights_arrive_unchanged_and_the_optimiser_stays_behind(path, published, small_config, modern, wrapped):
    content = copy.deepcopy(published)
    if wrapped:
        for part in ("kp_detector", "generator", "discriminator"):
            content[part] = {f"module.{key}": value for key, value in content[part].items()}
    write(path, content, _use_new_zipfile_serialization=modern)
    loaded = load_official(path, small_config)
    expected = {f"detector.{key}": value for key, value in published["kp_detector"].items()}
    expected |= {f"generator.{key}": value for key, value in published["generator"].items()}
    expected |= {f"discriminator.{key}": value for key, value in published["discriminator"].items()}
    assert loaded.tensors.keys() == expected.keys()
    assert all(torch.equal(loaded.tensors[key], value) for key, value in expected.items())


def test_converted_checkpoint_animates_like_the_original(tmp_path, path, published, small_config, small_model):
    write(path, published)
    header = convert_official(path, tmp_path / "ours.safetensors", config=small_config, licence="MIT", origin="a test")
    model = load_model(tmp_path / "ours.safetensors").model
    image = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(model.detect(image).value, small_model.detect(image).value)
    assert header.name == "small"
    with open_checkpoint(tmp_path / "ours.safetensors") as file:
        assert file.header == header
        assert any(key.startswith("discriminator.") for key in file.shapes)


def test_fitting_configuration_is_found(tmp_path):
    mgif = write(tmp_path / "renamed.pth.tar", stand_in("mgif-256"))
    assert load_official(mgif).config == find_config("mgif-256").model_params
    adversarial = write(tmp_path / "vox-adv-cpk.pth.tar", stand_in("vox-256"))
    assert load_official(adversarial).config == find_config("vox-adv-256").model_params


def test_wrong_configuration_names_the_right_one(tmp_path):
    path = write(tmp_path / "cartoon.pth.tar", stand_in("mgif-256"))
    with pytest.raises(CheckpointError, match=r"jacobian\.weight': \[4, 35, 7, 7\] instead of \[40.*use 'mgif-256'"):
        load_official(path, find_config("vox-256").model_params)


def test_misfits_are_named(path, published, small_config):
    del published["generator"]["final.bias"]
    published["generator"]["final.biass"] = torch.zeros(3)
    published["kp_detector"]["kp.bias"] = torch.zeros(7)
    write(path, published)
    with pytest.raises(
        CheckpointError,
        match=r"1 missing .*final\.bias'.*1 unexpected .*final\.biass'.*kp\.bias': \[7\] instead of \[2\]",
    ):
        load_official(path, small_config)
    with pytest.raises(CheckpointError, match="fits no shipped configuration"):
        load_official(path)


class Payload:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("modern", [True, False], ids=["zip", "legacy"])
def test_code_is_never_run(tmp_path, path, published, small_config, modern):
    marker = tmp_path / "pwned"
    published["generator"]["first.conv.weight"] = Payload(marker)
    write(path, published, _use_new_zipfile_serialization=modern)
    with pytest.raises(CheckpointError, match="asks to run Python code"):
        load_official(path, small_config)
    assert not marker.exists()


def test_bare_pickle_is_refused(tmp_path, path):
    marker = tmp_path / "pwned"
    path.write_bytes(pickle.dumps(Payload(marker)))
    with pytest.raises(CheckpointError):
        load_official(path)
    assert not marker.exists()


def test_zip_bomb_is_refused_before_unpacking(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * 20_000_000)
    with pytest.raises(CheckpointError, match="would unpack to 20000000 bytes"):
        load_official(path)


@pytest.mark.parametrize("modern", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("keep", [0.0, 0.02, 0.5, 0.99])
def test_truncated_file_is_refused(path, published, small_config, modern, keep):
    write(path, published, _use_new_zipfile_serialization=modern)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(CheckpointError, match=r"small\.pth\.tar"):
        load_official(path, small_config)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_refused(path, published, small_config, bad):
    published["generator"]["first.norm.running_var"][1] = bad
    write(path, published)
    with pytest.raises(CheckpointError, match=r"NaN or infinite.*generator\.first\.norm\.running_var"):
        load_official(path, small_config)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "holds no dict"),
        ({"generator": {}}, "'generator' .* is not a state dict"),
        ({"kp_detector": {"a": torch.zeros(1)}}, "lacks 'generator' or 'kp_detector'"),
        ({"kp_detector": {"a": torch.zeros(1)}, "generator": {"b": 3}}, "more than named tensors"),
    ],
)
def test_other_content_is_explained(path, content, message):
    write(path, content)
    with pytest.raises(CheckpointError, match=message):
        load_official(path, ModelConfig())


def test_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"nowhere\.pth\.tar"):
        load_official(tmp_path / "nowhere.pth.tar")
