"""Baselines do what their names say: a similarity reproduces a similarity, a thin-plate warp hits its landmarks."""

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from fomm.errors import MotionError
from fomm.evaluation.baselines import BASELINES, cell_centres, displacement, similarity, thin_plate, warped


@pytest.fixture
def landmarks():
    return np.random.default_rng(0).uniform(-0.6, 0.6, (12, 2))


def turn(points, angle=0.2, scale=1.1, shift=(0.05, -0.08)):
    c, s = np.cos(angle), np.sin(angle)
    return scale * points @ np.array(((c, s), (-s, c))) + shift


def test_a_similarity_motion_is_reproduced_everywhere(landmarks):
    source = turn(landmarks)  # the driving frame's points, turned, are the source's
    field = displacement("similarity", source, landmarks, side=16)
    grid = cell_centres(16)
    np.testing.assert_allclose(field.reshape(-1, 2), turn(grid) - grid, atol=1e-12)


def test_the_similarity_is_the_best_one_in_the_least_squares_sense(landmarks):
    target = turn(landmarks) + np.random.default_rng(1).normal(0, 0.05, landmarks.shape)
    fit = similarity(landmarks, target)
    best = np.square(fit(landmarks) - target).sum()
    for change in ({"angle": 0.21}, {"angle": 0.19}, {"scale": 1.12}, {"scale": 1.08}, {"shift": (0.06, -0.08)}):
        assert best < np.square(turn(landmarks, **change) - target).sum()


def test_a_thin_plate_warp_hits_its_landmarks_and_leaves_the_edge(landmarks):
    target = landmarks + np.random.default_rng(1).normal(0, 0.05, landmarks.shape)
    warp = thin_plate(landmarks, target)
    np.testing.assert_allclose(warp(landmarks), target, atol=1e-8)
    corners = np.array(((-1.0, -1.0), (1.0, 1.0), (-1.0, 0.5)))
    np.testing.assert_allclose(warp(corners), corners, atol=1e-8)


def test_the_thin_plate_field_carries_each_driving_landmark_to_its_source(landmarks):
    source = landmarks + 0.1
    field = displacement("thin-plate", source, landmarks, side=64)
    axis = (2 * np.arange(64) + 1) / 64 - 1
    read = RegularGridInterpolator((axis, axis), field)  # rows are y
    np.testing.assert_allclose(landmarks + read(landmarks[:, ::-1]), source, atol=0.01)


def test_a_warp_moves_pixels_by_the_displacement():
    picture = np.zeros((32, 32, 3), np.uint8)
    picture[10, 20] = 200
    field = np.zeros((8, 8, 2))
    field[..., 0] = 4 * 2 / 32  # four pixels to the right is where the content comes from
    np.testing.assert_array_equal(warped(picture, field), np.roll(picture, -4, axis=1))


def test_points_outside_the_picture_or_twice_the_same_do_no_harm(landmarks):
    source = np.concatenate((landmarks, landmarks[:1], [[1.5, 0.0]]))
    assert np.isfinite(displacement("thin-plate", source + 0.05, source)).all()


@pytest.mark.parametrize("name", [name for name in BASELINES if name != "copy"])
def test_a_face_in_one_point_is_refused(name):
    points = np.full((5, 2), 2.0)
    with pytest.raises(MotionError, match="landmarks of a face"):
        displacement(name, points, points)
