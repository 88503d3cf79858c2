"""No piece of advice without a test that follows it; and what a message names at least exists."""

from __future__ import annotations

import re
import runpy
import tomllib
from importlib import import_module
from pathlib import Path

import click
import pytest
from inventory import messages
from tried import TRIED

from fomm.cli import foreign
from fomm.cli.main import commands

for path in sorted(Path(__file__).parent.glob("test_*_advice.py")):
    import_module(path.stem)  # fills TRIED

MESSAGES = messages()


def walk(command=commands, path=()):
    """Yield every command with the words that call it."""
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            yield from walk(command.get_command(click.Context(command), name), (*path, name))
        return
    yield path, command


COMMANDS = dict(walk())


def named(sentence):
    """Return the texts a test's sentence names: the one it is, or else those it is a part of."""
    texts = {message.text for message in MESSAGES}
    return {sentence} & texts or {text for text in texts if sentence in text}


def test_every_piece_of_advice_is_tried():
    tried = set().union(*(named(sentence) for sentence in TRIED))
    missing = [f"{message.place}: {message.text}" for message in MESSAGES if message.text not in tried]
    assert not missing, "Provoke these, follow what they say, and mark the test with @tries:\n" + "\n".join(missing)


@pytest.mark.parametrize("sentence", sorted(TRIED))
def test_every_sentence_names_one_message(sentence):
    assert len(named(sentence)) == 1


def test_the_inventory_sees_what_it_should(tmp_path, monkeypatch):
    bad = {
        "a.py": 'raise OutputError(f"{path} is taken; use --new-name.")',
        "b.py": 'warnings.warn("Nothing is here; see: fomm consent list", FommWarning)',
        "c.py": 'raise SettingsError("No matte; set model.matte_width.")',
        "d.py": 'ADVICE = "end its name in .mp4 or .mov"',
    }
    for name, text in {**bad, "e.py": '"""fomm animate --force."""\nraise MediaError("It is empty.")'}.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr("inventory.PACKAGE", tmp_path)
    assert [Path(message.place.split(":")[0]).name for message in messages()] == list(bad)


def test_answers_to_other_projects_options_are_left_to_the_test_that_follows_each():
    followed = runpy.run_path(str(Path(__file__).parents[1] / "cli" / "test_foreign.py"))["ENTRIES"]
    assert set(followed) == {*foreign.PAPER, *foreign.LIVE_PORTRAIT}
    assert not [message for message in MESSAGES if message.place.startswith("fomm/cli/foreign.py")]


def test_an_answer_outside_those_tables_is_not_left_out(tmp_path, monkeypatch):
    (tmp_path / "cli").mkdir()
    table = Path(foreign.__file__).read_text() + '_of("--old", "It is called --mode", f"{_ANIMATE} --mode absolute")\n'
    (tmp_path / "cli" / "foreign.py").write_text(table)
    monkeypatch.setattr("inventory.PACKAGE", tmp_path)
    assert [message.text for message in messages()] == ["It is called --mode", "{_ANIMATE} --mode absolute"]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.place)
def test_what_a_message_names_exists(message):
    known = {option for command in COMMANDS.values() for param in command.params for option in param.opts}
    known |= {"--help", "--no-deps"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", message.text)) <= known
    for first, second in re.findall(r"fomm ([a-z]+)(?: ([a-z-]+))?", message.text):
        if any(path[0] == first for path in COMMANDS):
            nested = any(path[0] == first and len(path) > 1 for path in COMMANDS)
            assert not nested or (first, second) in COMMANDS


def test_extras_named_in_messages_exist():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    extras = {name for message in MESSAGES for name in re.findall(r"fomm\[(\w+)\]", message.text)}
    assert extras
    assert extras <= set(project["optional-dependencies"])


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_examples_in_the_help_are_read(path):
    for line in (COMMANDS[path].epilog or "").replace("\\\n", " ").splitlines():
        words = line.replace('"', "").split()
        if words[:1] == ["fomm"]:
            called = next(name for name in COMMANDS if tuple(words[1 : 1 + len(name)]) == name)
            COMMANDS[called].make_context("fomm", words[1 + len(called) :])
