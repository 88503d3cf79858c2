"""Motion tracks by another program: refused in a sentence, before they fill the memory or break a render."""

import contextlib
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from faces import ANATOMY, face
from hypothesis import given, settings
from hypothesis import strategies as st
from motion_tracks import make_track
from safetensors.torch import save_file

from fomm.config.motion import TransferSettings
from fomm.errors import CheckpointError, MotionError, OutputError
from fomm.geometry.keypoints import Keypoints
from fomm.retarget.edit import Directions
from fomm.retarget.transfer import Transfer
from fomm.track.track import MotionTrack

META = {"format": "fomm-motion", "schema": "1", "fps": "25/1", "reference": "0", "detector": "d"}


def write(path, tensors, **meta):
    save_file(tensors, str(path), META | meta)
    return path


def tensors(frames=6, keypoints=5):
    track = make_track(frames, keypoints)
    return {"value": track.value, "jacobian": track.jacobian, "found": track.found}


@pytest.mark.parametrize(
    ("part", "number", "said"),
    [
        ("value", 3e38, "windows away"),
        ("value", -17.0, "windows away"),
        ("jacobian", 1e30, "above 100"),
        ("jacobian", -101.0, "above 100"),
        ("jacobian", 0.0, "cannot be inverted"),
    ],
)
@pytest.mark.parametrize("everywhere", [True, False])
def test_numbers_no_detector_finds(tmp_path, part, number, said, everywhere):
    forged = tensors()
    forged[part] = forged[part].clone()
    forged[part][slice(None) if everywhere else 3] = number
    with pytest.raises(MotionError, match=said) as caught:
        MotionTrack.load(write(tmp_path / "talk.safetensors", forged))
    assert "talk.safetensors" in str(caught.value)


@pytest.mark.parametrize(
    "meta",
    [
        {"fps": "1e999999999"},
        {"fps": "1/" + "9" * 60_000},
        {"fps": "9" * 5000},
        {"reference": "9" * 9000},
        {"reference": "-1"},
        {"schema": "9" * 9000},
        {"schema": "\u0663"},
        {"size": "9" * 9000 + "x1"},
        {"size": "-1x5"},
        {"fps": "\u0663"},
    ],
)
def test_words_of_the_header(tmp_path, meta):
    with pytest.raises(MotionError) as caught:
        MotionTrack.load(write(tmp_path / "talk.safetensors", tensors(), **meta))
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "changed",
    [
        {"value": torch.zeros(2, 5000, 2), "jacobian": torch.zeros(2, 5000, 2, 2)},
        {"value": torch.zeros(6, 5, 2, dtype=torch.bfloat16)},
        {"value": torch.zeros(6, 5, 2, dtype=torch.complex64)},
        {"found": torch.zeros(6, dtype=torch.uint8)},
        {"value": torch.zeros(0, 5, 2)},
        {f"more{number}": torch.zeros(1) for number in range(5000)},
    ],
)
def test_shapes_and_types(tmp_path, changed):
    with pytest.raises(MotionError):
        MotionTrack.load(write(tmp_path / "talk.safetensors", tensors() | changed))


def test_a_flag_may_be_any_byte(tmp_path):
    path = write(tmp_path / "talk.safetensors", tensors())
    data = bytearray(path.read_bytes())
    length = struct.unpack("<Q", data[:8])[0]
    start = 8 + length + json.loads(data[8 : 8 + length])["found"]["data_offsets"][0]
    data[start : start + 6] = b"\x02\xff\x00\x01\x80\x00"
    path.write_bytes(data)
    assert MotionTrack.load(path).found.tolist() == [True, True, False, True, True, False]


LOAD = """
import resource, sys
from fomm.errors import FommError
from fomm.track.track import MotionTrack
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    MotionTrack.load(sys.argv[1])
except FommError as error:
    print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("claimed", [True, False], ids=["of numbers", "of nothing"])
def test_an_enormous_file_is_never_read(tmp_path, claimed):
    frames = 2_000_000
    value, flags = frames * 30 * 8, frames
    header = {
        "__metadata__": META,
        "value": {"dtype": "F32", "shape": [frames, 30, 2], "data_offsets": [0, value]},
        "found": {"dtype": "BOOL", "shape": [frames], "data_offsets": [value, value + flags]},
    }
    text = json.dumps(header).encode()
    path = tmp_path / "talk.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + (value + flags if claimed else 3_000_000_000))
    done = subprocess.run([sys.executable, "-c", LOAD, str(path)], capture_output=True, check=True, text=True)
    said, grown = done.stdout.splitlines()
    assert "above the limit of 256 MB" in said
    assert int(grown) < 64 * 1024


def test_what_could_not_be_read_again_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr("fomm.track.track.MOST_BYTES", 500)
    with pytest.raises(OutputError, match="cut the clip"):
        make_track().save(tmp_path / "talk.safetensors")
    assert list(tmp_path.iterdir()) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
sides = st.integers(-2, 7) | st.integers(2**31, 2**70) | json_values
entries = st.fixed_dictionaries(
    {},
    optional={
        "dtype": st.sampled_from(["F32", "BOOL", "F64", "I64", "BF16", "F8_E4M3", "", "f32"]) | json_values,
        "shape": st.lists(sides, max_size=5) | json_values,
        "data_offsets": st.lists(sides, max_size=3) | json_values,
    },
)
words = st.sampled_from(["fomm-motion", "1", "25/1", "0", "1e9", "-3", "", "2x2"]) | st.text(max_size=12)
metadata = st.dictionaries(st.sampled_from([*META, "audio", "size", "x"]), words, max_size=8)
headers = st.fixed_dictionaries(
    {},
    optional={
        "__metadata__": metadata | metadata.map(lambda some: META | some) | json_values,
        "value": entries | json_values,
        "jacobian": entries | json_values,
        "found": entries | json_values,
        "other": entries,
    },
)


def load_only_fails_as_it_should(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "talk.safetensors"
        path.write_bytes(data)
        with contextlib.suppress(MotionError):
            MotionTrack.load(path)


@settings(deadline=None, max_examples=300)
@given(headers, st.binary(max_size=400), st.integers(-3, 3))
def test_any_header(header, data, off):
    text = json.dumps(header).encode()
    load_only_fails_as_it_should(struct.pack("<Q", max(0, len(text) + off)) + text + data)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_any_damage_to_a_good_file(data):
    with tempfile.TemporaryDirectory() as folder:
        whole = bytearray(write(Path(folder) / "a", tensors()).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        piece = data.draw(st.binary(max_size=12))
        whole[at : at + data.draw(st.sampled_from([0, len(piece), 40]))] = piece
    load_only_fails_as_it_should(bytes(whole))


@pytest.mark.parametrize("text", [b"[" * 60_000, b'{"value":' * 6000, b"\xff" * 100, b"", b"null", b"[]", b'"x"'])
def test_headers_that_break_parsers(text):
    load_only_fails_as_it_should(struct.pack("<Q", len(text)) + text)
    load_only_fails_as_it_should(struct.pack("<Q", 2**63) + text)


numbers = st.sampled_from([0.0, 1e-30, 1e-3, 0.5, 1.0, -1.0, 16.0, -16.0]) | st.floats(-16, 16, width=32)
modes = st.sampled_from([TransferSettings(), TransferSettings(mode="absolute"), TransferSettings(reference="first")])


@settings(deadline=None, max_examples=120)
@given(st.lists(numbers, min_size=1, max_size=84), st.lists(numbers, min_size=4, max_size=8), modes)
def test_what_is_let_in_moves_a_face_or_is_refused(values, stretches, how):
    value = torch.from_numpy(np.resize(np.array(values, np.float32), (3, 42, 2)))
    jacobian = torch.from_numpy(np.resize(np.array(stretches, np.float32) * 6, (3, 42, 2, 2)))
    forged = {"value": value, "jacobian": jacobian, "found": torch.ones(3, dtype=torch.bool)}
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "talk.safetensors", forged)
        try:
            track = MotionTrack.load(path)
            source = Keypoints(face(), torch.eye(2).expand(1, 42, 2, 2))
            moved = Transfer(source, track, how, ANATOMY).driving()
        except MotionError:
            return
    assert moved.value.shape == (3, 42, 2)


@pytest.mark.parametrize("size", [20_000_000, 40])
def test_directions_are_bounded_as_well(tmp_path, size):
    path = tmp_path / "model.directions.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", 2**40) + b"{}")
        file.truncate(size)
    with pytest.raises(CheckpointError, match=r"above the limit|header"):
        Directions.load(path, "d")
