"""Irises go where their keypoints went, whatever lids and face do; nothing outside the lids changes."""

import math

import pytest
import torch
from torch.nn import functional as F

from fomm.geometry.grids import coordinate_grid
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import EYES, REGIONS
from fomm.parts.irises import turn_irises

IRISES = list(REGIONS["irises"])
SIDE = 256


def eyes(gaze=(0.0, 0.0), opening=0.08, angle=0.0):
    """Keypoints whose eyes are 0.2 wide, at (-0.2, 0) and (0.2, 0) of a face tilted by `angle`."""
    value = torch.zeros(1, 42, 2)
    value[0, list(REGIONS["mouth"]), 1] = 0.3
    for (outer, inner, upper, lower), iris, side in zip(EYES, IRISES, (-1, 1), strict=True):
        value[0, [outer, inner]] = torch.tensor([[0.3 * side, 0.0], [0.1 * side, 0.0]])
        value[0, [upper, lower]] = torch.tensor([[0.2 * side, -opening / 2], [0.2 * side, opening / 2]])
        value[0, iris] = torch.tensor([0.2 * side + gaze[0], gaze[1]])
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return Keypoints(value @ turn.T), turn


def read(displacement, place):
    return F.grid_sample(displacement, place.view(1, -1, 1, 2), align_corners=False)[0, :, :, 0].T


@pytest.mark.parametrize("angle", [0.0, 0.5, math.pi])
@pytest.mark.parametrize("gaze", [(0.03, 0.0), (-0.02, 0.0), (0.02, -0.008)])
def test_the_iris_comes_from_where_it_was(gaze, angle):
    (driving, turn), (source, _) = eyes(gaze, angle=angle), eyes(angle=angle)
    moved = turn_irises(torch.zeros(1, 2, SIDE, SIDE), driving, source)
    there = read(moved, driving.value[0, IRISES])
    torch.testing.assert_close(there, (turn @ -torch.tensor(gaze)).expand(2, 2), atol=2e-3, rtol=0)


def test_only_what_is_between_the_lids_moves():
    (driving, _), (source, _) = eyes((0.03, 0.0)), eyes()
    moved = turn_irises(torch.zeros(1, 2, SIDE, SIDE), driving, source)[0].norm(dim=0) > 1e-4
    grid = coordinate_grid(SIDE, SIDE, torch.zeros(()), corners=False)
    within = ((grid[..., 0].abs() - 0.2).abs() < 0.1) & (grid[..., 1].abs() < 0.04)
    assert moved.any()
    assert not (moved & ~within).any()


def test_motion_that_the_flow_has_already_is_not_added_again():
    (driving, _), (source, _) = eyes(), eyes()
    shift = torch.tensor([0.1, -0.05])
    source = Keypoints(source.value + shift)  # the whole head moves, the eyes with it
    displacement = shift.view(1, 2, 1, 1).expand(1, 2, SIDE, SIDE)
    torch.testing.assert_close(turn_irises(displacement, driving, source), displacement, atol=1e-5, rtol=0)


def test_shut_eyes_stay_shut():
    (driving, _), (source, _) = eyes((0.03, 0.0), opening=0.001), eyes()
    assert turn_irises(torch.zeros(1, 2, SIDE, SIDE), driving, source).abs().max() < 2e-3


def test_the_flow_teaches_where_irises_are():
    (driving, _), (source, _) = eyes((0.02, 0.0)), eyes()
    value = driving.value.requires_grad_()
    moved = turn_irises(torch.zeros(1, 2, SIDE, SIDE), Keypoints(value), source)
    read(moved, torch.tensor([[0.2, 0.0]])).sum().backward()
    assert value.grad.isfinite().all()
    assert value.grad[0, IRISES[1], 0].abs() > 0.1
