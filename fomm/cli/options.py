"""Command-line options generated from settings dataclasses, so a setting has one name, one default and one help text.

Fields of nested settings become options of their own. Where a name alone would be unclear (`enabled`, `window`,
`text`), the stage's name goes in front: `--smooth-window`, `--label-text`. Only options the user gave are passed on;
they override a `--settings` file, which overrides the defaults. `--help` shows the options stage by stage.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from fomm.config.settings import Settings
from fomm.config.yaml_text import parse_yaml
from fomm.errors import SettingsError

PREFIXED = ("smooth", "label")
Command = TypeVar("Command", bound=Callable[..., Any])
AnySettings = TypeVar("AnySettings", bound=Settings)


@dataclasses.dataclass(frozen=True)
class _Leaf:
    """One field as an option: whose it is, where it lives in the settings, and how it is called."""

    owner: type[Settings]
    path: tuple[str, ...]
    name: str
    kind: Any
    field: dataclasses.Field[Any]

    @property
    def flag(self) -> str:
        """The option's long form."""
        return f"--{self.name.replace('_', '-')}"


class _StageOption(click.Option):
    """An option that knows the heading it belongs under."""

    def __init__(self, *args: Any, heading: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.heading = heading


class _NumberOrWord(click.ParamType[Any]):
    """A number within its range, or a word that stands for one."""

    name = "number"

    def __init__(self, numbers: click.ParamType[Any], words: Mapping[str, Any]) -> None:
        self._numbers, self._words = numbers, words

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number; what is neither fails with the words that are known."""
        if value in self._words:
            return self._words[value]
        try:
            return self._numbers.convert(value, param, ctx)
        except click.BadParameter as error:
            known = " or ".join(repr(word) for word in self._words)
            self.fail(f"{error.message.rstrip('.')}; a number or {known} is expected.", param, ctx)


class StagedCommand(click.Command):
    """A command whose help shows settings stage by stage, each under what its settings class says of itself."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options first, then a section per stage."""
        sections: dict[str, list[tuple[str, str]]] = {"Options": []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and isinstance(param, click.Option):
                sections.setdefault(getattr(param, "heading", "Options"), []).append(record)
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records)


def settings_options(kind: type[Settings], only: Collection[str] | None = None) -> Callable[[Command], Command]:
    """Return a decorator that adds one option per field of `kind`, nested settings included.

    Args:
        kind: the settings class.
        only: names of the options that matter to the command; all of them if not given.
    """

    def decorate(command: Command) -> Command:
        for leaf in reversed(_leaves(kind)):
            if only is None or leaf.name in only:
                command = _option(leaf)(command)
        return click.option(
            "--settings",
            "settings_file",
            type=click.Path(path_type=Path),
            help="YAML file with settings; options given here override it.",
        )(command)

    return decorate


def build_settings(kind: type[AnySettings], given: Mapping[str, Any], file: Path | None) -> AnySettings:
    """Return settings from defaults, then the file, then the options that were given.

    Raises:
        SettingsError: the file is unreadable, or a key or value is wrong; the message names the file or the option.
    """
    mapping: dict[str, Any] = _read(kind, file) if file else {}
    leaves = [leaf for leaf in _leaves(kind) if given.get(leaf.name) is not None]
    for leaf in leaves:
        place = mapping
        for part in leaf.path[:-1]:
            place = place.setdefault(part, {})
        place[leaf.path[-1]] = given[leaf.name]
    try:
        return kind.from_mapping(mapping, where="the options")
    except SettingsError as error:
        message = str(error)
        for leaf in leaves:
            message = message.replace(f"{leaf.owner.__name__}.{leaf.field.name}", leaf.flag)
        raise SettingsError(message) from error


def _leaves(kind: type[Settings], path: tuple[str, ...] = ()) -> list[_Leaf]:
    hints = typing.get_type_hints(kind)
    leaves: list[_Leaf] = []
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        if isinstance(hint, type) and issubclass(hint, Settings):
            leaves += _leaves(hint, (*path, field.name))
        else:
            leaves.append(_Leaf(kind, (*path, field.name), _name((*path, field.name)), hint, field))
    return leaves


def _name(path: tuple[str, ...]) -> str:
    stage, field = path[-2] if len(path) > 1 else "", path[-1]
    if stage not in PREFIXED:
        return field
    return stage if field == "enabled" else f"{stage}_{field}"


def _option(leaf: _Leaf) -> Callable[[Command], Command]:
    metadata = leaf.field.metadata
    inner = _without_none(leaf.kind)
    text = metadata["help"]
    flag, default = leaf.flag, leaf.field.default
    kind: Any = inner
    metavar = None
    if inner is bool:
        flag, kind, default = f"{flag}/--no-{leaf.flag[2:]}", None, "on" if default else "off"
    elif metadata["choices"]:
        kind = click.Choice(metadata["choices"])
    elif typing.get_origin(inner) is tuple:
        count = len(typing.get_args(inner))
        kind, metavar = _whole_numbers(count), ",".join("N" * count)
    elif inner in (int, float):
        numbers = click.IntRange if inner is int else click.FloatRange
        kind, metavar = numbers(metadata["low"], metadata["high"]), "NUMBER"
        if words := metadata.get("words"):
            kind, metavar = _NumberOrWord(kind, words), "|".join(("NUMBER", *words))
    if default is not None and default != "":
        text = f"{text}  [default: {default}]"
    return click.option(
        flag, leaf.name, cls=_StageOption, heading=_heading(leaf), type=kind, default=None, help=text, metavar=metavar
    )


def _heading(leaf: _Leaf) -> str:
    """Return the first sentence of the stage's own description; the command's own fields stand with its options."""
    if len(leaf.path) == 1:
        return "Options"
    return (leaf.owner.__doc__ or "").strip().splitlines()[0].rstrip(".")


def _without_none(hint: Any) -> Any:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return next(inner for inner in typing.get_args(hint) if inner is not type(None))
    return hint


def _whole_numbers(count: int) -> Callable[[str], tuple[int, ...]]:
    """Return a parser of whole numbers separated by commas, such as `x,y,width,height`."""

    def parse(text: str) -> tuple[int, ...]:
        try:
            numbers = tuple(int(part) for part in text.split(","))
        except ValueError:
            numbers = ()
        if len(numbers) != count:
            raise click.BadParameter(f"{text!r} is not {count} whole numbers separated by commas.")
        return numbers

    return parse


def _read(kind: type[Settings], file: Path) -> dict[str, Any]:
    """Read a settings file and check it by itself, so that what is wrong in it is told as its own fault."""
    try:
        text = file.read_bytes()
    except OSError as error:
        raise SettingsError(f"Cannot read the settings file {file}: {error.strerror}.") from error
    content = parse_yaml(text, f"The settings file {file}")
    if content is not None and not isinstance(content, dict):
        raise SettingsError(f"The settings file {file} must hold keys and values.")
    try:
        kind.from_mapping(content or {}, where="it")
    except SettingsError as error:
        raise SettingsError(f"The settings file {file} is wrong: {error}") from error
    return content or {}
