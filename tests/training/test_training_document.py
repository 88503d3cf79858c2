"""docs/training.md: every command in it is one that the installed program understands."""

import re
import shlex
from pathlib import Path

import click
import pytest

from fomm.cli.main import commands
from fomm.weights.locations import config_names

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "training.md"
pytestmark = pytest.mark.skipif(not DOCUMENT.is_file(), reason="the documents are not part of an installed package")


def lines():
    blocks = re.findall(r"^```sh\n(.*?)^```", DOCUMENT.read_text() if DOCUMENT.is_file() else "", re.S | re.M)
    return [line for block in blocks for line in block.splitlines()]


def parse(words):
    """Parse a `fomm` command as the program would, without running it; return the command's own parameters."""
    command, context = commands, None
    while isinstance(command, click.Group):
        name, *words = words
        command = command.get_command(context, name)
        assert command is not None, name
    return command.make_context(name, words).params


@pytest.mark.parametrize("line", [line for line in lines() if "fomm " in line])
def test_fomm_understands_the_command(line):
    words = shlex.split(line)
    words = words[words.index("fomm") + 1 :]
    params = parse(words)
    if words[0] == "train":
        assert params["config"] in config_names()


@pytest.mark.parametrize("line", [line for line in lines() if line.startswith("python ")])
def test_scripts_exist_and_know_their_options(line, monkeypatch, capsys):
    _, script, *options = shlex.split(line)
    text = (ROOT / script).read_text()
    for option in options:
        if option.startswith("--"):
            assert f'"{option}"' in text


def test_the_kinds_of_command_are_all_there():
    told = "\n".join(lines())
    for command in ("synthesize", "train", "finetune", "consent grant", "evaluate", "animate"):
        assert f"fomm {command}" in told
    assert "torchrun" in told
    assert "--tensorboard" in told


@pytest.mark.parametrize("line", ["fomm train compact-256", "fomm train compact-256 clips -o x --epochs 3"])
def test_the_check_finds_a_wrong_command(line):
    with pytest.raises(click.UsageError):
        parse(shlex.split(line)[1:])
