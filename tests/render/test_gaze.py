"""The iris goes where the gaze says, and nothing outside the lids moves."""

import numpy as np
import pytest

from fomm.face.crop import CropWindow
from fomm.geometry.anatomy import Eye
from fomm.render.gaze import move_gaze

SIDE = 200
WINDOW = CropWindow(0, 0, SIDE)
EYES = (Eye(0, 1, 2, 3),)
POINTS = np.array([(60, 100), (140, 100), (100, 75), (100, 125)]) / SIDE * 2 - 1


@pytest.fixture
def photo():
    """A white picture with a dark disc in the middle of the eye."""
    y, x = np.mgrid[:SIDE, :SIDE]
    disc = (x - 100) ** 2 + (y - 100) ** 2 < 12**2
    return np.where(disc[..., None], 20, 230).astype(np.uint8).repeat(3, axis=2)


def middle(picture):
    """Return where the dark pixels are on average."""
    y, x = np.nonzero(picture[..., 0] < 120)
    return x.mean(), y.mean()


@pytest.mark.parametrize(("gaze", "dx", "dy"), [((1, 0), 1, 0), ((-1, 0), -1, 0), ((0, 1), 0, -1), ((0, -1), 0, 1)])
def test_the_iris_goes_where_the_gaze_says(photo, gaze, dx, dy):
    x, y = middle(move_gaze(photo, WINDOW, POINTS, EYES, gaze))
    assert (x - 100) * dx + (y - 100) * dy > 3
    assert abs((x - 100) * dy) + abs((y - 100) * dx) < 1


def test_skin_and_lids_stay(photo):
    noisy = photo ^ np.random.default_rng(0).integers(0, 8, photo.shape, dtype=np.uint8)
    moved = move_gaze(noisy, WINDOW, POINTS, EYES, (1, 0.5))
    changed = np.argwhere((moved != noisy).any(-1))
    assert len(changed)
    x, y = (changed[:, 1] + 0.5 - 100) / 40, (changed[:, 0] + 0.5 - 100) / 25
    assert (np.abs(y) < 1 - x**2).all()


def test_shut_eyes_and_eyes_outside_the_photo_stay(photo):
    shut = POINTS.copy()
    shut[2] = shut[3]
    assert (move_gaze(photo, WINDOW, shut, EYES, (1, 0)) == photo).all()
    assert (move_gaze(photo, WINDOW, POINTS + 3, EYES, (1, 0)) == photo).all()
    half = move_gaze(photo, WINDOW, POINTS + np.array([-0.9, 0]), EYES, (1, 0))
    assert half.shape == photo.shape
