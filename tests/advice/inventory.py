"""Every sentence in `fomm/` that gives advice: names a command, an option, a setting's key or file endings."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

import fomm
from fomm.cli import foreign
from fomm.cli.main import commands

PACKAGE = Path(fomm.__file__).parent
# What shows that a sentence tells the user to do something that a test can try.
_ADVICE = re.compile(
    rf"fomm (?:{'|'.join(commands.list_commands(click.Context(commands)))})\b"
    r"|(?<![\w-])--[a-z]"  # an option
    r"|pip install|chmod |apt install"
    r"|`[a-z_]+: |\b(?:set|shorten|lower|add) (?:`|[a-z]+[._])[a-z]|\badd at least|leave it out here"  # a setting
    r"|\b(?:end|use|write)\b[^;]*(?: \.[a-z]\w{2,4}\b|SUFFIX|join\(known|\{known)"  # file endings
    r"|\bby \{flag\}"  # an option that the caller names
    r"|; \{(?!problem)[a-z_]*\}|, or \{[a-z_]*\}|\{(?:command|grant_command|record_it|HOME_VARIABLE|self\.alone)\b"
)
# Words no user sees as an answer: the studio's translations of sentences, its tabs that say what to use instead, page
# titles, the licence of drawn clips; examples in the help have a test of their own.
_SILENT = {"studio/words.py", "studio/plain_tabs.py", "synthesis/clip/file.py"}
_OTHER = re.compile("fomm studio$|# Training clips|\b\nExample:")
# Other projects' options with answers to them: `tests/cli/test_foreign.py` follows every entry of these two tables.
_FOLLOWED_THERE = {
    text
    for entry in (*foreign.PAPER, *foreign.LIVE_PORTRAIT)
    for text in (" ".join(entry.names), entry.answer, entry.example)
}
# Calls whose words are the command line's help, not an answer to a mistake.
_HELP = {"option", "argument", "command", "group", "version_option", "add_argument", "compile"}


@dataclass(frozen=True)
class Message:
    """One sentence, with `{expression}` where values go, and where it stands."""

    text: str
    place: str


def messages() -> list[Message]:
    """Return every piece of advice in the package, in the order of files and lines."""
    found: list[Message] = []
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in _texts(tree):
            text, file = template(node), path.relative_to(PACKAGE).as_posix()
            if file == "cli/foreign.py" and text.replace("{_ANIMATE}", foreign._ANIMATE) in _FOLLOWED_THERE:
                continue
            if " " in text.strip() and _ADVICE.search(text) and not (_OTHER.match(text) or file in _SILENT):
                found.append(Message(text, f"{path.relative_to(PACKAGE.parent)}:{node.lineno}"))
    return found


def template(node: ast.expr) -> str:
    """Return a string's text, with the source of each value in braces."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.JoinedStr)
    parts = []
    for value in node.values:
        parts.append(
            f"{{{ast.unparse(value.value)}}}" if isinstance(value, ast.FormattedValue) else str(value.value)  # type: ignore[attr-defined]
        )
    return "".join(parts)


def _texts(node: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
    """Yield the strings of a module, but for docstrings and help texts."""
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        yield node
        return
    if isinstance(node, ast.Call) and _name(node.func) in _HELP:
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue  # a docstring
        yield from _texts(child)


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
