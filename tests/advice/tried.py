"""Which sentences the tests of this folder provoke and follow."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Any, TypeVar

from fomm.trust.consent.terms import ConsentTerms

TERMS = ConsentTerms(subject="Ada", expires="2999-01-31", statement="Yes.")

TRIED: set[str] = set()
Test = TypeVar("Test", bound=Callable[..., Any])


def tries(*sentences: str) -> Callable[[Test], Test]:
    """Mark a test as the one that follows the advice of these sentences, each named by a part no other has."""
    TRIED.update(sentences)
    return lambda test: test


def suggested(message: str, **values: str) -> list[str]:
    """Return the arguments of the `fomm` command a message ends in, with its placeholders filled in."""
    command = re.search(r": fomm ([a-z].*)$", message.strip(), re.DOTALL)
    assert command, message
    filled = {"NAME": "Ada", "YYYY-MM-DD": "2999-01-31"} | values
    return [filled.get(word, word) for word in shlex.split(command.group(1).rstrip("."))]
