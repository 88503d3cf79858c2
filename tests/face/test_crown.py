"""A head that the photo's upper edge cuts off is closed where it would have ended."""

import numpy as np
import pytest

from fomm.face.crown import crown

CELLS = 64
FACE = (32.0, 40.0)


def matte_of(inside):
    """A soft matte of what `inside` says, at the cells' middles, is nearer than its edge."""
    y, x = np.mgrid[0:CELLS, 0:CELLS] + 0.5
    return np.clip(inside(x, y) + 0.5, 0, 1).astype(np.float32)


def round_head(x, y):
    return 18 - np.hypot(x - 32, y - 38)


def box_head(x, y):
    return np.minimum(12 - np.abs(x - 30), y - 4)


@pytest.mark.parametrize("top", [22.0, 24.5, 28.0, 33.25])
def test_a_round_head_is_closed_by_its_own_arc(top):
    outline = crown(matte_of(round_head), top, FACE)
    away = np.hypot(outline[:, 0] - 32, outline[:, 1] - 38)
    assert np.abs(away - 18).max() < 2
    assert outline[:, 1].max() == pytest.approx(top)
    assert outline[0, 0] < outline[-1, 0]


def test_upright_sides_are_closed_by_half_a_circle():
    outline = crown(matte_of(box_head), 30.0, FACE)
    assert outline[[0, -1], 0] == pytest.approx([18, 42], abs=0.3)
    assert outline[:, 1].min() == pytest.approx(18, abs=0.5)


def test_hair_that_widens_upwards_is_not_blown_up():
    def wedge(x, y):
        return 24 - y / 2 - np.abs(x - 32)

    outline = crown(matte_of(wedge), 20.0, FACE)
    half = (outline[-1, 0] - outline[0, 0]) / 2
    assert 20 - outline[:, 1].min() <= half + 0.5
    assert outline[:, 0].min() >= outline[0, 0] - 0.5


def test_what_is_above_the_photo_does_not_count():
    matte = matte_of(round_head)
    matte[:24] = 1
    assert crown(matte, 24.0, FACE) == pytest.approx(crown(matte_of(round_head), 24.0, FACE))


def test_a_head_that_ends_below_the_edge_needs_no_crown():
    assert crown(matte_of(round_head), 10.0, FACE) is None
    assert crown(matte_of(round_head), 0.0, FACE) is None


def test_other_people_at_the_edge_are_not_the_head():
    def head_and_neighbour(x, y):
        return np.maximum(round_head(x, y), np.minimum(5 - np.abs(x - 58), 20 - y))

    assert crown(matte_of(head_and_neighbour), 8.0, FACE) is None
    assert crown(matte_of(round_head), 24.0, (3.0, 60.0)) is None  # no person where the face is said to be
    assert crown(matte_of(round_head), 70.0, FACE) is None  # nothing of the matte is in the photo
