"""Reading YAML that people wrote, or that was made to break its reader: plain values come back, or one sentence."""

from __future__ import annotations

from typing import Any

import yaml

from fomm.errors import FommError, SettingsError

_LARGEST = 2**64
_MOST_WORDS = 200
# What the YAML library lets through from its own converters: numbers without digits or with too many, impossible
# dates, tags on values they do not fit, nesting without end.
_FAULTS = (ValueError, OverflowError, RecursionError, LookupError, TypeError, AttributeError)


def parse_yaml(text: str | bytes, what: str, error: type[FommError] = SettingsError) -> Any:
    """Return the plain values of a YAML text.

    Args:
        text: the content of a file.
        what: names it at the beginning of a message, such as "The settings file a.yaml".
        error: raised when it is wrong.

    Raises:
        FommError: of the given kind; not YAML, or it holds a value that nothing can be set to.
    """
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, *_FAULTS) as fault:
        reason = " ".join(str(fault).split())[:_MOST_WORDS].rstrip(".") or type(fault).__name__
        raise error(f"{what} is not valid YAML: {reason}.") from fault
    seen: set[int] = set()
    left = [content]
    while left:
        value = left.pop()
        if isinstance(value, int) and abs(value) > _LARGEST:
            raise error(f"{what} is not valid YAML: a whole number in it is too large.")
        if isinstance(value, (dict, list)) and id(value) not in seen:
            seen.add(id(value))
            left += [*value, *value.values()] if isinstance(value, dict) else value
    return content
