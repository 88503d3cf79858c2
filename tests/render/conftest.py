"""Tiny networks of both families whose every weight and statistic matters."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from fomm.config.training.compact import CompactSettings
from fomm.config.training.paper import ModelConfig
from fomm.model.compact import CompactModel
from fomm.model.interface import AnimationModel
from fomm.model.paper import build_paper_model

SIDE = 64


@pytest.fixture(params=["compact", "paper"])
def make_model(request: pytest.FixtureRequest) -> Callable[[], AnimationModel]:
    """Build the same random model again and again: preparing one for inference changes it in place."""

    def make() -> AnimationModel:
        return _randomise(_compact() if request.param == "compact" else _paper())

    return make


@pytest.fixture
def picture() -> torch.Tensor:
    """A smooth random picture `[1, 3, 64, 64]` in [0, 1]."""
    return smooth_picture(1)


def smooth_picture(seed: int, side: int = SIDE) -> torch.Tensor:
    coarse = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, size=(side, side), mode="bicubic").clamp(0, 1)


def _compact() -> AnimationModel:
    sizes = {"image_size": SIDE, "motion_side": 16, "max_width": 12, "levels": 2, "generator_blocks": 1}
    widths = {"detector_width": 6, "motion_width": 6, "generator_width": 6}
    hidden = {"hidden_margin": 0.06, "hidden_fill": True, "matte_width": 4}
    return CompactModel(CompactSettings(tied_keypoints=5, free_keypoints=1, **sizes, **widths, **hidden))


def _paper() -> AnimationModel:
    networks = {"block_expansion": 6, "max_features": 12, "num_blocks": 2}
    return build_paper_model(
        ModelConfig.from_mapping(
            {
                "common_params": {"num_kp": 4},
                "kp_detector_params": networks,
                "generator_params": {
                    "block_expansion": 6,
                    "max_features": 12,
                    "num_bottleneck_blocks": 2,
                    "dense_motion_params": networks,
                },
                "discriminator_params": {"block_expansion": 4, "max_features": 8, "num_blocks": 2},
            }
        )
    )


def _randomise(model: AnimationModel) -> AnimationModel:
    """Give every weight and running statistic a value that changes the result, without letting anything explode."""
    generator = torch.Generator().manual_seed(0)
    for name, tensor in model.state_dict().items():
        if not tensor.is_floating_point() or name.endswith("down.weight"):
            continue
        noise = torch.randn(tensor.shape, generator=generator)
        if name.endswith("running_var"):
            tensor.copy_(0.5 + noise.abs())
        elif tensor.dim() == 4:
            tensor.copy_(noise / tensor[0].numel() ** 0.5)
        elif tensor.dim() == 1:
            tensor.copy_(0.1 * noise + ("norm" in name or ".1." in name) * name.endswith("weight"))
    return model.eval()
