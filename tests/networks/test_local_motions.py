import pytest
import torch

from fomm.geometry.keypoints import Keypoints
from fomm.networks.compact.local_motions import CarriedMotions, blend_motions, layered, local_motions


@pytest.fixture
def two_views():
    generator = torch.Generator().manual_seed(4)
    value = 0.6 * torch.rand(2, 2, 5, 2, generator=generator) - 0.3
    jacobian = torch.eye(2) + 0.2 * torch.randn(2, 2, 5, 2, 2, generator=generator)
    return Keypoints(value[0], jacobian[0]), Keypoints(value[1], jacobian[1])


@pytest.fixture
def carried():
    module = CarriedMotions(5, 3)
    with torch.no_grad():
        module.weight.normal_(std=0.1, generator=torch.Generator().manual_seed(6))
    return module


def _apply(motion, points):
    """Map points `[B, 2]` by affine motions `[B, 6]`: offset, step in x, step in y."""
    return motion[:, :2] + motion[:, 2:4] * points[:, :1] + motion[:, 4:] * points[:, 1:]


def test_carried_motions_rest_while_the_keypoints_rest(carried, two_views):
    driving, _ = two_views
    points = torch.tensor([[0.3, 0.8], [-0.5, 0.1]])
    for motion in carried(driving, driving).unbind(1):
        torch.testing.assert_close(_apply(motion, points), points)


def test_a_larger_face_elsewhere_carries_its_shoulders_alike(carried, two_views):
    driving, source = two_views
    size, shift = 1.7, torch.tensor([0.2, -0.4])
    moved = [Keypoints(size * seen.value + shift, seen.jacobian) for seen in (driving, source)]
    points = torch.tensor([[0.3, 0.8], [-0.5, 0.1]])
    for here, there in zip(carried(driving, source).unbind(1), carried(*moved).unbind(1), strict=True):
        torch.testing.assert_close(_apply(there, size * points + shift), size * _apply(here, points) + shift)


def test_blended_motion_is_the_weighted_mean_of_each_keypoints_affine_map(two_views):
    driving, source = two_views
    logits = torch.randn(2, 6, 7, 9, generator=torch.Generator().manual_seed(8))
    flow = blend_motions(local_motions(driving, source), logits)
    x = (2 * torch.arange(9) + 1) / 9 - 1
    y = (2 * torch.arange(7) + 1) / 7 - 1
    weights = logits.softmax(1)
    for row, column in ((0, 0), (3, 5), (6, 8)):
        here = torch.tensor([x[column], y[row]])
        expected = weights[:, 0, row, column, None] * here
        for k in range(5):
            step = source.jacobian[:, k] @ torch.linalg.inv(driving.jacobian[:, k])
            carried_to = source.value[:, k] + torch.einsum("bij,bj->bi", step, here - driving.value[:, k])
            expected = expected + weights[:, k + 1, row, column, None] * carried_to
        torch.testing.assert_close(flow[:, row, column], expected, atol=1e-5, rtol=1e-4)


def _a_head_that_went_left(side):
    """Return motions and logits: the background, and a slide by a quarter of the width, left of the middle."""
    rest, slide = [0.0, 0.0, 1.0, 0.0, 0.0, 1.0], [0.5, 0.0, 1.0, 0.0, 0.0, 1.0]
    x = (2 * torch.arange(side) + 1) / side - 1
    logits = torch.stack((torch.zeros(side), -4 * x)).view(1, 2, 1, side).expand(-1, -1, side, -1)
    return torch.tensor([[rest, slide]]), logits


def test_a_soft_blend_smears_what_an_edge_keeps_apart():
    motions, logits = _a_head_that_went_left(8)
    soft, no_front = layered(motions, logits, edge=0.0, detail=1)
    assert no_front is None
    between = soft[0, 0, 0]  # of the slide by 0.5 units
    assert ((between > 0.05) & (between < 0.45)).sum() >= 4
    sharp, front = layered(motions, logits, edge=20.0, detail=1)
    torch.testing.assert_close(sharp[0, 0, 0], torch.tensor([0.5] * 4 + [0.0] * 4), atol=5e-3, rtol=0)
    torch.testing.assert_close(front[0, 0, 0], torch.tensor([1.0] * 4 + [0.0] * 4), atol=1e-2, rtol=0)
    assert not sharp[:, 1].any()


def test_an_edge_is_where_the_background_weighs_half(two_views):
    driving, source = two_views
    motions = local_motions(driving, source)
    logits = torch.randn(2, 6, 7, 9, generator=torch.Generator().manual_seed(8))
    displacement, front = layered(motions, logits, edge=3.0, detail=1)
    weights = logits.softmax(1)
    expected = (1 + (weights[:, 0] / (1 - weights[:, 0])) ** 3) ** -1
    torch.testing.assert_close(front[:, 0], expected, atol=1e-5, rtol=1e-4)
    # What moves is blended without the background: its weight does not slow it down.
    others = weights[:, 1:] / weights[:, 1:].sum(1, keepdim=True)
    for row, column in ((0, 0), (3, 5)):
        here = torch.tensor([(2 * column + 1) / 9 - 1, (2 * row + 1) / 7 - 1])
        to = torch.stack([_apply(motions[:, k], here.expand(2, 2)) for k in range(1, 6)], dim=1)
        moved = (others[:, :, row, column, None] * (to - here)).sum(1)
        torch.testing.assert_close(
            displacement[:, :, row, column], expected[:, row, column, None] * moved, atol=1e-5, rtol=1e-4
        )


def test_an_edge_is_as_steep_on_a_finer_grid():
    motions, logits = _a_head_that_went_left(8)
    soft, _ = layered(motions, logits, edge=0.0, detail=4)
    sharp, front = layered(motions, logits, edge=20.0, detail=4)
    assert soft.shape == sharp.shape == (1, 2, 32, 32)
    assert front.shape == (1, 1, 32, 32)
    between = ((sharp[0, 0, 0] > 0.05) & (sharp[0, 0, 0] < 0.45)).sum()
    assert between <= 4  # an enlarged field would have a ramp of a cell, which is four of these
    assert ((soft[0, 0, 0] > 0.05) & (soft[0, 0, 0] < 0.45)).sum() >= 16
