"""Behind teeth a mouth is dark and red, and where it is wide open its tongue is seen."""

from dataclasses import replace

import torch
from mouths import HALF, face, photo_of

from fomm.config.training.compact import CompactSettings
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.mouth_shape import Opening, marks_of
from fomm.model.compact import CompactModel
from fomm.parts.tongue import tongue_map
from fomm.source.mouth import SourceMouth

SIDE = 256
SKIN = torch.tensor((0.8, 0.6, 0.5)).view(1, 3, 1, 1).expand(1, 3, 64, 64)
NOTHING = torch.zeros(1, 1, SIDE, SIDE)
SHUT, WIDE = face(), face(lower=0.8)


def inside(driving, source=SHUT, picture=SKIN, hidden=NOTHING):
    return tongue_map(Opening.of(marks_of(driving), SIDE), SourceMouth.of(source, picture), hidden)


def amid(drawn, down):
    """Cover and colour a little beside the middle of the mouth, so many half widths of it below the shut lips."""
    return drawn[0, :, round((down * HALF + 1) * SIDE / 2), SIDE // 2 - 3]


def test_a_mouth_is_red_dark_at_the_back_and_its_tongue_lies_in_front():
    drawn = inside(face(lower=1.2))
    (back, *dark), (front, *tongue) = (amid(drawn, down).tolist() for down in (0.3, 0.85))
    assert back == front == 1
    assert tongue[0] > 2 * dark[0]
    for red, green, blue in (dark, tongue):
        assert red > 1.5 * green
        assert red > 1.5 * blue
    outside = torch.ones(SIDE, dtype=torch.bool)
    outside[round((1 - 0.05 * HALF) * SIDE / 2) : round((1 + 1.3 * HALF) * SIDE / 2)] = False
    assert not drawn[0, 0, outside].any()


def test_the_wider_the_mouth_the_better_the_tongue_is_seen():
    low, wide, wider = (float(amid(inside(face(lower=lower)), 0.75 * lower)[1]) for lower in (0.4, 0.8, 1.2))
    assert low < 0.7 * wide
    assert wide < wider


def test_shut_lips_hide_all_and_a_photos_own_mouth_is_kept_but_for_what_lips_hid():
    assert inside(SHUT) is None
    smile = face(lower=0.3)
    assert inside(WIDE, smile, photo_of(smile)) is None
    assert inside(WIDE, WIDE) is None
    hidden = NOTHING.clone()
    hidden[..., : SIDE // 2] = 1
    drawn = inside(WIDE, WIDE, hidden=hidden)
    assert drawn[:, 0, :, : SIDE // 2].any()
    assert not drawn[:, 0, :, SIDE // 2 :].any()


def test_it_is_as_light_as_the_photo():
    bright, dim = (amid(inside(WIDE, picture=SKIN * light), 0.65) for light in (1.0, 0.3))
    assert (dim[1:] < 0.8 * bright[1:]).all()


def test_a_frame_shows_teeth_before_it():
    sizes = {"motion_side": 64, "levels": 2, "max_width": 8, "detector_width": 4, "motion_width": 4}
    settings = CompactSettings(tied_keypoints=42, generator_width=4, generator_blocks=0, mouth_map=True, **sizes)
    model = CompactModel(replace(settings, teeth=True)).eval()
    free = torch.zeros(1, 4, 2)
    driving, source = (Keypoints(torch.cat((each.value, free), dim=1)) for each in (face(lower=0.8, jaw=0.8), SHUT))
    photo = SKIN[..., :1, :1].expand(1, 3, 256, 256)
    made = model.animate(model.encode(photo), driving, source).image
    tooth, tongue = (made[0, :, round((down * HALF + 1) * SIDE / 2), SIDE // 2 - 3] for down in (0.1, 0.5))
    assert tooth.min() > 0.5
    assert tongue[0] > 1.5 * tongue[1]
    assert tongue.max() < 0.6
