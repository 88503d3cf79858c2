"""A task of a few numbers, so that the loop can be tested without networks or data."""

import torch
from torch import nn

from fomm.config.training.compact import CompactSettings
from fomm.config.training.loop import LoopSettings
from fomm.model.interface import AnimationModel
from fomm.training.tasks.task import Outcome, Phase, Pictures, RunIdentity


class ToyModel(AnimationModel):
    def __init__(self):
        super().__init__(CompactSettings())
        self.weight = nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))
        self.norm = nn.BatchNorm1d(1)

    def detect(self, image):
        raise NotImplementedError

    encode = animate = timed_layers = detect


class ToyTask:
    """Every process and step pulls the weights with another force; step `poison` and those after it with NaN."""

    critic = None

    def __init__(self, steps=4, poison=None, poisoned=1, **loop):
        self.model = ToyModel()
        self.loop = LoopSettings(**{"clip_norm": 0.0, "precision": "float32", "checkpoint_every": 2, **loop})
        self.phases = (Phase("toy", steps),)
        self.identity = RunIdentity("toy", str(steps))
        self.bad = range(poison, poison + poisoned) if poison is not None else ()

    def begin(self, phase):
        pass

    def optimizer(self):
        return torch.optim.SGD(self.model.parameters(), lr=0.1)

    def rate(self, step):
        return 1.0

    def make_batch(self, draw):
        return float("nan") if draw.step in self.bad else float(10 * draw.step + draw.rank)

    def losses(self, batch):
        self.model.norm(torch.tensor([[batch], [batch + 2]]))
        return Outcome({"pull": (self.model.weight * batch).sum()})

    def pictures(self, batch):
        return Pictures(*torch.rand(3, 2, 3, 8, 8))
