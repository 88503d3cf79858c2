import json

import pytest

from fomm.errors import CheckpointError
from fomm.weights.loading import load_model, save_model
from fomm.weights.registry import available_models, resolve_checkpoint, write_entry


@pytest.fixture
def shipped(shelf, small_model):
    path = shelf / "toy-64.safetensors"
    save_model(path, small_model, name="toy-64", licence="CC0-1.0", origin="random numbers")
    write_entry(path, "Good for nothing.")
    return path


def test_shipped_model_is_listed_with_licence_and_origin(shipped):
    (entry,) = available_models()
    assert (entry.name, entry.licence, entry.origin) == ("toy-64", "CC0-1.0", "random numbers")
    assert resolve_checkpoint("toy-64") == shipped


def test_a_path_needs_no_entry(tmp_path, shelf, small_model):
    save_model(tmp_path / "mine.safetensors", small_model, name="mine", licence="MIT", origin="me")
    assert resolve_checkpoint(tmp_path / "mine.safetensors") == tmp_path / "mine.safetensors"


def test_unknown_name_suggests_the_nearest(shipped):
    with pytest.raises(CheckpointError, match="'toy-46'; did you mean 'toy-64'"):
        resolve_checkpoint("toy-46")
    with pytest.raises(CheckpointError, match="shipped models: toy-64"):
        resolve_checkpoint("/nowhere/else.safetensors")


def test_entry_without_its_file_says_reinstall(shipped):
    shipped.unlink()
    with pytest.raises(CheckpointError, match="'toy-64' is missing"):
        resolve_checkpoint("toy-64")


def test_altered_file_does_not_load(shipped):
    data = bytearray(shipped.read_bytes())
    data[-1] ^= 1
    shipped.write_bytes(data)
    with pytest.raises(CheckpointError, match=r"differs from the checksum in 'toy-64\.json'"):
        load_model("toy-64")


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"name": "other"}), json.dumps({"nam": "toy-64"})])
def test_damaged_entry_is_named(shipped, content):
    shipped.with_suffix(".json").write_text(content)
    with pytest.raises(CheckpointError, match=r"toy-64\.json"):
        available_models()
