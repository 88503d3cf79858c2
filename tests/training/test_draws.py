"""What a run draws at random: another batch for every step, phase and process, and the same again after a stop."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import torch
from toy_task import ToyTask

from fomm.training.loop.trainer import Trainer
from fomm.training.loop.workers import join_workers
from fomm.training.tasks.task import Outcome, Phase

CPU = torch.device("cpu")
STEPS = 3  # of each phase


class DrawingTask(ToyTask):
    """A task whose batches and losses are random numbers, which it keeps."""

    def __init__(self):
        super().__init__(STEPS)
        self.phases = (Phase("first", STEPS), Phase("second", STEPS))
        self.drawn = []

    def make_batch(self, draw):
        return torch.rand(1, generator=torch.Generator().manual_seed(draw.seed)).item()

    def losses(self, batch):
        self.drawn.append((batch, torch.rand(1).item()))
        return Outcome({"pull": (self.model.weight * batch).sum()})


def draws(folder, *lengths, **workers):
    """Train until done, stopping after these numbers of steps; return what was drawn, `[N, 2]`."""
    drawn = []
    for steps in (*lengths, None):
        task = DrawingTask()
        Trainer(task, folder, CPU, on_progress=lambda progress: None, **workers).run(steps)
        drawn += task.drawn
    return torch.tensor(drawn)


def draw_among_others(folder):
    """Draw in one of several processes; run by each of them."""
    with join_workers("cpu") as (workers, _):
        straight = draws(folder / "straight", workers=workers)
        resumed = draws(folder / "resumed", 1, 3, workers=workers)
        torch.save((straight, resumed), folder / f"rank{workers.rank}.pt")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_processes_draw_different_batches_and_each_the_same_again_after_a_stop(tmp_path, monkeypatch):
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    paths = os.pathsep.join((str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")))
    script = f"from pathlib import Path; from test_draws import *; draw_among_others(Path({str(tmp_path)!r}))"
    here = {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "RANK": "1"}
    other = subprocess.Popen([sys.executable, "-c", script], env=os.environ | shared | here)
    for name, value in {**shared, "RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    draw_among_others(tmp_path)
    assert other.wait(timeout=60) == 0
    ranks = [torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in range(2)]
    for straight, resumed in ranks:
        assert straight.shape == (2 * STEPS, 2)
        assert torch.equal(straight, resumed)
    both = torch.cat([straight for straight, _ in ranks])
    for numbers in both.T:  # batches, then what the losses drew
        assert len(numbers.unique()) == len(numbers)


def test_another_seed_draws_other_batches(tmp_path):
    drawn = []
    for seed in (0, 1):
        task = DrawingTask()
        task.loop = type(task.loop).from_mapping({**task.loop.to_mapping(), "seed": seed})
        Trainer(task, tmp_path / str(seed), CPU, on_progress=lambda progress: None).run()
        drawn += task.drawn
    assert len(set(drawn)) == 4 * STEPS
