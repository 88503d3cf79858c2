import pytest
import torch
from tiny_models import randomise, tiny_mapping

from fomm.config.training.paper import ModelConfig
from fomm.model.paper import build_paper_model


@pytest.fixture(params=[False, True], ids=["jacobian-map-each", "one-jacobian-map"])
def tiny_config(request):
    return ModelConfig.from_mapping(tiny_mapping(single_jacobian_map=request.param))


@pytest.fixture
def paper_model(tiny_config):
    return randomise(build_paper_model(tiny_config))


@pytest.fixture
def two_images():
    """A source and a driving batch of two, not square, of a size with 12x9 heatmaps after the unpadded heads."""
    generator = torch.Generator().manual_seed(5)
    return torch.rand(2, 2, 3, 64, 80, generator=generator)
