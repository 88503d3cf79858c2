"""YAML that was made to break its reader is refused in one sentence by whatever reads it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from fomm.cli.forms import read_form
from fomm.cli.options import _read
from fomm.config.animate import AnimateSettings
from fomm.config.training.paper import load_config
from fomm.config.training.stages import load_compact_config
from fomm.config.yaml_text import parse_yaml
from fomm.errors import ConsentError, FommError
from fomm.training.loop.run import _family

READERS: dict[str, Callable[[Path], object]] = {
    "settings of a command": lambda path: _read(AnimateSettings, path),
    "consent form": read_form,
    "paper's model": load_config,
    "compact model": load_compact_config,
    "training run": _family,
}
HOSTILE = {
    "long number": "x: " + "9" * 20_000,
    "long hexadecimal number": "x: 0x" + "f" * 20_000,
    "long number as a key": "0x" + "f" * 20_000 + ": 1",
    "impossible date": "x: 2024-99-99",
    "impossible time": "x: 2024-01-01T99:00:00",
    "impossible zone": "x: 2024-01-01T00:00:00+99:99",
    "no digits": "x: !!int ''",
    "no truth": "x: !!bool maybe",
    "no date": "x: !!timestamp soon",
    "deep": "[" * 2_000,
    "not a text": "\x00",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
@pytest.mark.parametrize("read", READERS.values(), ids=list(READERS))
def test_hostile_yaml_is_refused_in_a_sentence(tmp_path: Path, read: Callable[[Path], object], text: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(FommError) as refused:
        read(path)
    said = str(refused.value)
    assert "a.yaml" in said
    assert "is not valid YAML" in said
    assert "\n" not in said
    assert len(said) < 600


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    for read in READERS.values():
        (tmp_path / "a.yaml").write_bytes(b"x: \xff\xfe\xfd")
        with pytest.raises(FommError, match="not valid YAML"):
            read(tmp_path / "a.yaml")


def test_what_refers_to_itself_ends(tmp_path: Path) -> None:
    content = parse_yaml("a: &a [*a, 1]", "It")
    assert content["a"][1] == 1


def test_ordinary_values_come_back() -> None:
    values = {"a": [1, 2.5, "x", True, None], "b": {"c": -(2**40)}}
    assert parse_yaml(yaml.safe_dump(values), "It") == values
    with pytest.raises(ConsentError, match=r"^It is not valid YAML"):
        parse_yaml("a: [", "It", ConsentError)
