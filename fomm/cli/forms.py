"""Forms and files that commands about consent read and write."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from fomm.cli.echo import hand_out, say
from fomm.config.yaml_text import parse_yaml
from fomm.errors import ConsentError, OutputError
from fomm.media.whole_files import write_whole
from fomm.trust.consent.terms import NO_LIVING, read_bytes
from fomm.trust.release.delivery import check_destination


def mapping_of(given: dict[str, Any]) -> dict[str, Any]:
    """Turn options into the keys of a consent file, leaving out what was not given."""
    direct = ("subject", "not_before", "expires", "outputs", "statement", "capture", "source")
    mapping = {key: given[key] for key in direct if given.get(key) is not None}
    mapping |= {key: list(given[key]) for key in ("make", "use", "exclude") if given.get(key)}
    mapping |= {key: str(Path(given[key]).resolve()) for key in ("evidence", "clips") if given.get(key)}
    if given.get("nobody"):
        mapping |= {"kind": NO_LIVING, "origin": given["nobody"]}
        mapping.setdefault("capture", "source-statement")
    return mapping


def read_form(path: Path) -> dict[str, Any]:
    """Read a form, YAML or JSON, that says what a person agreed to."""
    content = parse_yaml(read_bytes(path, "consent file"), f"The consent file {path}", ConsentError)
    if not isinstance(content, dict):
        raise ConsentError(f"The consent file {path} must hold keys and values.")
    return content


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file; what is wrong with it is told in a sentence."""
    try:
        content = json.loads(read_bytes(path, "consent document"))
    except (ValueError, RecursionError) as error:
        raise ConsentError(f"{path} is not valid JSON ({error}).") from error
    if not isinstance(content, dict):
        raise ConsentError(f"{path} is not a consent document.")
    return content


def write_text(output: Path | None, text: str) -> None:
    """Write a text to a new file, or to standard output when there is no path.

    Raises:
        OutputError: the path is taken or not writable.
    """
    if output is None:
        hand_out(text)
        return
    if os.path.lexists(output):  # told here, for these commands have no --force: what they write may be the only copy
        raise OutputError(f"{output} exists already; choose another name.")
    target = check_destination(output, [], force=False)
    try:
        write_whole(target, text.encode(), mode=0o666, replace=False)
    except OSError as error:
        raise OutputError(f"{output} cannot be written: {error.strerror}.") from error
    say(f"{output} written.")
