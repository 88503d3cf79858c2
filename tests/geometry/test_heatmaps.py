import numpy as np
import pytest
import torch

from fomm.geometry.heatmaps import gaussian_heatmap


@pytest.fixture
def corners():
    """Keypoints in the corners and one in the middle: as far from the other end as they come."""
    return torch.tensor([[[-1.0, -1.0], [1.0, 1.0], [0.1, -0.2]]])


@pytest.mark.parametrize("variance", [0.004, 0.01])
def test_no_heatmap_holds_numbers_that_processors_are_slow_with(corners, variance):
    maps = gaussian_heatmap(corners, 64, 64, variance=variance, corners=False)
    tiny = (maps != 0) & (maps.abs() < torch.finfo(torch.float32).tiny)
    assert not tiny.any()
    assert maps.max() <= 1


def test_heatmaps_are_the_papers_bumps(corners):
    maps = gaussian_heatmap(corners, 32, 48, variance=0.004, corners=True)[0].numpy()
    y, x = np.meshgrid(np.linspace(-1, 1, 32), np.linspace(-1, 1, 48), indexing="ij")
    for bump, (px, py) in zip(maps, corners[0].numpy().astype(float), strict=True):
        expected = np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * 0.004))
        assert np.allclose(bump, expected, rtol=1e-4, atol=1e-9)
