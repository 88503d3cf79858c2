"""The animator: batches, precision, repeatability, and settings that fit the machine."""

import numpy as np
import pytest
import torch

from fomm.config.refine import RefineSettings
from fomm.config.render import RenderSettings
from fomm.errors import SettingsError
from fomm.face.crop import CropWindow
from fomm.geometry.keypoints import Keypoints
from fomm.render.animator import Animator
from fomm.render.compute import decide
from fomm.render.paste_back import PasteBack

SIDE = 64


@pytest.fixture
def photo():
    y, x = np.mgrid[0:90, 0:120]
    waves = [127 + 120 * np.sin(x / 9 + i) * np.cos(y / (7 + i)) for i in range(3)]
    return np.stack(waves, axis=-1).astype(np.uint8)


def squares(count):
    generator = torch.Generator().manual_seed(7)
    coarse = torch.rand(count, 3, 5, 5, generator=generator)
    fine = torch.nn.functional.interpolate(coarse, size=(SIDE, SIDE), mode="bicubic").clamp(0, 1)
    return [np.round(255 * picture.permute(1, 2, 0).numpy()).astype(np.uint8) for picture in fine]


def render(model, photo, **settings):
    """Return keypoints and frames of a few driving pictures."""
    animator = Animator(model, SIDE, RenderSettings(device="cpu", **settings))
    portrait = animator.portrait(photo, CropWindow(20.0, 5.0, 80.0))
    driving = animator.detect(squares(5))
    made = list(animator.frames(portrait, driving))
    return driving, torch.cat([frames.image for frames in made]).float()


def test_frames_do_not_depend_on_the_batch_size(make_model, photo):
    points, alone = render(make_model(), photo, precision="float32", batch_size=1)
    again, together = render(make_model(), photo, precision="float32", batch_size=5)
    assert len(alone) == 5
    assert torch.allclose(points.value, again.value, atol=1e-5)
    assert torch.allclose(alone, together, atol=1e-4)  # a fortieth of a grey level: kernels round otherwise
    assert not torch.allclose(alone[0], alone[1], atol=1e-3)  # the driving pictures do make a difference


def test_one_call_gives_the_frames_of_many(make_model, photo):
    animator = Animator(make_model(), SIDE, RenderSettings(device="cpu", precision="float32"))
    portrait = animator.portrait(photo, CropWindow(20.0, 5.0, 80.0))
    driving = animator.detect(squares(4))
    whole = torch.cat([made.image for made in animator.frames(portrait, driving)])
    parts = [made.image for i in range(4) for made in animator.frames(portrait, driving[i : i + 1])]
    assert torch.allclose(whole, torch.cat(parts), atol=1e-4)


def test_bfloat16_stays_close_to_float32(make_model, photo):
    exact_points, exact = render(make_model(), photo, precision="float32")
    points, rough = render(make_model(), photo, precision="bfloat16")
    assert points.value.dtype == torch.float32
    assert float((points.value - exact_points.value).abs().max()) < 0.05
    error = (rough - exact).square().mean()
    assert error > 0  # bfloat16 was really used
    assert float(-10 * torch.log10(error)) > 30


def test_a_photo_gives_the_same_frames_twice(make_model, photo):
    model = make_model()
    animator = Animator(model, SIDE, RenderSettings(device="cpu"))
    portrait, driving = animator.portrait(photo, CropWindow(0.0, 0.0, 90.0)), animator.detect(squares(2))
    first = [made.image.clone() for made in animator.frames(portrait, driving)]
    second = [made.image for made in animator.frames(portrait, driving)]
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_what_becomes_of_frames_comes_in_their_order(make_model, photo):
    animator = Animator(make_model(), SIDE, RenderSettings(device="cpu", precision="float32"))
    portrait = animator.portrait(photo, CropWindow(0.0, 0.0, 90.0))
    driving = animator.detect(squares(5))
    whole = torch.cat([made.image for made in animator.frames(portrait, driving)])
    batches = [driving[:2], driving[2:2], driving[2:]]
    finished = animator.finished(portrait, batches, lambda made: made.image.flip(-1))
    assert torch.allclose(torch.cat(list(finished)), whole.flip(-1), atol=1e-4)


def test_no_keypoints_make_no_frames(make_model, photo):
    animator = Animator(make_model(), SIDE, RenderSettings(device="cpu", precision="float32"))
    portrait = animator.portrait(photo, CropWindow(0.0, 0.0, 90.0))
    none = Keypoints(portrait.keypoints.value[:0], None)
    assert list(animator.frames(portrait, none)) == []


def test_a_device_that_is_not_there_is_refused(monkeypatch, make_model):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert decide(RenderSettings(), make_model()).device.type == "cpu"
    for device in ("cuda", "mps"):
        with pytest.raises(SettingsError, match="--device cpu"):
            decide(RenderSettings(device=device), make_model())


def test_float16_on_a_cpu_is_refused(make_model):
    with pytest.raises(SettingsError, match="--precision"):
        decide(RenderSettings(device="cpu", precision="float16"), make_model())


def test_a_window_that_leaves_the_photo_is_continued_for_the_networks_and_not_in_frames(make_model, photo):
    animator = Animator(make_model(), SIDE, RenderSettings(device="cpu", precision="float32"))
    portrait = animator.portrait(photo, CropWindow(20.0, -30.0, 80.0))
    assert animator.portrait(photo, CropWindow(20.0, 5.0, 80.0)).canvas.picture is photo
    canvas, knows_people = portrait.canvas, animator.person(squares(1)[0]) is not None
    assert canvas.picture.shape == ((120 if knows_people else 90), 120, 3)
    assert np.array_equal(canvas.picture[canvas.top :], photo)
    seen = canvas.window.crop(canvas.picture, SIDE)
    assert torch.allclose(
        portrait.encoded.image[0].permute(1, 2, 0) * 255, torch.from_numpy(seen.copy()).float(), atol=1e-3
    )
    paste = PasteBack(portrait, RefineSettings())
    frames = [paste.compose(made) for made in animator.frames(portrait, animator.detect(squares(3)))]
    assert np.concatenate(frames).shape == (3, *photo.shape)
