"""Which settings a visitor may choose: none that opens a file of the server, is the operator's, or costs without bound.

The rule for text fails closed: a setting that takes any text may name a file, so it is refused unless listed here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from fomm.config.settings import Settings
from fomm.errors import SettingsError

MOST_SIDE = 1080
"""Short side in px to which a visitor may have a small photo enlarged; larger photos keep their size."""

# Text that is checked when the settings are built, or shown as it is.
_WORDS = {"face.source_face", "face.driving_face", "transfer.reference", "label.text"}
_OPERATORS = "render."


def check_asked(settings: Settings) -> None:
    """Refuse settings that are not a visitor's to choose.

    Raises:
        SettingsError: it names the setting.
    """
    for path, value, field in _leaves(settings):
        if value == field.default:
            continue
        if path.startswith(_OPERATORS):
            raise SettingsError(f"'{path}' is chosen by whoever runs this studio; leave it out.")
        if isinstance(value, str) and not field.metadata.get("choices") and path not in _WORDS:
            raise SettingsError(f"'{path}' may name a file of the server and is refused here; leave it out.")
        if path == "refine.min_side" and value > MOST_SIDE:
            raise SettingsError(f"'{path}' goes up to {MOST_SIDE} in this studio, not {value}.")


def _leaves(settings: Settings, above: str = "") -> Iterator[tuple[str, Any, dataclasses.Field[Any]]]:
    """Yield path, value and field of each single setting, stage by stage."""
    for field in dataclasses.fields(settings):
        value, path = getattr(settings, field.name), f"{above}{field.name}"
        if isinstance(value, Settings):
            yield from _leaves(value, f"{path}.")
        else:
            yield path, value, field
