"""Lids come down and lower lids go up as far as their keypoints do, and the skin around follows without folding."""

import pytest
import torch
from torch.nn import functional as F

from fomm.geometry.grids import coordinate_grid
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import EYES, REGIONS, TIED_LANDMARKS
from fomm.parts.lids import follow_lower_lids, shut_lids

SIDE = 256
BROWS = [TIED_LANDMARKS.index(landmark) for landmark in (105, 334)]
OPEN = 0.06


def face(opening):
    """Keypoints whose eyes are 0.2 wide at (-0.2, 0) and (0.2, 0); the lower lids stay at y = 0.03, brows at -0.12."""
    value = torch.zeros(1, 42, 2)
    value[0, list(REGIONS["mouth"]), 1] = 0.3
    value[0, BROWS] = torch.tensor([[-0.2, -0.12], [0.2, -0.12]])
    for (outer, inner, upper, lower), side in zip(EYES, (-1, 1), strict=True):
        value[0, [outer, inner]] = torch.tensor([[0.3 * side, 0.0], [0.1 * side, 0.0]])
        value[0, [upper, lower]] = torch.tensor([[0.2 * side, OPEN / 2 - opening], [0.2 * side, OPEN / 2]])
    return Keypoints(value)


def source_rows(displacement, x):
    """Return where in the source the rows of column `x` come from, `[H]`."""
    grid = coordinate_grid(SIDE, SIDE, displacement, corners=False)
    column = int((x + 1) / 2 * SIDE)
    return displacement[0, 1, :, column] + grid[:, column, 1], grid[:, column, 1]


@pytest.mark.parametrize("done", [0.0, 0.5, 1.0])
def test_a_shut_lid_shows_its_edge_where_its_keypoint_is(done):
    """Whatever part of the way a network has moved the lids already."""
    still = torch.zeros(1, 2, SIDE, SIDE)
    still[:, 1] = -done * OPEN
    moved = shut_lids(still, face(0.0), face(OPEN))
    edge = torch.tensor([[-0.2, OPEN / 2 - 0.006], [0.2, OPEN / 2 - 0.006]])  # above the edge, where it is read
    there = F.grid_sample(moved, edge.view(1, -1, 1, 2), align_corners=False)[0, 1, :, 0]
    torch.testing.assert_close(there, torch.full((2,), -OPEN), atol=3e-3, rtol=0)


def test_skin_above_the_lid_stretches_and_never_folds():
    there, rows = source_rows(shut_lids(torch.zeros(1, 2, SIDE, SIDE), face(0.0), face(OPEN)), 0.2)
    above = (rows > -0.2) & (rows < OPEN / 2)
    assert bool((there[above].diff() > 0).all())
    assert there[rows < -0.12] == pytest.approx(rows[rows < -0.12], abs=1e-6)


def test_an_eye_that_stays_open_is_left_to_the_network():
    still = torch.zeros(1, 2, SIDE, SIDE)
    assert torch.equal(shut_lids(still, face(0.85 * OPEN), face(OPEN)), still)


def test_one_eye_winks_alone():
    winking = face(OPEN)
    winking.value[0, EYES[0][2]] = face(0.0).value[0, EYES[0][2]]
    moved = shut_lids(torch.zeros(1, 2, SIDE, SIDE), winking, face(OPEN))[0].norm(dim=0)
    assert moved[:, : SIDE // 2].max() > 0.9 * OPEN
    assert moved[:, SIDE // 2 :].max() == 0


def test_a_wider_eye_or_one_shut_in_the_source_is_left_alone():
    still = torch.zeros(1, 2, SIDE, SIDE)
    assert torch.equal(shut_lids(still, face(1.5 * OPEN), face(OPEN)), still)
    assert torch.isfinite(shut_lids(still, face(0.0), face(0.0))).all()


def test_a_blink_teaches_keypoints_and_network():
    network = torch.zeros(1, 2, SIDE, SIDE, requires_grad=True)
    value = face(0.1 * OPEN).value.requires_grad_()
    moved = shut_lids(network * 2, Keypoints(value), face(OPEN))
    moved[0, 1, SIDE // 2].square().sum().backward()
    assert network.grad.isfinite().all()
    assert value.grad.isfinite().all()
    assert value.grad[0, [eye[2] for eye in EYES], 1].abs().min() > 0


def squint(way, eyes=EYES):
    """The open face with lower lids that have gone up by a way."""
    keypoints = face(OPEN)
    keypoints.value[0, [eye[3] for eye in eyes], 1] -= way
    return keypoints


@pytest.mark.parametrize("done", [0.0, 0.6])
@pytest.mark.parametrize("way", [0.02, -0.015])
def test_lower_lids_go_as_far_as_their_keypoints(way, done):
    moved = torch.zeros(1, 2, SIDE, SIDE)
    moved[:, 1] = done * way
    there, rows = source_rows(follow_lower_lids(moved, squint(way), face(OPEN)), 0.2)
    edge = rows.sub(OPEN / 2 - way + 0.008).abs().argmin()
    assert there[edge] - rows[edge] == pytest.approx(way, abs=0.003)
    assert bool((there.diff() > 0).all())
    far = (rows < -OPEN) | (rows > 0.15)
    torch.testing.assert_close(there[far] - rows[far], torch.full_like(rows[far], done * way))


def test_a_lower_lid_that_trembles_is_left_to_the_network():
    still = torch.zeros(1, 2, SIDE, SIDE)
    assert follow_lower_lids(still, squint(0.0005), face(OPEN)).abs().max() < 0.0001
    assert follow_lower_lids(still, squint(0.0), face(OPEN)).abs().max() < 1e-6


def test_one_lower_lid_rises_alone():
    moved = follow_lower_lids(torch.zeros(1, 2, SIDE, SIDE), squint(0.02, EYES[:1]), face(OPEN))[0].norm(dim=0)
    assert moved[:, : SIDE // 2].max() > 0.015
    assert moved[:, SIDE // 2 :].max() < 1e-6
