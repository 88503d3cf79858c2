"""The flow takes lips nearly as far as their keypoints went, and nothing far from them."""

import pytest
import torch
from torch.nn import functional as F

from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import MEAN_FACE, REGIONS, TIED_LANDMARKS
from fomm.parts.lips import follow_lips

SIDE = 128
CORNERS = [TIED_LANDMARKS.index(landmark) for landmark in (61, 291)]
LIPS = list(REGIONS["mouth"])


def face():
    return 0.4 * torch.tensor(MEAN_FACE)[None, :, :2]


def smiling(way=0.05):
    value = face()
    value[0, CORNERS] += torch.tensor([[-way, -way], [way, -way]])
    return value


def flow_at(displacement, places):
    return F.grid_sample(displacement, places[:, :, None], align_corners=False)[..., 0].transpose(1, 2)


@pytest.mark.parametrize("done", [0.0, 0.7])
def test_corners_of_a_smile_come_nearer_to_their_keypoints(done):
    """A network that went part of the way is taken most of what it lacks further, whatever size the smile has."""
    way = face() - smiling()
    moved = torch.zeros(1, 2, SIDE, SIDE)
    moved[0, :, :, :64] = (done * way[0, CORNERS[0]])[:, None, None]
    moved[0, :, :, 64:] = (done * way[0, CORNERS[1]])[:, None, None]
    lips = follow_lips(moved, Keypoints(smiling()), Keypoints(face()))
    before, after = ((way - flow_at(field, smiling()))[0, CORNERS].norm(dim=-1).mean() for field in (moved, lips))
    assert after < 0.7 * before


def test_a_network_that_knows_is_left_alone():
    there = torch.tensor([0.06, -0.03])
    still = there.view(1, 2, 1, 1).expand(1, 2, SIDE, SIDE)
    made = follow_lips(still, Keypoints(face() - there), Keypoints(face()))
    torch.testing.assert_close(made, still)


def test_all_lips_together_go_all_of_the_way_and_eyes_none():
    """What many keypoints say alike is less of a noise than what one says."""
    driving = face()
    driving[0, LIPS, 1] += 0.04
    made = follow_lips(torch.zeros(1, 2, SIDE, SIDE), Keypoints(driving), Keypoints(face()))
    lips = flow_at(made, driving)[0, LIPS]
    assert lips[:, 1].mean() == pytest.approx(-0.04, rel=0.15)
    eyes = flow_at(made, driving)[0, list(REGIONS["eyes"])]
    assert eyes.abs().max() == 0


def test_faces_of_a_batch_do_not_meet():
    both = torch.cat((smiling(), face()))
    made = follow_lips(torch.zeros(2, 2, SIDE, SIDE), Keypoints(both), Keypoints(face().expand(2, -1, -1)))
    alone = follow_lips(torch.zeros(1, 2, SIDE, SIDE), Keypoints(smiling()), Keypoints(face()))
    torch.testing.assert_close(made[:1], alone, atol=1e-5, rtol=0)
    assert made[1].abs().max() < 1e-5


def test_keypoints_and_network_learn_through_it():
    network, value = torch.zeros(1, 2, SIDE, SIDE, requires_grad=True), smiling().requires_grad_()
    follow_lips(network * 2, Keypoints(value), Keypoints(face())).square().sum().backward()
    assert network.grad.isfinite().all()
    assert value.grad.isfinite().all()
    assert value.grad[0, CORNERS].abs().min() > 0
