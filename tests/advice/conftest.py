"""The command line run in the test's process, each test with a ledger of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from tried import TERMS

from fomm.cli.main import commands, main
from fomm.config.animate import AnimateSettings
from fomm.tasks.animate import Pipeline
from fomm.trust.consent.ledger import Ledger

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for ledger and keys, named by FOMM_HOME."""
    monkeypatch.setenv("FOMM_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `fomm` with these arguments and return the exit code and all it said."""

    def call(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["fomm", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        shown = capsys.readouterr()
        return int(stop.value.code or 0), shown.out + shown.err

    return call


@pytest.fixture
def consented(home: Path, portrait_photo: Path) -> Path:
    """The portrait, with a consent in the test's ledger."""
    Ledger(home).grant(portrait_photo.read_bytes(), TERMS, name=portrait_photo.name)
    return portrait_photo


@pytest.fixture(scope="session")
def motion(tiny_checkpoint: Path, talk: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The motion of `talk`, read once for all tests."""
    path = tmp_path_factory.mktemp("motion") / "talk.safetensors"
    folder = tmp_path_factory.mktemp("nobody")
    Pipeline(str(tiny_checkpoint), ledger=Ledger(folder)).track(talk, AnimateSettings(max_seconds=0.2)).save(path)
    return path


@pytest.fixture
def animate(run: Run, consented: Path, motion: Path, tiny_checkpoint: Path) -> Run:
    """Run `fomm animate` on the consented portrait for a few frames, `animate(output, *options)`."""

    def call(output: Path, *options: object, driving: Path = motion, small: bool = True) -> tuple[int, str]:
        quick = ["--model", tiny_checkpoint, "--preset", "ultrafast", "--max-seconds", "0.1"]
        return run("animate", consented, driving, "-o", output, *quick, *(["--crop-only"] if small else []), *options)

    return call


@pytest.fixture
def parses() -> Callable[[list[str]], bool]:
    """Say whether a command line, where running it would need too much, is at least one that `fomm` reads."""

    def check(arguments: list[str]) -> bool:
        context, command = click.Context(commands), commands
        while isinstance(command, click.Group):
            command = command.get_command(context, arguments.pop(0))
        assert command is not None
        command.make_context("fomm", arguments)
        return True

    return check
