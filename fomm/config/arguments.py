"""What callers of the Python API hand over, checked once at the door, so that what is behind it need not.

A path may be text or a `pathlib.Path`. A leading `~/` is the user's home folder, as in a shell; write `./~/...` for a
folder of that name.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from fomm.config.settings import Settings
from fomm.errors import FommError, MediaError, SettingsError

AnySettings = TypeVar("AnySettings", bound=Settings)
Kind = TypeVar("Kind")


def given_path(value: Any, what: str, error: type[FommError] = MediaError) -> Path:
    """Return the path a caller gave, with the home folder put in for `~`; whether anything is there is not asked.

    Args:
        value: what was given.
        what: how messages call it, such as "photo".
        error: raised for text that no file can be called or reached by.

    Raises:
        SettingsError: neither text nor a path.
        FommError: of the class `error`.
    """
    if not isinstance(value, (str, os.PathLike)) or not isinstance(text := os.fspath(value), str):
        raise SettingsError(f"The {what} must be a path, as text or pathlib.Path, not {value!r:.80}.")
    if not text.strip():
        raise error(f"The {what} is an empty path; name a file.")
    try:
        path = Path(text)
        if path.parts and path.parts[0] == "~":
            path = path.expanduser()
        os.fsencode(path)
        path.exists()
    except (OSError, ValueError, RuntimeError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else fault
        raise error(f"The {what} {text!r:.120} cannot be reached ({reason}); check the name and the folder.") from fault
    if "\0" in text:
        raise error(f"The {what} {text!r:.120} is not a file name; choose another one.")
    return path


def given_settings(value: Any, kind: type[AnySettings]) -> AnySettings:
    """Return the settings a caller gave, the defaults for None.

    Raises:
        SettingsError: settings of another kind, or none at all.
    """
    return kind() if value is None else given_instance(value, kind, "settings")


def given_instance(value: Any, kind: type[Kind], what: str) -> Kind:
    """Return `value`, which must be a `kind`.

    Raises:
        SettingsError: it is something else.
    """
    if not isinstance(value, kind):
        raise SettingsError(f"The {what} must be of the class {kind.__name__}, not {value!r:.80}.")
    return value


def given_function(value: Callable[..., Any], what: str) -> None:
    """Refuse what cannot be called.

    Raises:
        SettingsError: it cannot.
    """
    if not callable(value):
        raise SettingsError(f"The {what} must be a function, not {value!r:.80}.")
