"""On a large change of gaze irises stay round, and what they leave is white."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from fomm.config.training.compact import CompactSettings
from fomm.geometry.grids import coordinate_grid
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import EYES, REGIONS
from fomm.geometry.warping import warp
from fomm.model.compact import CompactModel
from fomm.parts.eyeballs import Glance
from fomm.parts.irises import turn_irises

SIDE, HALF, RADIUS = 256, 0.2, 0.08
SKIN, IRIS, WHITE = (torch.tensor(colour).view(3, 1, 1) for colour in ((0.7, 0.5, 0.4), (0.1, 0.2, 0.4), (0.9,) * 3))
STILL = torch.zeros(1, 2, 128, 128)


def gaze(aside, opening=0.14):
    """Keypoints whose eyes are 0.4 wide at (-0.3, 0) and (0.3, 0) and look aside by so many half widths."""
    value = torch.zeros(1, 42, 2)
    value[0, list(REGIONS["mouth"]), 1] = 0.6
    for (outer, inner, upper, lower), iris, side in zip(EYES, REGIONS["irises"], (-1, 1), strict=True):
        value[0, [outer, inner]] = torch.tensor([[0.5 * side, 0.0], [0.1 * side, 0.0]])
        value[0, [upper, lower]] = torch.tensor([[0.3 * side, -opening / 2], [0.3 * side, opening / 2]])
        value[0, iris] = torch.tensor([0.3 * side + aside * HALF, 0.0])
    return Keypoints(value)


def portrait(aside, white=WHITE, radius=RADIUS):
    """A photo of those eyes, `[1, 3, SIDE, SIDE]`, and where their white is."""
    x, y = coordinate_grid(SIDE, SIDE, torch.zeros(1), corners=False).unbind(-1)
    off = x.abs() - 0.3
    lid = 0.07 * (1 - (off / HALF).square())
    ball = y.abs() < lid
    iris = torch.hypot(x - 0.3 * x.sign() - aside * HALF, y) < radius
    in_the_lid_shadow = (0.3 + 9 * (y + lid)).clamp(0.3, 1)  # whole from the middle of the eye on
    picture = torch.where(ball, torch.where(iris, IRIS, white * in_the_lid_shadow), SKIN)
    return picture[None], ball & ~iris


def shown(driving, source, picture):
    """The frame that flow and drawing make together."""
    displacement = turn_irises(STILL, driving, source)
    glance = Glance.of(driving, source, picture)
    if glance is None:
        return warp(picture, displacement)
    displacement = glance.hold(displacement)
    drawn, _ = glance.draw(displacement, source, picture, SIDE)
    return torch.lerp(warp(picture, displacement), drawn[:, 1:], drawn[:, :1])


@pytest.mark.parametrize("aside", [-0.45, 0.45])
def test_an_eye_that_looks_aside_is_an_eye_with_a_round_iris(aside):
    straight, _ = portrait(0.0)
    wanted, white = portrait(aside)
    core = 1 - F.max_pool2d(1 - white[None, None].float(), 5, stride=1, padding=2)
    assert core.sum() > 20
    made = shown(gaze(aside), gaze(0.0), straight)
    flow_alone = warp(straight, turn_irises(STILL, gaze(aside), gaze(0.0)))
    error, before = ((each - wanted).abs().mean(1, keepdim=True) for each in (made, flow_alone))
    assert (error * core).sum() < 0.4 * (before * core).sum()
    assert error.sum() < 0.7 * before.sum()


@pytest.mark.parametrize("radius", [0.8 * RADIUS, 1.2 * RADIUS])
def test_irises_of_any_size_are_whole_though_their_keypoints_are_off(radius):
    photo, _ = portrait(0.0, radius=radius)
    wanted, _ = portrait(-0.4, radius=radius)
    made = shown(gaze(-0.2), gaze(0.2), photo)
    blue = (F.avg_pool2d((picture[:, 2] > 1.5 * picture[:, 0]).float(), 3, 1, 1) > 0.5 for picture in (made, wanted))
    found, there = blue
    assert (found != there).sum() < 85  # pixels along rims; of 400 and 630 within


def test_a_small_change_of_gaze_and_shut_eyes_are_left_to_the_flow():
    photo, _ = portrait(0.0)
    assert Glance.of(gaze(0.08), gaze(0.0), photo) is None
    assert Glance.of(gaze(0.5, opening=0.0), gaze(0.0), photo) is None
    assert Glance.of(gaze(0.5), gaze(0.0, opening=0.0), photo) is None
    assert Glance.of(gaze(0.5), gaze(0.0), photo) is not None


def test_white_is_as_white_as_the_photos_and_never_black():
    grey = torch.full((3, 1, 1), 0.7)
    for white, low, high in ((WHITE, 0.7, 0.95), (grey, 0.55, 0.75), (grey * 0.1, 0.2, 0.6)):
        photo, _ = portrait(0.0, white)
        glance = Glance.of(gaze(0.5), gaze(0.0), photo)
        drawn = glance.draw(glance.hold(STILL), gaze(0.0), photo, SIDE)[0][0]
        colour = drawn[1:, drawn[0] > 0.95]
        assert low < colour.max() < high


def test_the_part_of_an_iris_that_lids_hid_has_its_colour():
    photo, _ = portrait(0.0)
    source, driving = gaze(0.0), gaze(0.0, opening=0.24)
    driving.value[0, list(REGIONS["irises"]), 0] += 0.3 * HALF
    glance = Glance.of(driving, source, photo)
    drawn = glance.draw(glance.hold(STILL), source, photo, SIDE)[0][0]
    column, row = round((-0.3 + 0.3 * HALF + 1) * SIDE / 2), round((1 - 0.9 * RADIUS) * SIDE / 2)
    cover, *colour = drawn[:, row, column].tolist()
    assert cover > 0.5  # there the photo shows the lid
    assert colour == pytest.approx(IRIS.flatten().tolist(), abs=0.12)


def test_a_frame_shows_it_but_training_does_not():
    torch.manual_seed(1)
    sizes = {"motion_side": 64, "levels": 2, "max_width": 8, "detector_width": 4, "motion_width": 4}
    settings = CompactSettings(tied_keypoints=42, generator_width=4, generator_blocks=0, **sizes)
    plain = CompactModel(settings).eval()
    drawing = CompactModel(replace(settings, lashes=True)).eval()
    drawing.load_state_dict(plain.state_dict())
    free = torch.zeros(1, 4, 2)
    driving, source = (Keypoints(torch.cat((gaze(aside).value, free), dim=1)) for aside in (0.5, 0.0))
    photo, _ = portrait(0.0)
    without, with_them = (model.animate(model.encode(photo), driving, source) for model in (plain, drawing))
    drawn = with_them.motion.drawn
    full = (drawn[:, :1] == 1).expand(-1, 3, -1, -1)
    assert full.sum() > 30
    torch.testing.assert_close(with_them.image[full], drawn[:, 1:][full])
    x = coordinate_grid(SIDE, SIDE, photo, corners=False)
    below = (x[..., 1] > 0.6).expand(1, 3, -1, -1)
    torch.testing.assert_close(with_them.image[below], without.image[below])
    assert drawing.train().move(photo, driving, source).drawn is None
