import pytest
import torch

from fomm.config.training.paper import ModelConfig
from fomm.model.paper import build_paper_model
from fomm.networks.paper.discriminator import MultiScaleDiscriminator


@pytest.fixture
def small_config():
    return ModelConfig.from_mapping(
        {
            "common_params": {"num_kp": 2},
            "kp_detector_params": {"block_expansion": 2, "max_features": 4, "num_blocks": 2},
            "generator_params": {
                "block_expansion": 2,
                "max_features": 4,
                "num_bottleneck_blocks": 1,
                "dense_motion_params": {"block_expansion": 2, "max_features": 4, "num_blocks": 2},
            },
            "discriminator_params": {"block_expansion": 2, "max_features": 4, "num_blocks": 2},
        }
    )


@pytest.fixture
def small_model(small_config):
    torch.manual_seed(3)
    return build_paper_model(small_config).eval()


@pytest.fixture
def published(small_model, small_config):
    """The dict a published checkpoint of the small model would hold."""
    discriminator = MultiScaleDiscriminator(small_config.common_params, small_config.discriminator_params)
    return {
        "epoch": 99,
        "kp_detector": small_model.detector.state_dict(),
        "generator": small_model.generator.state_dict(),
        "discriminator": discriminator.state_dict(),
        "optimizer_generator": torch.optim.Adam(small_model.parameters()).state_dict(),
    }


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """An empty folder that stands for the shipped checkpoints."""
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    monkeypatch.setattr("fomm.weights.registry.checkpoints_folder", lambda: folder)
    return folder
