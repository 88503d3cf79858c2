"""The number type that is measured to be fast: chosen by time, remembered, and never trusted blindly."""

import json
import time

import pytest
import torch
from torch import nn

from fomm.config.training.compact import CompactSettings
from fomm.config.training.paper import load_config
from fomm.model.build import build_model
from fomm.model.interface import TimedLayer
from fomm.weights import precision
from fomm.weights.locations import config_folder

CPU = torch.device("cpu")


class Layers:
    """Stands for a model of one small layer."""

    def timed_layers(self):
        return [TimedLayer(nn.Conv2d(4, 4, 3), (8, 8), 2.0)]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(precision.platformdirs, "user_cache_dir", lambda *_, **__: str(tmp_path / "cache"))
    return tmp_path / "cache" / "precision.json"


@pytest.fixture
def calls(monkeypatch):
    """A processor with bfloat16 in hardware on which each type takes as long as `calls.seconds` says."""

    class Calls(list):
        def __init__(self):
            super().__init__()
            self.seconds = {torch.float32: 0.001, torch.bfloat16: 0.001}

    made, real, now = Calls(), precision.F.conv2d, [0.0]

    def convolve(x, *rest):
        made.append(x.dtype)
        now[0] += made.seconds[x.dtype]
        return real(x, *rest)

    monkeypatch.setattr(precision, "has_native_bfloat16", lambda: True)
    monkeypatch.setattr(precision.F, "conv2d", convolve)
    monkeypatch.setattr(precision.time, "perf_counter", lambda: now[0])
    return made


@pytest.mark.parametrize(
    ("float32", "bfloat16", "fast"),
    [(0.0146, 0.0277, torch.float32), (0.0150, 0.0075, torch.bfloat16), (0.0100, 0.0099, torch.float32)],
    ids=["half as fast in hardware", "twice as fast", "no faster than what it costs elsewhere"],
)
def test_the_faster_type_is_taken_whatever_the_flags_say(cache, calls, float32, bfloat16, fast):
    calls.seconds = {torch.float32: float32, torch.bfloat16: bfloat16}
    assert precision.fast_type(Layers(), CPU) == fast
    found = precision.measure(Layers())
    assert found.milliseconds == pytest.approx({"float32": 2e3 * float32, "bfloat16": 2e3 * bfloat16})


def test_a_measurement_is_made_once_and_remembered(cache, calls):
    first = precision.measure(Layers())
    count = len(calls)
    assert count > 0
    assert precision.measure(Layers()) == first
    assert len(calls) == count
    assert first.processor == precision.processor_name()


@pytest.mark.parametrize("what", ["processor_name", "__version__", "get_num_threads"])
def test_another_processor_library_or_number_of_threads_is_measured_anew(cache, calls, monkeypatch, what):
    precision.measure(Layers())
    count = len(calls)
    owner = precision if what == "processor_name" else torch
    monkeypatch.setattr(owner, what, "2.99" if what == "__version__" else lambda: 77)
    precision.measure(Layers())
    assert len(calls) > count


@pytest.mark.parametrize("content", ["", "{", "[]", '{"k": 1}', '{"k": {"precision": "float8"}}', "\0" * 200_000])
def test_a_damaged_memory_is_measured_anew(cache, calls, content):
    precision.measure(Layers())
    cache.write_text(content)
    count = len(calls)
    precision.measure(Layers())
    assert len(calls) > count
    assert json.loads(cache.read_text())
    assert [path.name for path in cache.parent.iterdir()] == [cache.name]


def test_what_is_remembered_must_be_a_type_that_there_is(cache, calls):
    precision.measure(Layers())
    cache.write_text(cache.read_text().replace('"precision": "float32"', '"precision": "float8"'))
    assert precision.measure(Layers()).precision == "float32"


def test_without_a_cache_folder_it_is_measured_each_time(cache, calls):
    cache.parent.write_text("in the way")
    assert precision.measure(Layers()).precision == "float32"


def test_a_slow_machine_is_not_measured_for_long(cache, calls):
    calls.seconds = {torch.float32: 1.0, torch.bfloat16: 30.0}

    class Many:
        def timed_layers(self):
            return Layers().timed_layers() * 5

    assert precision.measure(Many()).precision == "float32"
    assert len(calls) == 4  # one layer: a turn that warms up and one that counts


def test_a_type_that_would_be_emulated_is_not_even_tried(cache, calls, monkeypatch):
    monkeypatch.setattr(precision, "has_native_bfloat16", lambda: False)
    assert precision.measure(Layers()).milliseconds == {}
    assert precision.fast_type(Layers(), CPU) == torch.float32
    assert not calls


@pytest.mark.parametrize("name", ["compact", "vox-256", "taichi-256", "mgif-256"])
def test_every_family_names_layers_that_it_has_and_that_compute(name):
    if name == "compact":
        model = build_model(CompactSettings(generator_width=8, detector_width=8, motion_width=8, max_width=16))
    else:
        model = build_model(load_config(config_folder() / f"{name}.yaml").model_params)
    layers = model.timed_layers()
    assert layers
    for layer in layers:
        assert layer.convolution in set(model.modules())
        precision._Convolution(layer, torch.float32)()


def test_time_is_wall_clock_of_this_machine(cache, monkeypatch):
    """The one measurement for real: whatever it finds, it says so within the bounds it has."""
    monkeypatch.setattr(precision, "has_native_bfloat16", lambda: True)
    start = time.perf_counter()
    found = precision.measure(Layers())
    spent = 1e3 * (time.perf_counter() - start)
    assert 0 < found.milliseconds["float32"] < spent
    assert 0 < found.milliseconds["bfloat16"] < spent
