"""The Python API as a caller meets it: text or paths, defaults, and for any other value a `FommError`, nothing else."""

import contextlib
import math
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as given_so
from hypothesis import strategies as st

import fomm
from fomm import (
    AnimateSettings,
    ConsentTerms,
    EditPhotoSettings,
    EditSettings,
    FommError,
    Ledger,
    MotionTrack,
    Pipeline,
    edit_motion,
    edit_still,
    save_edit_motion,
)
from fomm.errors import CheckpointError, MediaError, MotionError, OutputError, SettingsError
from fomm.weights.loading import load_model

TERMS = ConsentTerms(subject="Ada", expires="2999-01-31", statement="Yes.")
ODD = [
    None,
    0,
    -1,
    1.5,
    math.nan,
    math.inf,
    10**400,
    True,
    b"photo.jpg",
    bytearray(b"x"),
    "",
    "   ",
    "\0",
    "a\0.mp4",
    "\ud800.png",
    "x" * 300,
    "x/" * 3000,
    "~",
    "~/nothing here.mp4",
    "~nobody-of-that-name/x.png",
    ".",
    "/",
    "/nowhere/at/all.mp4",
    "http://example.org/clip.mp4",
    Path(),
    Path("gone.safetensors"),
    [],
    ["photo.jpg"],
    {},
    {"model": "compact-256"},
    object(),
    type,
    lambda *_: None,
]
odd = st.one_of(
    st.sampled_from(ODD),
    st.text(max_size=20),
    st.binary(max_size=20),
    st.floats(),
    st.integers(),
    st.lists(st.integers(), max_size=3),
)
every = given_so(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
some = given_so(every, max_examples=40)  # where a name that may be right costs a render


@pytest.fixture(scope="module")
def ledger(tmp_path_factory, portrait_photo):
    ledger = Ledger(str(tmp_path_factory.mktemp("ledger")))
    ledger.grant(portrait_photo, TERMS)
    return ledger


@pytest.fixture(scope="module")
def pipeline(editing_checkpoint, ledger):
    return Pipeline(editing_checkpoint, ledger=ledger)


@pytest.fixture(scope="module")
def track(pipeline, talk):
    return pipeline.track(str(talk), AnimateSettings(max_seconds=0.2))


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """Odd names such as "0" are names of files; whatever is made of them is made here."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FOMM_HOME", str(tmp_path / "fomm-home"))


def fails_politely(call, *arguments, **keywords):
    """Call with something odd: it may work, and otherwise says why in one sentence."""
    with contextlib.suppress(FommError):
        call(*arguments, **keywords)


def refused(call, *arguments, **keywords):
    with pytest.raises(FommError) as refusal:
        call(*arguments, **keywords)
    assert len(str(refusal.value)) > 20


@some
@given(odd)
def test_animate_fails_politely_at_each_argument(pipeline, portrait_photo, track, value):
    track.save("talk.safetensors")
    whole = {"photo": portrait_photo, "driving": "talk.safetensors", "output": "out.mp4"}
    for name in ("photo", "driving"):
        refused(pipeline.animate, **{**whole, name: value})
    for name in ("output", "settings", "audio", "progress"):
        if name == "output" and isinstance(value, str) and Path(value).suffix:
            continue  # a name like any other
        if value is None and name in ("settings", "audio"):
            continue
        if name == "progress" and callable(value):
            continue
        refused(pipeline.animate, **{**whole, name: value})
    assert not Path("out.mp4").exists()


@some
@given(odd)
def test_a_pipeline_and_its_other_doors_fail_politely(pipeline, portrait_photo, talk, value):
    refused(load_model, value)
    if value is not None:
        refused(Pipeline, render=value)
        refused(Pipeline, ledger=value)
        refused(pipeline.track, talk, value)
        refused(edit_still, pipeline, portrait_photo, "out.png", value)
    refused(Pipeline, value)
    refused(pipeline.track, value)
    refused(pipeline.authorise, value)
    refused(edit_still, value, portrait_photo, "out.png")
    refused(edit_still, pipeline, value, "out.png")
    refused(edit_motion, value, portrait_photo)
    refused(edit_motion, pipeline, value)
    refused(save_edit_motion, pipeline, value, "out.safetensors")
    refused(save_edit_motion, value, portrait_photo, "out.safetensors")
    if not (isinstance(value, str) and Path(value).suffix):
        refused(edit_still, pipeline, portrait_photo, value)
    refused(save_edit_motion, pipeline, portrait_photo, value)
    assert list(Path().iterdir()) == []


@every
@given(odd, st.sampled_from(["value", "jacobian", "fps", "reference", "detector", "found", "audio", "size"]))
def test_a_motion_track_fails_politely(track, value, part):
    for left in Path().iterdir():
        left.unlink()  # what an example before this one saved
    refused(MotionTrack.load, value)
    fails_politely(MotionTrack.concat, value)
    fails_politely(MotionTrack.concat, [track, value])
    if not (isinstance(value, str) and Path(value).is_absolute()):  # tests write into their own folder only
        fails_politely(track.save, value)
    fails_politely(lambda: MotionTrack(**{**vars(track), part: value}).save("made.safetensors"))


@every
@given(odd)
def test_a_ledger_fails_politely(ledger, portrait_photo, value):
    refused(ledger.grant, value, TERMS)
    refused(ledger.grant, portrait_photo, value)
    refused(ledger.find, value)
    refused(ledger.show, value)
    refused(ledger.revoke, value)
    refused(ledger.revoke, "c-0000000000000000", value)
    if value is not None:
        fails_politely(Ledger, value)
        fails_politely(ledger.grant, portrait_photo, TERMS, name=value)
    if not callable(value):
        refused(Ledger, clock=value)


@every
@given(odd, st.sampled_from([AnimateSettings, EditPhotoSettings, EditSettings, ConsentTerms]), st.data())
def test_settings_fail_politely_at_each_field(value, kind, data):
    field = data.draw(st.sampled_from(sorted(kind.__dataclass_fields__)))
    whole = TERMS.to_mapping() if kind is ConsentTerms else {}
    fails_politely(kind, **{**whole, field: value})
    fails_politely(kind.from_mapping, value)
    fails_politely(kind.from_mapping, {**whole, field: value})


def test_text_paths_and_defaults_are_enough(editing_checkpoint, ledger, portrait_photo, track, tmp_path):
    track.save("~/talk.safetensors")
    assert (tmp_path / "talk.safetensors").is_file()  # ~ is the home folder, here as in a shell
    (tmp_path / "photo.png").write_bytes(portrait_photo.read_bytes())
    pipeline = Pipeline(str(editing_checkpoint), ledger=ledger)
    receipt = pipeline.animate("photo.png", "~/talk.safetensors", "out.mp4")
    assert receipt.frames == len(track) == len(MotionTrack.load("talk.safetensors"))
    assert edit_still(pipeline, "photo.png", "still.png").path.is_file()
    made = save_edit_motion(pipeline, "photo.png", "nod.safetensors", EditPhotoSettings(edit=EditSettings(yaw=5)))
    assert len(made) == len(pipeline.track("nod.safetensors"))
    exact, _ = ledger.find("photo.png")
    assert len(exact) >= 1


def test_the_bundled_model_is_the_default():
    assert Pipeline().checkpoint == load_model().info.path


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda p: p.animate(None, "b.mp4", "out.mp4"), SettingsError, ["photo", "path", "None"]),
        (lambda p: p.animate("gone.jpg", "b.mp4", "out.mp4"), MediaError, ["b.mp4"]),
        (lambda p: p.animate("a.jpg", "b.mp4", "nowhere/out.mp4"), OutputError, ["folder nowhere"]),
        (lambda p: p.animate("a.jpg", "b.mp4", "o.mp4", {"use": "web"}), SettingsError, ["class AnimateSettings"]),
        (lambda p: p.track("gone.safetensors"), MotionError, ["gone.safetensors"]),
        (lambda p: load_model("x" * 300), CheckpointError, ["cannot be reached"]),
        (lambda p: load_model(device="abacus"), SettingsError, ["abacus", "'cpu'"]),
    ],
)
def test_a_refusal_says_what_is_wrong(pipeline, call, kind, words):
    with pytest.raises(kind) as refusal:
        call(pipeline)
    for word in words:
        assert word in str(refusal.value)


def test_a_model_may_be_a_path_in_settings_too():
    assert AnimateSettings(model=Path("own.safetensors")).model == "own.safetensors"


def test_what_is_no_plain_file_is_neither_read_nor_replaced(pipeline, portrait_photo, track, tmp_path):
    os.mkfifo("pipe.safetensors")
    (tmp_path / "folder.safetensors").mkdir()
    for name in ("pipe.safetensors", "folder.safetensors"):
        with pytest.raises(OutputError, match="not a plain file"):
            track.save(name)
        with pytest.raises(MotionError, match=name):
            MotionTrack.load(name)
        refused(pipeline.animate, name, name, "out.mp4")
        refused(pipeline.animate, portrait_photo, name, "out.mp4")
        refused(load_model, name)
    assert (tmp_path / "pipe.safetensors").is_fifo()


def test_everything_named_can_be_had():
    for name in fomm.__all__:
        assert getattr(fomm, name) is not None
