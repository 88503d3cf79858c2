"""Hair and clothes of a filmed person are followed through the clip: their keypoints go where the picture goes."""

import imageio.v3 as iio
import numpy as np
import pytest
import torch
from PIL import Image

from fomm.config.animate import AnimateSettings
from fomm.config.render import RenderSettings
from fomm.face.crop import CropWindow
from fomm.geometry.keypoints import Keypoints
from fomm.tasks.animate import Pipeline
from fomm.tasks.live_driver import LiveDriver
from fomm.weights.locations import demo_folder

FRAMES, SIDE = 6, 384  # of a shot; px of the clip


@pytest.fixture(scope="module")
def bundled(ledger):
    return Pipeline(render=RenderSettings(device="cpu"), ledger=ledger)


def sways(side, left, top, name="portrait.jpg"):
    """Frames of a portrait of this side that goes right from a place by two px a frame, with a camera's noise."""
    picture = np.asarray(Image.open(demo_folder() / name).convert("RGB").resize((side, side)))
    photo = np.pad(picture, ((SIDE, SIDE), (SIDE, SIDE), (0, 0)), mode="edge")
    numbers = np.random.default_rng(0)
    frames = []
    for index in range(FRAMES):
        column, row = SIDE - left - 2 * index, SIDE - top
        shown = photo[row : row + SIDE, column : column + SIDE] + numbers.normal(0, 6, (SIDE, SIDE, 3))
        frames.append(np.clip(shown, 0, 255).astype(np.uint8))
    return frames


def write(path, frames):
    iio.imwrite(path, np.stack(frames), plugin="FFMPEG", fps=25, codec="libx264", output_params=["-crf", "12"])
    return path


@pytest.fixture
def trembling(bundled, monkeypatch):
    """Make the detector vague about hair and clothes, as it is about those of people unlike any it learnt from."""
    numbers = torch.Generator().manual_seed(0)
    look, face = bundled._animator.look, bundled.anatomy.face

    def vague(squares):
        keypoints, apart = look(squares)
        noise = 0.03 * torch.randn(keypoints.value.shape, generator=numbers)
        noise[:, :face] = 0
        return Keypoints(keypoints.value + noise, keypoints.jacobian), apart

    monkeypatch.setattr(bundled._animator, "look", vague)


def stray(bundled, value):
    """How far keypoints off the face `[T, K, 2]` of one shot stray from the way that all of the picture goes."""
    face = bundled.anatomy.face
    went = value - value[:1]
    return float((went[1:, face:] - went[1:, :face].mean(1, keepdim=True)).norm(dim=-1).median())


@pytest.mark.parametrize("face", [{}, {"interval": 0}], ids=["watched", "not watched"])
def test_hair_and_clothes_go_where_the_picture_goes(bundled, trembling, tmp_path, face):
    clip = write(tmp_path / "sway.mp4", sways(SIDE, -5, 0))
    track = bundled.track(clip, AnimateSettings.from_mapping({"face": face}))
    assert stray(bundled, track.value) < 0.01


def test_after_a_cut_they_are_followed_anew(bundled, trembling, tmp_path):
    clip = write(tmp_path / "cut.mp4", [*sways(SIDE, -5, 0), *sways(SIDE // 2, 150, 160, "portrait-2.jpg")])
    shots = bundled.track(clip).by_shot()
    assert [len(shot) for shot in shots] == [FRAMES, FRAMES]
    assert all(stray(bundled, shot.value) < 0.01 for shot in shots)


def test_a_live_driver_is_followed_alike(bundled, trembling):
    frames = [frame for frame in sways(SIDE, -5, 0) for _ in range(4)]  # sway slowly enough for the filter
    (face,) = bundled.finder.find(frames[0])
    square = CropWindow.around(face).crop(frames[0], bundled._animator.image_size)
    driver = LiveDriver(bundled, bundled._animator.detect([square]), AnimateSettings())
    seen = [driver.see(frame, index / 25) for index, frame in enumerate([*frames[:1] * 8, *frames])]
    assert driver.hint == ""
    assert stray(bundled, torch.cat([keypoints.value for keypoints in seen[8:]])) < 0.01
