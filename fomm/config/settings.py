"""Settings that validate at the door: frozen dataclasses with a range, a choice list and a help text per field.

A setting has one name, one default and one help text; the command line, the studio, YAML files, job records and
manifests are all generated from or checked against these dataclasses.

Example:
    >>> @dataclass(frozen=True)
    ... class Blur(Settings):
    ...     radius: float = option(1.0, "Blur radius in pixels.", low=0.0, high=50.0)
    >>> Blur(radius=2).to_mapping()
    {'radius': 2.0}
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import math
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from fomm.errors import SettingsError


def option(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[str] | None = None,
    words: Mapping[str, Any] | None = None,
) -> Any:
    """Declare a settings field with its default, its one-sentence help and its allowed values (bounds inclusive).

    `words` are names that may be given in place of values, such as `{"original": 0}`; what they stand for is allowed
    whatever the bounds are.
    """
    metadata: dict[str, Any] = {"help": help, "low": low, "high": high, "words": dict(words or {})}
    metadata["choices"] = tuple(choices) if choices else None
    if isinstance(default, (list, dict)):
        return dataclasses.field(default_factory=lambda: type(default)(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """Base of every settings dataclass: validated when built, comparable, serialised as is."""

    def __post_init__(self) -> None:
        hints = typing.get_type_hints(type(self))
        for field in dataclasses.fields(self):
            value = named_value(field, getattr(self, field.name))
            value = _coerce(f"{type(self).__name__}.{field.name}", value, hints[field.name])
            _check_range(f"{type(self).__name__}.{field.name}", value, field.metadata)
            object.__setattr__(self, field.name, value)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], where: str = "settings") -> Self:
        """Build from a plain mapping (YAML, JSON, CLI), naming the first unknown key and its nearest known one.

        Raises:
            SettingsError: an unknown key, a wrong type or a value out of range.
        """
        if not isinstance(mapping, Mapping):
            raise SettingsError(f"{where} must be a mapping of keys to values, not {type(mapping).__name__}.")
        known = {field.name for field in dataclasses.fields(cls)}
        for key in mapping:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, n=1)
                hint = f"did you mean '{near[0]}'?" if near else f"known keys: {', '.join(sorted(known))}."
                raise SettingsError(f"Unknown key '{key}' in {where}; {hint}")
        missing = [f.name for f in dataclasses.fields(cls) if _is_required(f) and f.name not in mapping]
        if missing:
            raise SettingsError(f"Missing key '{missing[0]}' in {where}.")
        return cls(**mapping)

    def to_mapping(self) -> dict[str, Any]:
        """Return plain lists, dicts, numbers and strings, ready for JSON or YAML."""
        return typing.cast("dict[str, Any]", json.loads(json.dumps(dataclasses.asdict(self), default=str)))

    def digest(self) -> str:
        """Return a SHA-256 hex digest of the canonical JSON form, equal for equal settings."""
        canonical = json.dumps(self.to_mapping(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def named_value(field: dataclasses.Field[Any], value: Any) -> Any:
    """Return what a word given for a field stands for; any other value as it is."""
    words = field.metadata.get("words") or {}
    return words.get(value, value) if isinstance(value, str) else value


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _coerce(name: str, value: Any, hint: Any) -> Any:  # noqa: PLR0911 - one return per kind of annotation
    """Return `value` as the annotated type, or raise a SettingsError that names the key."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _coerce_union(name, value, typing.get_args(hint))
    if origin is tuple:
        return _coerce_tuple(name, value, typing.get_args(hint))
    if origin is not None:
        return value
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if isinstance(value, Mapping) and issubclass(hint, Settings):
            return hint.from_mapping(value, name)
        if not isinstance(value, hint):
            raise SettingsError(f"{name} must be a mapping, not {value!r}.")
        return value
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:  # a whole number of hundreds of digits
            number = math.inf
        if not math.isfinite(number):
            raise SettingsError(f"{name} must be a finite number, not {value!r:.40}.")
        return number
    if hint is str and isinstance(value, Path):
        return str(value)  # such as the path of a model
    if hint is int and isinstance(value, bool):
        raise SettingsError(f"{name} must be a whole number, not {value!r}.")
    if isinstance(hint, type) and not isinstance(value, hint):
        raise SettingsError(f"{name} must be {_plain_name(hint)}, not {value!r}.")
    return value


def _coerce_union(name: str, value: Any, options: tuple[Any, ...]) -> Any:
    if value is None and type(None) in options:
        return None
    failure: SettingsError | None = None
    for hint in options:
        if hint is type(None):
            continue
        try:
            return _coerce(name, value, hint)
        except SettingsError as error:
            failure = error
    raise failure or SettingsError(f"{name} has an unsupported value {value!r}.")


def _coerce_tuple(name: str, value: Any, inner: tuple[Any, ...]) -> tuple[Any, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise SettingsError(f"{name} must be a list, not {value!r}.")
    if len(inner) == 2 and inner[1] is Ellipsis:
        return tuple(_coerce(f"{name}[{i}]", item, inner[0]) for i, item in enumerate(value))
    if len(value) != len(inner):
        raise SettingsError(f"{name} must have {len(inner)} values, not {len(value)}.")
    return tuple(_coerce(f"{name}[{i}]", item, hint) for i, (item, hint) in enumerate(zip(value, inner, strict=True)))


def _check_range(name: str, value: Any, metadata: Mapping[str, Any]) -> None:
    if value is None or value in (metadata.get("words") or {}).values():
        return
    choices, low, high = metadata.get("choices"), metadata.get("low"), metadata.get("high")
    if choices and value not in choices:
        raise SettingsError(f"{name} must be one of {', '.join(choices)}, not {value!r}.")
    if low is not None and value < low:
        raise SettingsError(f"{name} must be at least {low:g}, not {value!r}.")
    if high is not None and value > high:
        raise SettingsError(f"{name} must be at most {high:g}, not {value!r}.")


def _plain_name(hint: type) -> str:
    return {int: "a whole number", float: "a number", bool: "true or false", str: "text"}.get(hint, hint.__name__)
