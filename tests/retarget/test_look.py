"""Keypoints on the irises go where the gaze says, along the eye's own axes; all others stay."""

import math

import pytest
import torch

from fomm.geometry.anatomy import Anatomy
from fomm.geometry.landmarks import EYES
from fomm.retarget.gaze import REACH, look

ANATOMY = Anatomy.of_tied(42)


def face(angle=0.0):
    """Keypoints `[1, 42, 2]` with eyes 0.2 wide, in a face tilted by `angle`."""
    value = torch.zeros(1, 42, 2)
    for (outer, inner, upper, lower), side in zip(EYES, (-1, 1), strict=True):
        value[0, outer], value[0, inner] = torch.tensor([[0.3 * side, 0.0], [0.1 * side, 0.0]])
        value[0, upper], value[0, lower] = torch.tensor([[0.2 * side, -0.04], [0.2 * side, 0.04]])
    value[0, list(ANATOMY.irises)] = torch.tensor([[-0.2, 0.0], [0.2, 0.0]])
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return value @ turn.T, turn


@pytest.mark.parametrize("angle", [0.0, 0.4, -0.3])
@pytest.mark.parametrize("gaze", [(1.0, 0.0), (-0.5, 0.0), (0.0, 1.0), (0.3, -0.6)])
def test_both_irises_go_the_same_way(angle, gaze):
    value, turn = face(angle)
    step = look(value, ANATOMY, gaze) - value
    expected = turn @ torch.tensor([0.1 * REACH[0] * gaze[0], -0.1 * REACH[1] * gaze[1]])
    torch.testing.assert_close(step[0, list(ANATOMY.irises)], expected.expand(2, 2))
    others = [place for place in range(42) if place not in ANATOMY.irises]
    assert not step[0, others].any()


def test_a_model_without_irises_has_no_gaze():
    value, _ = face()
    anatomy = Anatomy.of_tied(40)
    assert not anatomy.irises
    assert torch.equal(look(value[:, :40], anatomy, (1.0, 1.0)), value[:, :40])
