"""The spline's basis against de Boor's recursion, and what its stiffness lets be."""

import numpy as np
import pytest

from fomm.track.spline import NODES, basis, stiffness

SPACING = 2 / (NODES - 3)


def cubic(node, x):
    """Evaluate one B-spline by the Cox-de Boor recursion."""
    knots = [-1 + SPACING * (i - 3) for i in range(NODES + 4)]

    def piece(i, degree):
        if degree == 0:
            return 1.0 if knots[i] <= x < knots[i + 1] else 0.0
        rise = (x - knots[i]) / (knots[i + degree] - knots[i])
        fall = (knots[i + degree + 1] - x) / (knots[i + degree + 1] - knots[i + 1])
        return rise * piece(i, degree - 1) + fall * piece(i + 1, degree - 1)

    return piece(node, 3)


@pytest.fixture
def points():
    return np.random.default_rng(2).uniform(-0.98, 0.98, (30, 2)).astype(np.float32)


def test_a_point_is_moved_by_the_nodes_around_it(points):
    dense = basis(points)
    expected = [
        [cubic(row, y) * cubic(column, x) for row in range(NODES) for column in range(NODES)] for x, y in points
    ]
    np.testing.assert_allclose(dense, expected, atol=1e-6)
    assert (np.count_nonzero(dense, axis=1) <= 16).all()


def test_beyond_the_picture_a_spline_goes_on_as_at_its_edge():
    edge, beyond = np.array([[1.0, -1.0], [-1.0, 1.0]], np.float32), np.array([[1.3, -1.1], [-2.0, 1.5]], np.float32)
    np.testing.assert_allclose(basis(beyond), basis(edge), atol=1e-5)


def test_a_straight_grid_costs_nothing_and_a_wave_does():
    straight = np.add.outer(0.2 * np.arange(NODES), -0.1 * np.arange(NODES)).ravel()
    wave = np.add.outer(np.sin(np.arange(NODES)), np.zeros(NODES)).ravel()
    bend = stiffness(0.0, 1.0)
    assert straight @ bend @ straight < 1e-3 < wave @ bend @ wave
    assert straight @ stiffness(1.0, 0.0) @ straight == pytest.approx(np.square(straight).mean(), rel=1e-3)
