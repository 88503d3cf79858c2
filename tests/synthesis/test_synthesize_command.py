"""`fomm synthesize` as a user runs it: refusals in one sentence, and a run that is ended from outside."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from fomm.cli.commands.synthesize import synthesize
from fomm.errors import MediaError, SettingsError

PATIENCE = 120.0


@pytest.fixture(autouse=True)
def _home(toys, monkeypatch):
    monkeypatch.setenv("FOMM_HOME", str(toys.ledger.keys.directory))


def _refused(arguments, error):
    result = CliRunner().invoke(synthesize, [str(argument) for argument in arguments])
    assert isinstance(result.exception, error), result
    return str(result.exception)


def test_a_missing_folder_is_refused(tmp_path):
    assert "nowhere" in _refused([tmp_path / "nowhere", "-o", tmp_path / "clips"], MediaError)
    assert not (tmp_path / "clips").exists()


def test_missing_units_are_refused_with_the_option_that_names_them(tmp_path, toys, opengl):
    wrong = ["--units", tmp_path / "no.npz", "--processes", 1, "--train-pairs", 1, "--test-pairs", 0]
    assert "--units" in _refused([toys.portraits, "-o", tmp_path / "clips", *wrong], MediaError)


def test_the_option_that_claimed_an_origin_is_answered(tmp_path, toys):
    said = _refused([toys.portraits, "-o", tmp_path / "clips", "--origin", "nobody, I swear"], SettingsError)
    assert "fomm consent grant" in said
    assert not (tmp_path / "clips").exists()


def _runs(group):
    """Tell whether a process of this group still works."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in "ZX":
                return True
    return False


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "kill"])
def test_an_ended_run_leaves_whole_pairs_and_no_process(number, code, tmp_path, toys, opengl):
    output = tmp_path / "clips"
    command = [sys.executable, "-c", "from fomm.cli import main; main()", "synthesize", str(toys.portraits)]
    command += ["-o", str(output), "--train-pairs", "300", "--test-pairs", "0", "--frames", "4", "--processes", "1"]
    run = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    end = time.monotonic() + PATIENCE
    while not list(output.glob("train/*.npz")):
        assert time.monotonic() < end, "no clip was drawn"
        assert run.poll() is None, run.stderr.read()
        time.sleep(0.05)
    os.kill(run.pid, number)
    said = run.communicate(timeout=PATIENCE)[1]
    assert run.returncode == code
    assert "no unfinished file" in said.splitlines()[-1]
    while _runs(run.pid):  # the drawing process and its encoder end, too
        assert time.monotonic() < end, "a process was left behind"
        time.sleep(0.05)
    assert not list(output.rglob("*.partial*"))
    for name in json.loads((output / "index.json").read_text()):
        assert (output / "train" / f"{name}.mp4").stat().st_size > 0
        assert (output / "train" / f"{name}.npz").stat().st_size > 0
