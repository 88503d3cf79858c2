"""Options that people bring from other projects are answered, with words and examples that hold."""

import re
import shlex
from pathlib import Path

import click
import pytest

from fomm.cli.foreign import LIVE_PORTRAIT, PAPER, markdown
from fomm.cli.main import commands
from fomm.cli.options import build_settings
from fomm.config.animate import AnimateSettings

ENTRIES = [*PAPER, *LIVE_PORTRAIT]
NAMES = [name for entry in ENTRIES for name in entry.names]
OURS = {"--audio", "--mode", "-o"}  # mean something else here, so only the document tells about them
PLACES = {"MODEL": "compact-256", "CONFIG": "compact-256"}


def command_named(name):
    return commands.get_command(click.Context(commands), name)


def options_of(command):
    return {
        name
        for param in command.get_params(click.Context(command))
        if isinstance(param, click.Option)
        for name in (*param.opts, *param.secondary_opts)
    }


@pytest.mark.parametrize("name", [name for name in NAMES if name not in OURS])
@pytest.mark.parametrize("value", [[], ["1"]], ids=["bare", "with a value"])
def test_a_foreign_option_is_answered_with_ours(fomm, name, value):
    (entry,) = [entry for entry in ENTRIES if name in entry.names]
    fomm("animate", "a.png", "b.mp4", name, *value, "-o", "out.mp4").refused(2, name, entry.answer)


@pytest.mark.parametrize(
    "typed", ["--source-image", "--source_image=a.png", "--no-flag-stitching", "--no-flag_stitching", "--best-frame=3"]
)
def test_dashes_values_and_no_forms_make_no_difference(fomm, typed):
    fomm("animate", typed, "a.png").refused(2, "fomm animate PHOTO DRIVING")


def test_they_are_known_of_other_commands_too_but_not_where_they_mean_nothing(fomm):
    fomm("--config", "x.yaml").refused(2, "fomm train CONFIG")
    fomm("track", "a.mp4", "--cpu").refused(2, "--device cpu")
    assert "--device" not in fomm("verify", "a.mp4", "--cpu").err
    assert "fomm animate" not in fomm("verify", "-s", "a.mp4").err


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.names[0])
def test_an_answer_names_only_what_there_is(entry):
    example_command = entry.example.split()[1] if entry.example else "animate"
    current = example_command  # an option before any command belongs to the example's
    for name, option in re.findall(r"fomm ([a-z]+)|(?<![\w-])(--?[a-z][a-z-]*)", f"{entry.answer}. {entry.example}"):
        if name:
            current = name
            assert name in commands.list_commands(None)
        else:
            assert option in options_of(command_named(current)), option


@pytest.mark.parametrize("entry", [entry for entry in ENTRIES if entry.example], ids=lambda entry: entry.names[0])
def test_an_example_is_understood_as_it_stands(entry):
    program, name, *rest = [PLACES.get(word, word) for word in shlex.split(entry.example)]
    assert program == "fomm"
    command = command_named(name)
    if isinstance(command, click.Group):
        command, rest = command.get_command(click.Context(command), rest[0]), rest[1:]
    with command.make_context(name, rest) as context:
        if name == "animate":
            build_settings(AnimateSettings, context.params, context.params["settings_file"])


def test_examples_set_what_their_answers_say():
    def settings(example):
        words = shlex.split(example)[2:]
        with command_named("animate").make_context("animate", words) as context:
            return build_settings(AnimateSettings, context.params, None)

    by_name = {name: entry.example for entry in ENTRIES for name in entry.names}
    assert settings(by_name["--cpu"]).render.device == "cpu"
    assert settings(by_name["--best_frame"]).transfer.reference == "0"
    assert settings(by_name["--driving_multiplier"]).transfer.strength == 1.2
    assert settings(by_name["--animation_region"]).transfer.head == 0
    # What is said to be the default is the default.
    for name in (
        "--relative",
        "--adapt_scale",
        "--find_best_frame",
        "--flag_eye_retargeting",
        "--flag_lip_retargeting",
    ):
        assert settings(by_name[name]) == AnimateSettings()
    assert settings(by_name["--flag_stitching"]) == AnimateSettings()


def test_the_document_shows_the_same_tables():
    text = (Path(__file__).parents[2] / "docs" / "migrating.md").read_text(encoding="utf-8")
    for table in (PAPER, LIVE_PORTRAIT):
        assert markdown(table) in text
