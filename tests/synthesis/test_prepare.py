"""New portraits: MediaPipe finds what is missing; without it one sentence says so. MediaPipe itself is played."""

import warnings
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
from toy_portraits import make_toys

from fomm.errors import FommWarning, MediaError, SettingsError
from fomm.synthesis import prepare as door
from fomm.synthesis.portraits import PortraitFolder


@pytest.fixture
def strangers(tmp_path):
    """A folder whose pictures have neither mattes nor landmarks, and the landmarks they would have."""
    toys = make_toys(tmp_path, names=("a_1", "a_2", "b_5"))
    with np.load(toys.portraits / "landmarks.npz") as archive:
        landmarks = {name: archive[name] for name in archive.files}
    (toys.portraits / "landmarks.npz").unlink()
    for file in toys.portraits.glob("*_alpha.png"):
        file.unlink()
    return toys.portraits, landmarks


class _Solution(nullcontext):
    def __init__(self, answers):
        super().__init__()
        self.answers = iter(answers)

    def __enter__(self):
        return self

    def process(self, picture):
        return next(self.answers)


def _play(monkeypatch, landmarks, faces):
    """Let MediaPipe find the given faces, in order, None where it finds none."""
    marks = [
        SimpleNamespace(
            multi_face_landmarks=[
                SimpleNamespace(
                    landmark=[SimpleNamespace(x=x / 160, y=y / 160, z=-z / 160) for x, y, z in landmarks[name]]
                )
            ]
            if name
            else None
        )
        for name in faces
    ]
    masks = [SimpleNamespace(segmentation_mask=np.tile(np.linspace(0, 1, 160), (160, 1))) for name in faces if name]
    solutions = SimpleNamespace(
        face_mesh=SimpleNamespace(FaceMesh=lambda **_: _Solution(marks)),
        selfie_segmentation=SimpleNamespace(SelfieSegmentation=lambda **_: _Solution(masks)),
    )
    monkeypatch.setattr(door, "import_module", lambda name: SimpleNamespace(solutions=solutions))


def _without_mediapipe(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(door, "import_module", missing)


def test_found_faces_are_kept_and_used(monkeypatch, strangers):
    path, landmarks = strangers
    _play(monkeypatch, landmarks, ["a_1", "a_2", "b_5"])
    folder = door.prepare(PortraitFolder(path))
    assert folder.names == ("a_1", "a_2", "b_5")
    portrait = folder.load("a_2")
    np.testing.assert_allclose(portrait.landmarks, landmarks["a_2"], atol=1e-3)
    assert portrait.alpha[0, 0] == 0
    assert portrait.alpha[0, -1] == 1
    _without_mediapipe(monkeypatch)  # nothing is left to find
    assert door.prepare(PortraitFolder(path)).names == folder.names


def test_pictures_without_a_face_are_named_and_left_out(monkeypatch, strangers):
    path, landmarks = strangers
    _play(monkeypatch, landmarks, ["a_1", None, "b_5"])
    with pytest.warns(FommWarning, match="a_2"):
        folder = door.prepare(PortraitFolder(path))
    assert folder.names == ("a_1", "b_5")


def test_without_mediapipe_it_says_what_to_install(monkeypatch, strangers):
    _without_mediapipe(monkeypatch)
    with pytest.raises(SettingsError, match=r"fomm\[landmarks\]"):
        door.prepare(PortraitFolder(strangers[0]))


def test_without_mediapipe_prepared_portraits_still_serve(monkeypatch, tmp_path):
    _without_mediapipe(monkeypatch)
    toys = make_toys(tmp_path, names=("a_1", "a_2"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert door.prepare(toys.folder).names == ("a_1", "a_2")
    (toys.portraits / "a_2_alpha.png").unlink()
    with pytest.warns(FommWarning, match="a_2"):
        assert door.prepare(toys.folder).names == ("a_1",)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(MediaError, match="no usable portrait"):
        door.prepare(PortraitFolder(tmp_path))
    with pytest.raises(MediaError, match="not a folder"):
        PortraitFolder(tmp_path / "nowhere")
