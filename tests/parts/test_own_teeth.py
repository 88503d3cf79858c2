"""A smile's own teeth stay with the skull when lips part further, and what lips hid is not copied."""

import math
from dataclasses import replace

import pytest
import torch
from mouths import HALF, LIPS, face, photo_of
from torch.nn import functional as F

from fomm.config.training.compact import CompactSettings
from fomm.geometry.grids import coordinate_grid
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.mouth_shape import Opening, marks_of
from fomm.model.compact import CompactModel
from fomm.parts import own_teeth
from fomm.source.mouth import SourceMouth

SIDE = 128
SMILE = {"upper": 0.1, "lower": 0.15}
STILL = torch.zeros(1, 2, SIDE, SIDE)


def hold_teeth(displacement, driving, source, side):
    """Hold the teeth of a source that is all teeth between its lips."""
    here = Opening.of(marks_of(driving), side)
    return own_teeth.hold_teeth(displacement, here, SourceMouth.of(source, photo_of(source)))


def at(planes, *places):
    """What planes `[1, C, h, w]` hold at places in half widths of the mouth below, `[N, C]`."""
    grid = (HALF * torch.tensor(places)).view(1, -1, 1, 2)
    return F.grid_sample(planes, grid, align_corners=False)[0, :, :, 0].T


def test_lips_that_part_further_leave_teeth_where_they_are():
    stretched = STILL.clone()
    stretched[:, 1] = -0.05  # what a smooth flow would make of it
    held = hold_teeth(stretched, face(upper=0.1, lower=0.8), face(**SMILE), SIDE)
    torch.testing.assert_close(at(held.displacement, (0.1, 0.02), (-0.3, 0.0)), torch.zeros(2, 2), atol=5e-4, rtol=0)
    assert at(held.shown, (0.1, 0.02), (-0.3, 0.0)).min() > 0.99
    assert at(held.shown, (0.1, 0.5)).max() == 0
    assert at(held.hidden, (0.1, 0.5)).min() > 0.99
    assert at(held.hidden, (0.1, 0.02)).max() < 0.01
    assert torch.equal(at(held.displacement, (0.1, 0.5), (0.0, 1.2)), at(stretched, (0.1, 0.5), (0.0, 1.2)))


def test_an_upper_lip_that_rises_uncovers_what_it_hid():
    held = hold_teeth(STILL, face(upper=0.4, lower=0.3), face(**SMILE), SIDE)
    assert at(held.shown, (0.0, 0.0)).min() > 0.99
    assert at(held.hidden, (0.0, -0.22)).min() > 0.5


@pytest.mark.parametrize("opening", [0.0, 0.02, 0.9])
def test_mouths_that_show_no_teeth_or_more_than_teeth_are_left_alone(opening):
    held = hold_teeth(STILL, face(lower=1.0), face(lower=opening), SIDE)
    assert torch.equal(held.displacement, STILL)
    assert not held.shown.any()
    assert not held.hidden.any()


@pytest.mark.parametrize(("angle", "where"), [(0.5, (0.1, 0.1)), (-1.0, (-0.2, 0.1))])
def test_teeth_go_with_the_head(angle, where):
    driving, source = face(upper=0.1, lower=0.8, angle=angle, where=where), face(**SMILE)
    held = hold_teeth(STILL, driving, source, SIDE)
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    was = HALF * torch.tensor([0.1, 0.02])
    now = turn @ was + torch.tensor(where)
    there = F.grid_sample(held.displacement, now.view(1, 1, 1, 2), align_corners=False)[0, :, 0, 0]
    torch.testing.assert_close(now + there, was, atol=2e-3, rtol=0)


def test_a_frame_shows_the_photos_teeth_as_they_are():
    torch.manual_seed(1)
    sizes = {"motion_side": 64, "levels": 2, "max_width": 8, "detector_width": 4, "motion_width": 4, "flow_detail": 2}
    settings = CompactSettings(tied_keypoints=42, generator_width=4, generator_blocks=0, mouth_map=True, **sizes)
    model = CompactModel(replace(settings, teeth=True)).eval()
    texture = F.interpolate(torch.rand(1, 1, 16, 16), size=(256, 256), mode="bicubic").clamp(0, 1)
    photo = photo_of(face(**SMILE)) * (0.9 + 0.1 * texture)
    free = torch.zeros(1, 4, 2)
    driving, source = (
        Keypoints(torch.cat((each.value, free), dim=1)) for each in (face(upper=0.1, lower=0.8), face(**SMILE))
    )
    made = model.animate(model.encode(photo), driving, source)
    own, hidden = (made.motion.own[:, plane : plane + 1] for plane in (0, 1))
    columns, rows = coordinate_grid(256, 256, photo, corners=False)[None, None].unbind(-1)
    teeth = ((own == 1) & (rows.abs() < 0.06 * HALF) & (columns.abs() < 0.5 * HALF)).expand_as(photo)
    assert teeth.sum() > 200
    torch.testing.assert_close(made.image[teeth], photo[teeth], atol=0.01, rtol=0)
    assert made.visible[own == 1].min() == 1
    assert made.visible[hidden == 1].max() == 0
    assert model.train().move(photo, driving, source).own is None


def test_lips_that_show_no_teeth_hold_none():
    for inside in (LIPS, (0.2, 0.1, 0.1)):  # lips found apart that are shut, and a mouth in the dark
        before = SourceMouth.of(face(**SMILE), photo_of(face(**SMILE), inside))
        held = own_teeth.hold_teeth(STILL, Opening.of(marks_of(face(upper=0.1, lower=0.8)), SIDE), before)
        assert torch.equal(held.displacement, STILL)
        assert not held.shown.any()
        assert not held.hidden.any()


def test_a_mouth_that_closes_and_a_face_turned_far_are_left_to_the_network():
    smile = face(**SMILE)
    closing = hold_teeth(STILL, face(upper=0.05, lower=0.1), smile, SIDE)
    profile = face(upper=0.1, lower=0.8)
    profile.value[..., 0] *= 0.6
    for held in (closing, hold_teeth(STILL, profile, smile, SIDE)):
        assert torch.equal(held.displacement, STILL)
        assert not held.shown.any()
