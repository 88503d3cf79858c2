import json
import os

import pytest
import torch
from safetensors.torch import save_file

from fomm.errors import CheckpointError, OutputError
from fomm.weights import files
from fomm.weights.files import CheckpointHeader, open_checkpoint, save_checkpoint, sha256

HEADER = CheckpointHeader(name="toy", licence="CC0-1.0", origin="a test", config={"common_params": {"num_kp": 4}})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "toy.safetensors"


def some_tensors():
    return {"a": torch.arange(6.0).view(2, 3).t(), "steps": torch.tensor(7)}


def test_round_trip_keeps_header_and_values(path):
    save_checkpoint(path, some_tensors(), HEADER)
    with open_checkpoint(path) as file:
        assert file.header == HEADER
        assert file.shapes == {"a": (3, 2), "steps": ()}
        tensors = file.tensors()
    assert torch.equal(tensors["a"], some_tensors()["a"])
    assert tensors["steps"] == 7


def test_half_precision_storage_loads_as_float32(path):
    save_checkpoint(path, some_tensors(), HEADER, dtype=torch.float16)
    with open_checkpoint(path) as file:
        assert file.read("a").dtype == torch.float16
        assert file.tensors()["a"].dtype == torch.float32
        assert file.tensors()["steps"].dtype == torch.int64


def test_same_weights_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        save_checkpoint(tmp_path / name, some_tensors(), HEADER)
    assert sha256(tmp_path / "one") == sha256(tmp_path / "two")


@pytest.mark.parametrize("bad", [float("nan"), float("-inf")])
def test_unusable_weights_are_never_written(path, bad):
    with pytest.raises(CheckpointError, match="NaN or infinite values in 'a'"):
        save_checkpoint(path, {"a": torch.tensor([1.0, bad])}, HEADER)
    assert not path.exists()


@pytest.mark.parametrize("failing", ["save_file", "os.fsync"])
def test_failed_save_keeps_the_old_file_and_leaves_nothing(path, monkeypatch, failing):
    save_checkpoint(path, some_tensors(), HEADER)
    before = path.read_bytes()

    def disk_full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"fomm.weights.files.{failing}", disk_full)
    with pytest.raises(OutputError, match="No space left"):
        save_checkpoint(path, {"a": torch.ones(1)}, HEADER)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_missing_folder_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match="nowhere"):
        save_checkpoint(tmp_path / "nowhere" / "x.safetensors", some_tensors(), HEADER)


@pytest.mark.parametrize("keep", [0, 4, 100, -1])
def test_truncated_file_is_refused(path, keep):
    save_checkpoint(path, some_tensors(), HEADER)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=r"toy\.safetensors' is (damaged|empty)"), open_checkpoint(path):
        pass


def test_header_that_promises_a_giant_tensor_is_refused(path):
    header = {"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}
    raw = json.dumps(header).encode()
    path.write_bytes(len(raw).to_bytes(8, "little") + raw + b"\0" * 64)
    with pytest.raises(CheckpointError, match="damaged"), open_checkpoint(path):
        pass


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (None, "no fomm header"),
        ({"fomm": "{"}, "header of the checkpoint .* is wrong"),
        ({"fomm": "[" * 50_000}, "header of the checkpoint .* is wrong"),
        ({"fomm": '"text"'}, "must be a mapping"),
        ({"fomm": '{"schema": 2, "novel": 1}'}, "newer than this fomm reads; upgrade"),
        ({"fomm": '{"licens": "MIT"}'}, "did you mean 'licence'"),
        ({"fomm": '{"family": "diffusion"}'}, "must be one of paper, compact"),
    ],
)
def test_foreign_or_wrong_header_is_explained(path, metadata, message):
    save_file({"a": torch.zeros(1)}, path, metadata=metadata)
    with pytest.raises(CheckpointError, match=message), open_checkpoint(path):
        pass


def test_oversized_file_is_refused(path, monkeypatch):
    save_checkpoint(path, some_tensors(), HEADER)
    monkeypatch.setattr(files, "MAX_BYTES", 10)
    with pytest.raises(CheckpointError, match="more than the 10 allowed"), open_checkpoint(path):
        pass
