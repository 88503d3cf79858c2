"""The window of a photo holds the whole head, as far as the photo shows it."""

import numpy as np
import pytest
import torch

from fomm.config.face import FaceSettings
from fomm.face.crop import CropWindow
from fomm.face.locate import Face
from fomm.face.whole_head import with_whole_head
from fomm.face.windows import portrait_window

FACE = Face((160, 180, 240, 280), 1.0)  # around x 200, y 230
WINDOW = CropWindow.around(FACE)


def photo_of_head(left, top, right, *, width=400, height=480):
    """A photo that is white where the person is: an upright box of hair from the chin up, and shoulders below."""
    photo = np.zeros((height, width, 3), np.uint8)
    photo[max(top, 0) : 290, max(left, 0) : right] = 255
    photo[290:] = 255
    return photo


def white_is_person(square):
    picture = torch.from_numpy(square[..., :1].copy()).permute(2, 0, 1)[None].float() / 255
    return torch.nn.functional.adaptive_avg_pool2d(picture, 64)


def free(photo, window, left, top, right):
    """Room beside and above the head, as shares of the window's side."""
    edges = (left - window.x, top - window.y, window.x + window.side - right)
    return [edge / window.side for edge in edges]


def test_a_head_that_fits_keeps_its_window():
    assert with_whole_head(photo_of_head(160, 175, 240), WINDOW, FACE, white_is_person) == WINDOW


@pytest.mark.parametrize(("left", "top", "right"), [(125, 160, 275), (150, 150, 255), (120, 170, 260)])
def test_hair_that_reaches_over_the_edge_gets_room(left, top, right):
    photo = photo_of_head(left, top, right)
    before, after = free(photo, WINDOW, left, top, right), None
    window = with_whole_head(photo, WINDOW, FACE, white_is_person)
    after = free(photo, window, left, top, right)
    assert min(before) < 0.08
    assert min(after) > 0.08  # a tenth, less a cell of the matte
    assert window.side < 1.36 * WINDOW.side


def test_more_hair_than_a_face_can_shrink_for_is_cut_evenly():
    window = with_whole_head(photo_of_head(20, 30, 380), WINDOW, FACE, white_is_person)
    assert window.side == pytest.approx(1.45 * WINDOW.side)
    assert window.x + window.side / 2 == pytest.approx(200, abs=1)
    assert window.y < WINDOW.y


def test_where_the_photo_ends_a_head_needs_no_room():
    photo = photo_of_head(150, -5, 250, height=460)[140:]  # the photo cuts off the hair
    face = Face((160, 40, 240, 140), 1.0)
    window = with_whole_head(photo, CropWindow.around(face), face, white_is_person)
    assert window.y <= 0
    assert window.side < 1.2 * WINDOW.side


def test_a_head_that_the_photo_cuts_off_is_given_what_room_there_is_for_the_rest_of_it():
    face = Face((160, 20, 240, 120), 1.0)
    around = CropWindow.around(face)
    whole, cut_off = photo_of_head(150, 12, 250), photo_of_head(150, -40, 250)
    complete, given = (with_whole_head(each, around, face, white_is_person) for each in (whole, cut_off))
    assert complete.y == pytest.approx(0, abs=1)
    assert -given.side * 0.1 <= given.y < -0.02 * given.side  # above the photo
    assert given.side == pytest.approx(complete.side, rel=0.02)


def test_nothing_changes_where_the_person_cannot_be_told():
    photo = photo_of_head(110, 120, 290)
    assert with_whole_head(photo, WINDOW, FACE, lambda square: None) == WINDOW
    assert with_whole_head(photo, WINDOW, FACE, lambda square: torch.zeros(1, 1, 64, 64)) == WINDOW


def test_a_crop_by_hand_is_kept_and_a_found_face_is_given_room(finder, photo):
    everything = lambda square: torch.ones(1, 1, 64, 64)  # noqa: E731
    by_hand = FaceSettings(source_box=(150, 40, 120, 120), any_face=True)
    assert portrait_window(photo, finder, by_hand, everything) == CropWindow(150, 40, 120)
    assert portrait_window(photo, finder, person=everything).side > portrait_window(photo, finder).side
