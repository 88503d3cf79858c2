"""Upper teeth hang from the skull: lips uncover them, and never move them."""

import math
from dataclasses import replace

import pytest
import torch
from mouths import ENAMEL, HALF, LIPS, face, photo_of

from fomm.config.training.compact import CompactSettings
from fomm.errors import SettingsError
from fomm.geometry.grids import coordinate_grid
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.mouth_shape import Opening, marks_of
from fomm.model.compact import CompactModel
from fomm.parts.teeth import teeth_map
from fomm.source.mouth import SourceMouth

SIDE = 256
BRIGHT = torch.full((1, 3, 64, 64), 0.7)


def drawn(driving, source, picture=BRIGHT):
    return teeth_map(Opening.of(marks_of(driving), SIDE), driving, SourceMouth.of(source, picture))


def edges(driving, source=None):
    """First and last row of teeth amid the mouth, in half widths of the mouth below where shut lips meet."""
    return rows(driving, source)[:2]


def rows(driving, source=None):
    """First and last row of upper teeth, then of lower ones, if there are any apart, likewise."""
    cover, _, green, _ = drawn(driving, source or face())[0, :, :, SIDE // 2 - 6]  # not in the gap
    seen = (cover > 0.5) & (green > 0.42 * green[cover > 0.5].max())
    begins, ends = (seen.int().diff() == step for step in (1, -1))
    found = zip(begins.nonzero().flatten() + 1, ends.nonzero().flatten(), strict=True)
    return [float((2 * row + 1) / SIDE - 1) / HALF for pair in found for row in pair]


def test_lips_uncover_teeth_and_do_not_move_them():
    top, bottom = edges(face(lower=0.8))
    assert top == pytest.approx(0.0, abs=0.06)  # the upper lip
    assert 0.05 < bottom < 0.3
    higher, same = edges(face(upper=0.3, lower=0.8))
    assert higher == pytest.approx(-0.3, abs=0.06)
    assert same == pytest.approx(bottom, abs=0.02)


def test_lower_teeth_go_down_with_the_jaw_and_a_grin_leaves_both_together():
    _, upper, lower, lip = rows(face(upper=0.1, lower=0.3, jaw=0.12))
    assert upper + 0.05 < lower < 0.25
    assert lip == pytest.approx(0.3, abs=0.08)
    assert rows(face(upper=0.1, lower=0.3, jaw=0.16))[2] > lower
    top, bottom = rows(face(upper=0.1, lower=0.25))
    assert top == pytest.approx(-0.1, abs=0.08)
    assert bottom == pytest.approx(0.25, abs=0.08)


def test_between_rows_that_hardly_part_it_is_dim_and_red_and_the_throat_shows_where_they_are_apart():
    _, upper, lower, _ = rows(face(upper=0.1, lower=0.3, jaw=0.12))
    row = int(((upper + lower) / 2 * HALF + 1) * SIDE / 2)
    cover, red, green, blue = drawn(face(upper=0.1, lower=0.3, jaw=0.12), face())[0, :, row, SIDE // 2 - 6]
    assert cover > 0.2
    assert red > 1.4 * green > 1.4 * blue
    _, upper, lower, _ = rows(face(lower=0.9, jaw=0.0))
    row = int(((upper + lower) / 2 * HALF + 1) * SIDE / 2)
    assert drawn(face(lower=0.9, jaw=0.0), face())[0, 0, row, SIDE // 2 - 6] == 0


def test_a_lip_that_goes_down_far_hides_most_of_the_lower_ones_whatever_the_chin_says():
    _, _, lower, _ = rows(face(lower=0.9, jaw=0.0))
    assert lower > 0.75


def test_lips_that_have_just_parted_leave_them_in_the_dark():
    bright, dim = (drawn(face(lower=lower), face())[0] for lower in (0.3, 0.15))
    assert dim[1, dim[0] > 0.5].max() < 0.9 * bright[1, bright[0] > 0.5].max()


def test_pursed_lips_have_teeth_behind_them_in_the_dark():
    assert drawn(face(lower=0.5, width=0.6), face())[:, 0].max() < 0.1


def test_shut_lips_hide_them_and_a_mouth_that_shows_teeth_keeps_its_own():
    assert drawn(face(), face()) is None
    smile, wide = face(lower=0.3), face(lower=0.8)
    assert drawn(wide, face())[:, 0].max() == 1
    assert drawn(wide, smile, photo_of(smile)) is None
    assert drawn(wide, wide, BRIGHT) is None  # too far open for anything to be hidden


@pytest.mark.parametrize("light", [1.0, 0.4])
def test_lips_that_are_shut_but_found_apart_hide_teeth_as_others_do(light):
    apart, wide = face(upper=0.05, lower=0.1), face(lower=0.8)
    for inside in (LIPS, (0.35, 0.2, 0.2)):  # nothing between them, and a shadow
        picture = photo_of(apart, inside) * light
        assert drawn(apart, apart, picture) is None
        assert drawn(wide, apart, picture)[:, 0].max() == 1
    assert drawn(wide, apart, photo_of(apart, ENAMEL) * light) is None
    grey = photo_of(apart, (0.8, 0.8, 0.8), (0.5, 0.5, 0.5)) * light
    assert drawn(wide, apart, grey) is None  # teeth in a photo without colours


@pytest.mark.parametrize(("angle", "where"), [(0.7, (0.2, 0.1)), (-1.4, (-0.3, 0.2))])
def test_they_turn_and_go_with_the_head(angle, where):
    still = drawn(face(lower=0.8), face())
    moved = drawn(face(lower=0.8, angle=angle, where=where), face())
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    grid = coordinate_grid(SIDE, SIDE, still, corners=False) @ turn.T + torch.tensor(where)
    back = torch.nn.functional.grid_sample(moved[:, :1], grid[None], align_corners=False)
    assert still[:, :1].sum() > 100
    assert (back - still[:, :1]).abs().sum() < 0.4 * still[:, :1].sum()  # a few pixels high, and sampled anew


def test_they_are_as_light_as_the_photo_and_darker_to_the_sides():
    wide, shut = face(lower=0.8), face()
    bright, dim = (drawn(wide, shut, BRIGHT * light) for light in (1.0, 0.3))
    teeth = bright[:, :1] > 0.9
    assert (dim[:, 1:] < bright[:, 1:]).logical_or(~teeth).all()
    row = int((bright[0, 0] > 0.9).sum(1).argmax())
    columns = (bright[0, 0, row] > 0.9).nonzero().flatten()
    assert bright[0, 1, row, columns[0]] < 0.8 * bright[0, 1, row].max()
    assert bright[0, 1:, row, columns].min() > 0.1
    assert (bright[0, 1] >= bright[0, 3]).all()  # never bluish


@pytest.fixture
def settings():
    sizes = {"motion_side": 64, "levels": 2, "max_width": 8, "detector_width": 4, "motion_width": 4}
    return CompactSettings(tied_keypoints=42, generator_width=4, generator_blocks=0, mouth_map=True, **sizes)


def test_a_frame_shows_them_but_training_does_not(settings):
    torch.manual_seed(1)
    plain = CompactModel(settings).eval()
    toothed = CompactModel(replace(settings, teeth=True)).eval()
    toothed.load_state_dict(plain.state_dict())
    free = torch.zeros(1, 4, 2)
    driving, source = (Keypoints(torch.cat((each.value, free), dim=1)) for each in (face(lower=0.8), face()))
    photo = BRIGHT[..., :1, :1] + 0.02 * torch.rand(1, 3, 256, 256)
    without, with_them = (model.animate(model.encode(photo), driving, source) for model in (plain, toothed))
    teeth = with_them.motion.drawn
    full = teeth[:, :1] == 1
    torch.testing.assert_close(with_them.image[full.expand(-1, 3, -1, -1)], teeth[:, 1:][full.expand(-1, 3, -1, -1)])
    assert not with_them.visible[full].any()
    away = (teeth[:, :1] == 0).expand(-1, 3, -1, -1)
    torch.testing.assert_close(with_them.image[away], without.image[away])
    toothed.generator.train()
    learning = toothed.generator.decode(photo, toothed.encode(photo).features[1:], with_them.motion)
    assert (learning.synthesised - teeth[:, 1:])[full.expand(-1, 3, -1, -1)].abs().mean() > 0.05
    assert toothed.train().move(photo, driving, source).drawn is None


def test_a_model_without_a_mouth_cannot_have_them(settings):
    with pytest.raises(SettingsError, match=r"model\.teeth"):
        CompactModel(replace(settings, teeth=True, mouth_map=False))


def test_under_a_yellow_varnish_they_are_yellow_and_in_any_skin_white():
    light, dark, varnished = ((0.85, 0.64, 0.52), (0.4, 0.25, 0.18), (0.7, 0.56, 0.31))
    ratios = []
    for skin in (light, dark, varnished):
        photo = torch.tensor(skin).view(1, 3, 1, 1).expand(1, 3, 64, 64)
        teeth = drawn(face(lower=0.8), face(), photo)[0]
        colour = teeth[1:, teeth[0] > 0.9].amax(1)
        ratios.append(float(colour[2] / colour[0]))
    assert ratios[0] == pytest.approx(ratios[1], rel=0.12)
    assert ratios[2] < 0.75 * ratios[0]
