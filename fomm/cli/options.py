"""Command-line options generated from settings dataclasses, so a setting has one name, one default and one help text.

Fields of nested settings become options of their own. Where a name alone would be unclear (`enabled`, `window`,
`text`), the stage's name goes in front: `--smooth-window`, `--label-text`. Only options the user gave are passed on;
they override a `--settings` file, which overrides the defaults.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
import yaml

from fomm.errors import SettingsError
from fomm.settings import Settings

PREFIXED = ("smooth", "label")
Command = TypeVar("Command", bound=Callable[..., Any])
AnySettings = TypeVar("AnySettings", bound=Settings)


@dataclasses.dataclass(frozen=True)
class _Leaf:
    """One field as an option: where it lives in the settings, and how it is called."""

    path: tuple[str, ...]
    name: str
    kind: Any
    field: dataclasses.Field[Any]


def settings_options(kind: type[Settings]) -> Callable[[Command], Command]:
    """Return a decorator that adds one option per field of `kind`, nested settings included."""

    def decorate(command: Command) -> Command:
        for leaf in reversed(_leaves(kind)):
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
        SettingsError: the file is unreadable, or a key or value is wrong.
    """
    mapping: dict[str, Any] = _read(file) if file else {}
    for leaf in _leaves(kind):
        value = given.get(leaf.name)
        if value is None:
            continue
        place = mapping
        for part in leaf.path[:-1]:
            place = place.setdefault(part, {})
        place[leaf.path[-1]] = value
    return kind.from_mapping(mapping, where=str(file) if file else "the options")


def _leaves(kind: type[Settings], path: tuple[str, ...] = ()) -> list[_Leaf]:
    hints = typing.get_type_hints(kind)
    leaves: list[_Leaf] = []
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        if isinstance(hint, type) and issubclass(hint, Settings):
            leaves += _leaves(hint, (*path, field.name))
        else:
            leaves.append(_Leaf((*path, field.name), _name((*path, field.name)), hint, field))
    return leaves


def _name(path: tuple[str, ...]) -> str:
    stage, field = path[-2] if len(path) > 1 else "", path[-1]
    if stage not in PREFIXED:
        return field
    return stage if field == "enabled" else f"{stage}_{field}"


def _option(leaf: _Leaf) -> Callable[[Command], Command]:
    flag = leaf.name.replace("_", "-")
    metadata = leaf.field.metadata
    inner = _without_none(leaf.kind)
    text = metadata["help"]
    if inner is bool:
        shown = "on" if leaf.field.default else "off"
        return click.option(f"--{flag}/--no-{flag}", leaf.name, default=None, help=f"{text}  [default: {shown}]")
    if leaf.field.default is not None and leaf.field.default != "":
        text = f"{text}  [default: {leaf.field.default}]"
    kind: Any = click.Choice(metadata["choices"]) if metadata["choices"] else inner
    if typing.get_origin(inner) is tuple:
        kind = _IntegerList(len(typing.get_args(inner)))
    return click.option(f"--{flag}", leaf.name, type=kind, default=None, help=text)


def _without_none(hint: Any) -> Any:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return next(inner for inner in typing.get_args(hint) if inner is not type(None))
    return hint


class _IntegerList(click.ParamType[tuple[int, ...]]):
    """Whole numbers separated by commas, such as `x,y,width,height`."""

    name = "numbers"

    def __init__(self, count: int) -> None:
        self._count = count

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(int(part) for part in str(value).split(","))
        except ValueError:
            numbers = ()
        if len(numbers) != self._count:
            self.fail(f"{value!r} is not {self._count} whole numbers separated by commas.", param, ctx)
        return numbers


def _read(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"Cannot read the settings file {file}: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"The settings file {file} is not valid YAML: {' '.join(str(error).split())}.") from error
    if content is not None and not isinstance(content, dict):
        raise SettingsError(f"The settings file {file} must hold keys and values.")
    return content or {}
