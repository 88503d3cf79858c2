import torch

from fomm.config.training.paper import TransformParams
from fomm.geometry.keypoints import Keypoints
from fomm.training.losses.equivariance import Deformation, equivariance_losses

STRONG = TransformParams(sigma_affine=0.2, sigma_tps=0.05, points_tps=4)


def random_deformation(params=STRONG):
    torch.manual_seed(5)
    return Deformation.random(2, params, torch.device("cpu"))


def test_jacobian_is_the_derivative_of_the_map():
    deformation = random_deformation()
    points = torch.rand(2, 3, 2) * 1.6 - 0.8
    whole = torch.autograd.functional.jacobian(deformation.map, points)  # [B, N, 2, B, N, 2]
    expected = torch.stack([torch.stack([whole[b, n, :, b, n] for n in range(3)]) for b in range(2)])
    assert torch.allclose(deformation.jacobian(points), expected, atol=1e-5)


def test_keypoints_that_follow_a_deformation_cost_nothing():
    deformation = random_deformation()
    changed = Keypoints(torch.rand(2, 3, 2) - 0.5, torch.eye(2).expand(2, 3, 2, 2) + 0.1)
    found = Keypoints(deformation.map(changed.value), deformation.jacobian(changed.value) @ changed.jacobian)
    losses = equivariance_losses(found, changed, deformation)
    assert losses["equivariance_value"] < 1e-6
    assert losses["equivariance_jacobian"] < 1e-5
    stuck = equivariance_losses(changed, changed, deformation)
    assert stuck["equivariance_value"] > 0.02
    assert stuck["equivariance_jacobian"] > 0.02


def test_without_jacobians_only_positions_count():
    points = Keypoints(torch.zeros(2, 3, 2))
    assert list(equivariance_losses(points, points, random_deformation())) == ["equivariance_value"]


def test_a_picture_moves_as_the_map_says():
    # The picture's red channel is its own x, so after the deformation it reads where pixels came from.
    deformation = random_deformation(TransformParams(sigma_affine=0.05, sigma_tps=None, points_tps=None))
    x = torch.linspace(-1, 1, 33).expand(33, 33)
    ramp = torch.stack((x, x.T, torch.zeros(33, 33))).expand(2, 3, 33, 33)
    moved = deformation.apply(ramp, corners=True)
    centre = deformation.map(torch.zeros(2, 1, 2))[:, 0]
    assert torch.allclose(moved[:, :2, 16, 16], centre, atol=1e-4)
