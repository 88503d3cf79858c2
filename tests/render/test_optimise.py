"""Preparing a model for inference must not change what it computes."""

import pytest
import torch
from torch import nn

from fomm.render.optimise import prepare


@torch.inference_mode()
def animate(model, picture, driving):
    source, moved = model.detect(picture), model.detect(driving)
    return moved, model.animate(model.encode(picture), moved, source)


def test_prepared_model_computes_the_same(make_model, picture):
    driving = picture.flip(3).roll(5, dims=2)
    wanted_points, wanted = animate(make_model(), picture, driving)
    points, made = animate(prepare(make_model(), torch.float32), picture, driving)
    torch.testing.assert_close(points.value, wanted_points.value, atol=1e-4, rtol=0)
    torch.testing.assert_close(points.jacobian, wanted_points.jacobian, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(made.motion.displacement(), wanted.motion.displacement(), atol=1e-4, rtol=0)
    torch.testing.assert_close(made.image, wanted.image, atol=1e-4, rtol=0)
    torch.testing.assert_close(made.visible, wanted.visible, atol=1e-4, rtol=0)
    assert float(wanted.image.std()) > 0.01  # a flat grey frame would compare equal to anything


def test_norms_after_convolutions_disappear(make_model):
    before = sum(isinstance(module, nn.BatchNorm2d) for module in make_model().modules())
    model = prepare(make_model(), torch.float32)
    left = [name for name, module in model.named_modules() if isinstance(module, nn.BatchNorm2d)]
    # Only the paper's pre-activation norms, which no convolution precedes, may stay.
    assert len(left) < before / 4
    assert all("bottleneck" in name for name in left)


@pytest.mark.parametrize("dtype", [torch.bfloat16])
def test_convolutions_are_cast_once_and_nothing_else(make_model, dtype):
    model = prepare(make_model(), dtype)
    weights = {name: p.dtype for name, p in model.named_parameters() if p.dim() == 4}
    assert weights
    assert set(weights.values()) == {dtype}
    assert all(not p.requires_grad for p in model.parameters())
    assert not model.training
