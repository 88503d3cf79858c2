"""What the command line prints: nothing that came out of a file's name or a ledger's text moves the cursor or hides.

A terminal obeys control characters wherever they come from. So every line is escaped here as a whole, and a newline
inside a line is an escape too: only what is passed as several lines is printed as several.
"""

from __future__ import annotations

import unicodedata

import click

# Control, format (bidirectional overrides, zero width), lone surrogates of undecodable names, line separators.
_ESCAPED = ("Cc", "Cf", "Cs", "Zl", "Zp")


def plain(text: object) -> str:
    r"""Return a text on one line, with everything that does not simply print as an escape such as `\x1b`."""
    return "".join(_escape(character) for character in str(text))


def say(*lines: object, err: bool = False) -> None:
    """Print lines for people, each made plain.

    Args:
        lines: one text a line.
        err: to standard error.
    """
    for line in lines:
        click.echo(plain(line), err=err)


def say_progress(line: object, *, last: bool) -> None:
    """Print a line over the one before it, to standard error."""
    click.echo(f"\r{plain(line)}", nl=last, err=True)


def hand_out(text: str) -> None:
    """Print a document for programs, JSON or PEM, as it is but for what a terminal would obey."""
    for line in text.splitlines(keepends=True):
        body = line.rstrip("\r\n")
        click.echo(plain(body) + ("\n" if body != line else ""), nl=False)


def _escape(character: str) -> str:
    if character.isascii():
        return character if character.isprintable() else character.encode("unicode_escape").decode()
    if unicodedata.category(character) in _ESCAPED:
        return character.encode("unicode_escape").decode()
    return character
