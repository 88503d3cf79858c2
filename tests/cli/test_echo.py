"""Names of files and texts of the ledger print as text: no cursor moves, no hidden order, no line of their own."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import fomm.cli
from fomm.cli.echo import plain
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import ConsentTerms

HOSTILE = "a\x1b[2J\x1b]0;owned\x07\rb\nfomm: intact.\u202egpj.exe\u2066\u200b\x9b31m"


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=40))
def test_whatever_it_is_it_prints_on_one_line(text: str) -> None:
    shown = plain(text)
    shown.encode()  # no lone surrogates
    assert len(shown.splitlines()) <= 1
    assert not [character for character in shown if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")]


def test_ordinary_names_stay_as_they_are() -> None:
    for name in ("Müller, Foto 1.jpg", "写真.png", "صورة.jpg", "C:\\photos\\a.jpg", "smile 🙂.jpg"):
        assert plain(name) == name


def run(home: Path, *arguments: str | bytes) -> tuple[int, str]:
    """Run the command line in a process of its own and return the exit code and both outputs."""
    command = [sys.executable, "-m", "fomm", *arguments]
    environment = {**os.environ, "FOMM_HOME": str(home), "PYTHONUTF8": "1"}
    done = subprocess.run(command, check=False, env=environment, capture_output=True, timeout=120)
    return done.returncode, (done.stdout + done.stderr).decode()


def check(text: str) -> None:
    hidden = [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert hidden == []
    assert not any(line.startswith("fomm: intact") for line in text.splitlines())


@pytest.mark.skipif(os.name != "posix", reason="such names exist on POSIX file systems only")
@pytest.mark.parametrize("name", [HOSTILE.encode() + b".png", b"\xff\xfe\x1b[2J.png"], ids=["controls", "undecodable"])
def test_names_of_files(tmp_path: Path, name: bytes) -> None:
    path = os.path.join(os.fsencode(tmp_path), name)
    with open(path, "wb") as file:
        Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)).save(file, "PNG")
    code, said = run(tmp_path / "home", "verify", "--quick", path)
    assert code == 11
    check(said)
    assert "unmarked" in said
    code, said = run(tmp_path / "home", "verify", "--json", "--quick", path)
    check(said)
    assert os.fsencode(json.loads(said)["file"]) == path
    for arguments in (
        ("consent", "grant", path, "--subject", "Ada", "--until", "2999-01-01", "--statement", "Yes."),
        ("verify", path + b".missing"),
        ("animate", path, path + b".mp4", "-o", path + b".avi"),
        ("consent", path),
    ):
        check(run(tmp_path / "home", *arguments)[1])


def test_texts_of_the_ledger(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "home")
    photo = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)).save(photo)
    terms = ConsentTerms(subject=HOSTILE, expires="2999-01-01", statement=HOSTILE)
    consent = ledger.grant(photo, terms).id
    ledger.revoke(consent, HOSTILE)
    for arguments in (("list",), ("show", consent), ("export",), ("revoke", HOSTILE)):
        _, said = run(tmp_path / "home", "consent", *arguments)
        check(said)
    assert run(tmp_path / "home", "consent", "list")[1].count("\n") == 1


def test_the_command_line_prints_through_one_door() -> None:
    folder = Path(fomm.cli.__file__).parent
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and file.name != "echo.py":
                assert ast.unparse(node.func) not in ("print", "click.echo", "click.secho", "click.echo_via_pager"), (
                    file
                )
