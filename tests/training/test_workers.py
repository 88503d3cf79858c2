import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from toy_task import ToyTask

from fomm.errors import SettingsError
from fomm.training.loop.trainer import Trainer
from fomm.training.loop.workers import Workers, choose_device, join_workers


def train_among_others(folder):
    """Train the toy task in one of several processes; run by each of them."""
    with join_workers("cpu") as (workers, device):
        task = ToyTask(steps=2, ema_decay=0.0)
        Trainer(task, folder, device, workers=workers, on_progress=lambda progress: None).run()
        torch.save(task.model.state_dict(), folder / f"rank{workers.rank}.pt")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_two_processes_learn_from_the_mean_of_both(tmp_path, monkeypatch):
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    here = {"PYTHONPATH": str(Path(__file__).parent), "OMP_NUM_THREADS": "1", "RANK": "1"}
    script = f"from pathlib import Path; from test_workers import *; train_among_others(Path({str(tmp_path)!r}))"
    other = subprocess.Popen([sys.executable, "-c", script], env=os.environ | shared | here)
    for name, value in {**shared, "RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    train_among_others(tmp_path)
    assert other.wait(timeout=60) == 0
    first, second = (torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in range(2))
    # Forces of the two steps: ranks 0 and 1 pull with 0 and 1, then with 10 and 11.
    assert torch.allclose(first["weight"], torch.tensor([-0.1, 0.9, 1.9]), atol=1e-6)
    # Batch means were 1 and 2, then 11 and 12; momentum 0.1.
    assert torch.allclose(first["norm.running_mean"], torch.tensor([0.9 * 0.15 + 1.15]))
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert (tmp_path / "state.pt").is_file()


def test_alone_averaging_changes_nothing():
    tensor = torch.tensor([1.0, 2.0])
    Workers().average_([tensor])
    assert tensor.tolist() == [1.0, 2.0]


def test_an_unknown_device_is_named():
    with pytest.raises(SettingsError, match="'abacus'"):
        choose_device("abacus")
