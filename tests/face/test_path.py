"""A window that goes with somebody who walks, and stands still otherwise."""

import numpy as np
import pytest
from scipy.optimize import linprog

from fomm.face.crop import CropWindow
from fomm.face.locate import Face
from fomm.face.path import taut_string, window_path


def face(x, y=100.0, size=60.0):
    return Face((x - size / 2, y - size / 2, x + size / 2, y + size / 2), 1.0)


@pytest.mark.parametrize("seed", range(4))
def test_no_other_line_between_the_bounds_goes_less_far(seed):
    middle = np.cumsum(np.random.default_rng(seed).normal(size=40))
    low, high = middle - 1.5, middle + 1.5
    low[10:20], high[10:20] = -np.inf, np.inf
    line, steps = taut_string(low, high), np.diff(np.eye(40), axis=0)
    assert (line >= low - 1e-9).all()
    assert (line <= high + 1e-9).all()
    both = np.block([[steps, -np.eye(39)], [-steps, -np.eye(39)]])  # |steps| <= their bounds, whose sum is least
    bounds = [*zip(low, high, strict=True), *[(0, None)] * 39]
    least = linprog(np.repeat((0.0, 1.0), (40, 39)), A_ub=both, b_ub=np.zeros(78), bounds=bounds).fun
    assert np.abs(np.diff(line)).sum() == pytest.approx(least, abs=1e-6)


def test_a_head_that_sways_and_nods_keeps_one_window():
    faces = {i: face(200 + 12 * np.sin(i / 3), 100 + 10 * np.cos(i / 4), 60 + 4 * np.sin(i)) for i in range(50)}
    windows = window_path(faces, 50, 25.0)
    assert len(set(windows)) == 1
    assert windows[0].side == pytest.approx(CropWindow.around(face(0)).side, rel=0.1)


def test_the_window_goes_with_a_walker_no_faster_and_stands_when_they_do():
    places = [100 + 8 * min(i, 50) for i in range(90)]
    faces = {i: face(places[i]) for i in range(0, 90, 2)}
    windows = window_path(faces, 90, 25.0)
    middles = np.array([window.x + window.side / 2 for window in windows])
    assert np.abs(middles - places).max() < 0.5 * 60  # the face stays inside
    assert np.diff(middles).max() < 8.01
    assert np.diff(middles).min() > -0.01
    assert np.ptp(middles[60:]) < 1
    assert len({round(window.side, 6) for window in windows}) == 1


def test_the_window_grows_with_somebody_who_comes_nearer():
    windows = window_path({i: face(200, 100, 40 * 3 ** (i / 60)) for i in range(61)}, 61, 25.0, zoom=1.2)
    for index, window in enumerate(windows):
        usual = CropWindow.around(face(200, 100, 40 * 3 ** (index / 60)), 1.2).side
        assert usual / 1.3 < window.side < usual * 1.3
