import subprocess
import sys

import pytest
import torch
from torch import nn

from fomm.weights.compare import mismatch, shapes_of, shapes_when_built


class Odd(nn.Module):
    """Has values that are drawn, repeated and filled."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn = nn.Parameter(torch.empty(2, 3))
        nn.init.normal_(self.drawn, std=0.1)
        self.drawn.data.normal_()
        self.register_buffer("rows", torch.eye(2).flatten().repeat(5))
        self.register_buffer("planes", torch.ones(2, 3).repeat(4, 1, 2))
        self.layer = nn.Conv2d(3, 4, 3)
        nn.init.zeros_(self.layer.weight)


@pytest.mark.parametrize("build", [Odd, "small_model"])
def test_shapes_are_those_of_the_built_module(build, request):
    model = request.getfixturevalue(build) if isinstance(build, str) else build()
    make = build if callable(build) else lambda: type(model)(model.config)
    assert shapes_when_built(make) == shapes_of(model)
    assert mismatch(shapes_when_built(make), shapes_of(model)) is None


def test_enormous_modules_take_no_memory():
    assert shapes_when_built(lambda: nn.Linear(10**6, 10**6))["weight"] == (10**6, 10**6)


def test_loading_a_model_does_not_load_the_compiler(tiny_checkpoint):
    """It is a second of processor time of every start, for nothing."""
    code = (
        "import sys; from fomm.weights.loading import load_model; load_model(sys.argv[1]); "
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tiny_checkpoint)], check=False).returncode == 0
