"""The second look: where its windows lie, and what it changes of a first look."""

from dataclasses import replace

import pytest
import torch
from tiny_models import randomise

from fomm.config.training.compact import CompactSettings
from fomm.errors import SettingsError
from fomm.geometry.grids import coordinate_grid
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import TIED_LANDMARKS, mirror_order
from fomm.model.compact import CompactModel
from fomm.networks.compact.close_look import EYE, MOUTH, CloseLook, Windows
from fomm.weights.fingerprint import detector_fingerprint

SIZES = {"image_size": 64, "motion_side": 16, "max_width": 8, "levels": 2, "detector_width": 6, "motion_width": 4}


def face(tilt=0.0, size=0.3, centre=(0.1, -0.05)):
    """Keypoints of an upright, symmetrical face, then tilted (radians), scaled and moved; `[1, 42, 2]`."""
    places = torch.rand(42, 2, generator=torch.Generator().manual_seed(3)) * 2 - 1
    order = list(mirror_order(42, 0))
    places = (places + places[order] * torch.tensor((-1.0, 1.0))) / 2
    for outer, inner, upper, lower, iris in EYE:
        side = -1.0 if outer == EYE[0][0] else 1.0
        for place, (x, y) in zip(
            (outer, inner, upper, lower, iris), ((0.8, 0), (0.4, 0), (0.6, -0.1), (0.6, 0.1), (0.6, 0)), strict=True
        ):
            places[place] = torch.tensor((side * x, -0.4 + y))
    angle = torch.tensor(tilt)
    turn = torch.stack((torch.stack((angle.cos(), -angle.sin())), torch.stack((angle.sin(), angle.cos()))))
    return (size * places @ turn.T + torch.tensor(centre))[None]


def where_am_i(side=64):
    """A picture whose first two channels are each pixel's x and y."""
    grid = coordinate_grid(side, side, torch.zeros(()), corners=False)
    return torch.cat((grid, torch.zeros(side, side, 1)), dim=-1).permute(2, 0, 1)[None]


@pytest.fixture(scope="module")
def look():
    return randomise(CloseLook(4)).eval()


@pytest.mark.parametrize("kind", [0, 1])
def test_windows_show_what_they_lie_on_for_every_picture_and_eye(kind):
    first, second = face(tilt=0.3), face(size=0.2, centre=(-0.2, 0.1))
    windows = Windows.of(torch.cat((first, second)))[kind]
    shown = windows.cut(torch.cat((where_am_i(), where_am_i() + 4)), 32)  # the second picture is told by its values
    grid = coordinate_grid(32, 32, shown, corners=False).flatten(0, 1)
    wanted = windows.outside(grid.expand(len(shown), -1, -1))
    other = torch.tensor((0.0, 4.0)).repeat(len(shown) // 2)[:, None, None]
    torch.testing.assert_close(shown[:, :2].flatten(2).transpose(1, 2), wanted + other, atol=1e-5, rtol=0)


def test_windows_go_with_the_face_s_tilt_and_size_and_the_right_eye_is_mirrored():
    tilt = 0.4
    mouth, eyes = Windows.of(face(tilt=tilt))
    right, down = mouth.axes[0].unbind(-1)
    torch.testing.assert_close(torch.atan2(right[1], right[0]), torch.tensor(tilt), atol=1e-5, rtol=0)
    torch.testing.assert_close(down, torch.stack((-right[1], right[0])))
    larger, _ = Windows.of(face(tilt=tilt, size=0.6))
    torch.testing.assert_close(larger.axes, 2 * mouth.axes)
    torch.testing.assert_close(eyes.axes[1, :, 0], -eyes.axes[0, :, 0])
    value = face(tilt=tilt)
    for (outer, inner, *_), centre, axes in zip(EYE, eyes.centre, eyes.axes, strict=True):
        place = torch.linalg.solve(axes, (value[0, [outer, inner]] - centre).T).T
        assert place[0, 0] < place[1, 0]  # the outer corner is to the left in either window


def test_only_mouth_and_eyes_are_found_anew(look):
    first = Keypoints(torch.cat((face(), torch.rand(1, 4, 2)), dim=1), torch.rand(1, 46, 2, 2))
    again = look(torch.rand(1, 3, 64, 64), first, twice=False)
    looked_at = sorted({*MOUTH, *EYE[0], *EYE[1]})
    others = [place for place in range(46) if place not in looked_at]
    assert torch.equal(again.value[:, others], first.value[:, others])
    assert (again.value[:, looked_at] - first.value[:, looked_at]).abs().amin() > 0
    assert torch.equal(again.jacobian, first.jacobian)
    mouth, _ = Windows.of(first.value[:, :42])
    inside = torch.linalg.solve(mouth.axes, (again.value[:, MOUTH] - mouth.centre).transpose(1, 2))
    assert inside.abs().max() <= 1


def test_what_is_found_goes_with_a_picture_that_is_shifted(look):
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    step = 4 * 2 / 64  # four pixels
    here = look(picture, Keypoints(face(centre=(0, 0))), twice=True).value
    there = look(picture.roll(4, dims=-1), Keypoints(face(centre=(step, 0))), twice=True).value
    looked_at = [*MOUTH, *EYE[0], *EYE[1]]
    torch.testing.assert_close(there[:, looked_at], here[:, looked_at] + torch.tensor((step, 0)), atol=2e-4, rtol=0)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(7)
    settings = CompactSettings(tied_keypoints=42, free_keypoints=3, mirrored_look=True, close_look=4, **SIZES)
    return CompactModel(settings).eval()


def test_a_mirrored_picture_still_has_mirrored_keypoints(model):
    picture = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        here, there = model.detect(picture), model.detect(picture.flip(-1))
    back = there.mirrored(mirror_order(42, 3))
    torch.testing.assert_close(back.value, here.value, atol=1e-4, rtol=0)


def test_training_looks_once_and_inference_twice(model):
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    plain = CompactModel(replace(model.settings, close_look=0)).eval()
    plain.load_state_dict({name: value for name, value in model.state_dict().items() if ".close." not in name})
    with torch.no_grad():
        first, closer = plain.detect(picture).value, model.detect(picture).value
        learning = model.train().detect(picture).value
        learnt = plain.train().detect(picture).value
    model.eval()
    torch.testing.assert_close(learning, learnt)
    lips = [TIED_LANDMARKS.index(landmark) for landmark in (13, 14)]
    assert (closer - first)[:, lips].abs().max() > 1e-3


def test_a_tracked_frame_is_looked_at_as_closely_as_a_photo(model):
    picture = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        tracked, apart = model.look(picture)
        torch.testing.assert_close(tracked.value, model.detect(picture).value)
    assert apart.shape == (2,)


def test_tracks_of_a_detector_that_looks_twice_are_its_own(model):
    before = detector_fingerprint(model)
    weight = model.detector.close.mouth.heatmap.weight
    with torch.no_grad():
        weight.add_(0.01)
        changed = detector_fingerprint(model)
        weight.sub_(0.01)
    assert changed != before


def test_without_irises_nothing_is_looked_at_again():
    with pytest.raises(SettingsError, match=r"model\.close_look"):
        CompactModel(CompactSettings(tied_keypoints=40, close_look=4))
