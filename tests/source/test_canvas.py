"""What a window shows beyond the photo: a whole head, shoulders that go on, and none of the old stripes."""

import numpy as np
import pytest
import torch

from fomm.face.crop import CropWindow
from fomm.source.canvas import InnerView, canvas, continued, leaves
from fomm.source.hair import FaceOval

SIDE, CELLS = 320, 64
WALL, SKIN, HAIR, CLOTH = (40, 90, 160), (220, 180, 160), (70, 50, 30), (30, 140, 60)
CENTRE, RADIUS, FACE = (160.0, 150.0), 80.0, (45.0, 60.0)
OVAL = FaceOval((0.0, 150 / 160 - 1), (45 / 160, 60 / 160), 130 / 160 - 1)


def scene():
    """A whole photo `[320, 320, 3]` of a round head with hair above shoulders, and where the person is."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] + 0.5
    picture = np.tile(np.array(WALL, np.uint8), (SIDE, SIDE, 1))
    head = np.hypot(x - CENTRE[0], y - CENTRE[1]) < RADIUS
    body = y > 215 + 0.2 * np.abs(x - 160)
    picture[head] = HAIR
    picture[np.hypot((x - 160) / FACE[0], (y - 150) / FACE[1]) < 1] = SKIN
    picture[body] = CLOTH
    return picture, head | body


def cut(top=0, left=0, bottom=SIDE):
    """The photo without some of its rows and columns, the window of all of it, and the window's matte."""
    picture, person = scene()
    photo = np.ascontiguousarray(picture[top:bottom, left:])
    matte = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(person)[None, None].float(), CELLS)[0, 0]
    return photo, CropWindow(-float(left), -float(top), float(SIDE)), matte


def off(canvas_picture, wanted):
    """How far colours are from those wanted, by the most different channel."""
    return np.abs(canvas_picture.astype(int) - wanted).max(-1)


def test_the_photo_itself_stays_and_the_window_shows_the_same_of_it():
    photo, window, matte = cut(top=100, left=30)
    made = canvas(photo, window, matte, OVAL)
    assert (made.left, made.top) == (30, 100)
    assert np.array_equal(made.picture[100:, 30:], photo)
    assert made.picture.shape == (SIDE, SIDE, 3)
    assert np.array_equal(made.window.crop(made.picture, SIDE)[110:, 40:], window.crop(photo, SIDE)[110:, 40:])


@pytest.mark.parametrize(("top", "seam"), [(85, 0), (115, 13)])
def test_a_head_that_was_cut_is_round_and_has_its_hair_again(top, seam):
    photo, window, matte = cut(top=top)
    made = canvas(photo, window, matte, OVAL)
    picture, _ = scene()
    y, x = np.mgrid[0:SIDE, 0:SIDE] + 0.5
    away = np.hypot(x - CENTRE[0], y - CENTRE[1])
    above = y < top
    inside, outside = above & (away < RADIUS - 6), above & (away > RADIUS + 8)
    assert (off(made.picture, HAIR)[inside & (y < top - seam)] < 30).mean() > 0.9  # next to a forehead is more of it
    assert (off(made.picture, WALL)[outside] < 30).mean() > 0.98
    repeated = np.repeat(photo[:1], top, axis=0)  # what used to be there
    errors = [np.abs(each[:top].astype(int) - picture[:top]).mean() for each in (made.picture, repeated)]
    assert errors[0] < 0.5 * errors[1]


def test_without_a_known_face_the_head_is_closed_all_the_same():
    photo, window, matte = cut(top=80)
    made = canvas(photo, window, matte)
    assert (off(made.picture, HAIR)[73:80, 150:170] < 30).all()
    assert (off(made.picture, WALL)[:60] < 30).mean() > 0.98


def test_a_body_goes_on_beside_and_below_the_photo():
    photo, window, matte = cut(left=60, bottom=280)
    made = canvas(photo, window, matte, OVAL)
    assert (off(made.picture, CLOTH)[290:, 60:] < 10).all()
    assert (off(made.picture, CLOTH)[270:280, :60] < 10).all()
    assert (off(made.picture, WALL)[:200, :60] < 10).all()


def test_a_face_is_nowhere_mirrored():
    photo, window, matte = cut(bottom=200)  # the edge runs through the chin
    made = canvas(photo, window, matte, OVAL)
    photo[160:170, 140:180] = (255, 0, 255)  # a mouth; its mirror image would be in rows 230 to 240
    painted = canvas(photo, window, matte, OVAL)
    assert np.abs(made.picture[205:].astype(int) - painted.picture[205:]).max() < 40  # colours around, at most


def test_walls_are_not_mirrored_either():
    photo, window, matte = cut(top=100)
    photo[40:60, :40] = (255, 255, 0)  # a lamp; its mirror image would be 40 to 60 rows above the photo
    made = canvas(photo, window, matte, OVAL)
    assert (off(made.picture, WALL)[:100, :40] < 10).all()


def test_only_windows_that_leave_the_photo_show_more():
    photo = np.zeros((100, 120, 3), np.uint8)
    assert not leaves(CropWindow(0, 0, 100), photo)
    assert not leaves(CropWindow(20, 0, 100), photo)
    for window in (CropWindow(-0.5, 0, 50), CropWindow(0, -0.5, 50), CropWindow(80, 0, 50), CropWindow(0, 80, 50)):
        assert leaves(window, photo)


def measured(square, oval):
    """An oval's centre, half axes and brows in px of the photo."""
    x, y, brows = ((place + 1) / 2 * square.side for place in (*oval.centre, oval.brows))
    return [x + square.x, y + square.y, brows + square.y, *(half * square.side for half in oval.half)]


@pytest.mark.parametrize("window", [CropWindow(-20, -30, 90), CropWindow(60, 40, 90), CropWindow(-40, -40, 300)])
def test_what_is_found_in_the_inner_view_is_brought_into_the_window(window):
    photo = np.zeros((100, 120, 3), np.uint8)
    inner = InnerView.of(window, photo)
    assert not leaves(inner.view, photo)
    assert inner.view.side == min(window.side, 100)
    oval = FaceOval((-0.5, 0.25), (0.2, 0.3), 0.1)
    assert measured(inner.view, oval) == pytest.approx(measured(window, inner.oval(oval)))


def test_a_photo_stays_as_it_is_where_nothing_is_lacking_or_nobody_knows_the_person():
    photo, window, _ = cut(top=80)
    everywhere = lambda square: torch.ones(1, 1, CELLS, CELLS)  # noqa: E731
    whole = continued(photo, CropWindow(20, 20, 200), SIDE, everywhere, lambda square: OVAL)
    assert whole.picture is photo
    unknown = continued(photo, window, SIDE, lambda square: None, lambda square: OVAL)
    assert unknown.picture is photo
    assert unknown.window == window
    looked_at, seen = [], []
    made = continued(photo, window, SIDE, lambda square: looked_at.append(square) or everywhere(square), seen.append)
    assert made.picture.shape == (SIDE, SIDE, 3)
    assert np.array_equal(looked_at[0], window.crop(photo, SIDE))  # edges repeated, as the matte has learnt them
    assert np.array_equal(seen[0], InnerView.of(window, photo).view.crop(photo, SIDE))  # the photo alone
