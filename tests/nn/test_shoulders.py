"""The map that a body moves by: fitted, turned back, chained, and the keypoints that it carries."""

import math

import pytest
import torch

from fomm.nn.geometry import Keypoints
from fomm.nn.shoulders import TORSO, Similarity, body_weight, carried_by_body

TIED = 3  # a face from y = -0.5 to 0.1


def turning(degrees, zoom, shift):
    angle = math.radians(degrees)
    return Similarity(torch.tensor([shift]), torch.tensor([[zoom * math.cos(angle), zoom * math.sin(angle)]]))


@pytest.fixture
def points():
    return torch.rand(1, 40, 2, generator=torch.Generator().manual_seed(3)) * 2 - 1


def test_a_map_turns_zooms_and_shifts():
    moved = turning(90, 2.0, (0.1, 0.0))(torch.tensor([[[1.0, 0.0], [0.0, 0.5]]]))
    torch.testing.assert_close(moved, torch.tensor([[[0.1, 2.0], [-0.9, 0.0]]]))


def test_the_matrix_is_the_linear_part(points):
    body = turning(12, 1.1, (0.2, -0.1))
    torch.testing.assert_close(body(points), points @ body.matrix().transpose(1, 2) + body.shift[:, None])


def test_a_fit_finds_what_moved_points_nearly_whole(points):
    body = turning(6, 1.04, (0.05, -0.02))
    fitted = Similarity.fit(points, body(points), torch.ones(1, 40))
    assert float((fitted(points) - body(points)).norm(dim=-1).max()) < 0.01  # it is a little stiff
    assert float((points - body(points)).norm(dim=-1).max()) > 0.1


def test_a_fit_does_not_see_what_has_no_weight(points):
    weight = torch.ones(1, 40)
    weight[:, :20] = 0
    targets = points + 0.1
    targets[:, :20] += 0.7
    fitted = Similarity.fit(points, targets, weight)
    torch.testing.assert_close(fitted(points[:, 20:]), targets[:, 20:])


def test_two_points_close_together_do_not_turn_the_whole_body():
    near = torch.tensor([[[0.0, 0.5], [0.02, 0.5]]])
    turned = torch.tensor([[[0.0, 0.5], [0.0, 0.52]]])  # by a right angle
    fitted = Similarity.fit(near, turned, torch.ones(1, 2))
    assert float((fitted.matrix() - torch.eye(2)).abs().max()) < 0.05


def test_without_any_evidence_nothing_moves(points):
    fitted = Similarity.fit(points, points + 1, torch.zeros(1, 40))
    torch.testing.assert_close(fitted(points), points)


def test_the_inverse_leads_back_and_maps_can_be_chained(points):
    first, second = turning(10, 0.9, (0.3, 0.1)), turning(-25, 1.2, (-0.2, 0.4))
    torch.testing.assert_close(first.inverse()(first(points)), points)
    torch.testing.assert_close(second.after(first)(points), second(first(points)))


def test_a_body_begins_at_the_chin_and_a_torso_lower():
    y = torch.tensor([0.0, 0.1, 0.13, 0.16, 0.22, 0.9])
    expected = torch.tensor([0.0, 0.0, 0.5, 1.0, 1.0, 1.0])
    torch.testing.assert_close(body_weight(y, 0.1, 0.6), expected)
    torch.testing.assert_close(body_weight(y + 0.06, 0.1, 0.6, TORSO), expected)


@pytest.fixture
def anchor():
    """A face of three keypoints, hair above it and two keypoints on the chest."""
    value = torch.tensor([[[0.0, -0.5], [-0.2, 0.0], [0.0, 0.1], [0.0, -0.8], [-0.4, 0.6], [0.4, 0.7]]])
    turned = torch.tensor([[1.1, 0.2], [0.0, 0.9]])
    return Keypoints(value, turned.expand(1, 6, 2, 2))


def test_only_keypoints_below_the_chin_go_with_the_body(anchor):
    body = turning(5, 1.02, (0.05, 0.01))
    found = Keypoints(anchor.value + 0.3, 2 * anchor.jacobian)
    driving = carried_by_body(found, anchor, body, TIED, torch.ones(1))
    torch.testing.assert_close(driving.value[:, :4], found.value[:, :4])
    torch.testing.assert_close(driving.jacobian[:, :4], found.jacobian[:, :4])
    torch.testing.assert_close(driving.value[:, 4:], body(anchor.value[:, 4:]))
    torch.testing.assert_close(driving.jacobian[:, 4:], body.matrix()[:, None] @ anchor.jacobian[:, 4:])


def test_a_map_that_is_not_trusted_changes_nothing(anchor):
    found = Keypoints(anchor.value + 0.3, 2 * anchor.jacobian)
    driving = carried_by_body(found, anchor, turning(5, 1.02, (0.05, 0.01)), TIED, torch.zeros(1))
    torch.testing.assert_close(driving.value, found.value)
    torch.testing.assert_close(driving.jacobian, found.jacobian)


def test_keypoints_without_jacobians_are_carried_too(anchor):
    bare = Keypoints(anchor.value)
    body = turning(0, 1.0, (0.05, 0.01))
    driving = carried_by_body(bare, bare, body, TIED, torch.ones(1))
    assert driving.jacobian is None
    torch.testing.assert_close(driving.value[:, 4:], anchor.value[:, 4:] + body.shift)
