"""Openings of mouth and eyes, and how curves are compared."""

import numpy as np
import pytest

from fomm.evaluation.measures.curves import agreement, depth, needed_landmarks, openings


def face(mouth, eyes):
    """A face two units wide whose lips and lids are this far apart, at any place and size."""
    places = {33: (-1, 0), 133: (-0.4, 0), 263: (1, 0), 362: (0.4, 0), 13: (0, 1), 14: (0, 1 + mouth)}
    places |= {159: (-0.7, -eyes / 2), 145: (-0.7, eyes / 2), 386: (0.7, -eyes / 2), 374: (0.7, eyes / 2)}
    return {name: np.array([place], dtype=float) for name, place in places.items()}


def test_openings_are_ratios_that_size_and_place_do_not_change():
    small = face(0.5, 0.3)
    large = {name: 7 * point + 3 for name, point in small.items()}
    assert set(small) == set(needed_landmarks())
    for points in (small, large):
        curves = openings(points)
        assert curves["mouth"] == pytest.approx(0.25)
        assert curves["eyes"] == pytest.approx(0.5)


def test_curves_that_move_together_agree_whatever_their_strength():
    wanted = np.sin(np.arange(30))
    assert agreement(0.3 * wanted + 2, wanted, 0.1) == pytest.approx(1)
    assert agreement(-wanted, wanted, 0.1) == pytest.approx(-1)
    assert agreement(np.ones(30), wanted, 0.1) == 0


def test_curves_without_movement_or_without_data_are_not_compared():
    wanted = np.sin(np.arange(30))
    assert agreement(wanted, np.full(30, 0.2), 0.1) is None
    assert agreement(np.where(np.arange(30) < 10, wanted, np.nan), wanted, 0.1) is None


def test_frames_in_which_nothing_was_found_are_left_out():
    wanted = np.sin(np.arange(30))
    made = wanted.copy()
    made[[3, 9]] = np.nan
    assert agreement(made, wanted, 0.1) == pytest.approx(1)


def test_depth_tells_lids_that_shut_from_lids_that_come_half_way():
    wanted = np.sin(np.arange(30))
    half = 0.5 * wanted + 2
    half[4] = np.nan
    assert agreement(half, wanted, 0.1) == pytest.approx(1)
    assert depth(half, wanted, 0.1) == pytest.approx(0.5)
    assert depth(np.ones(30), wanted, 0.1) == pytest.approx(0)
    assert depth(wanted, np.full(30, 0.2), 0.1) is None
