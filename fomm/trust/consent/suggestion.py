"""The command that records a missing consent, as messages suggest it: it works once its placeholders are filled in.

What it has to say depends on what the ledger knows of the picture: whether it shows a living person, where a picture
of nobody comes from, and whether an earlier consent was revoked.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from fomm.trust.consent.terms import EXCLUDE, LIVING, ConsentTerms


def grant_command(
    name: str,
    make: str | Sequence[str] = "animate",
    use: str = "private",
    *,
    earlier: ConsentTerms | None = None,
    renew: bool = False,
    content: Sequence[str] = (),
    clips: Path | None = None,
) -> str:
    """Return the command line that records a consent for the photo `name`.

    Args:
        name: the photo's path.
        make: what the consent shall allow to make.
        use: where the result will be shown.
        earlier: terms of an earlier consent for this picture; they say whom it shows. A living person if not given.
        renew: whether an earlier consent was revoked, so that this one has to say that it renews it.
        content: sensitive subjects the consent must not exclude.
        clips: folder of clips that a model may be trained on.
    """
    parts = [f"fomm consent grant {quoted(name)} --subject NAME"]
    parts += [f"--make {item}" for item in ([make] if isinstance(make, str) else make)]
    if use != "private":
        parts.append(f"--use {use}")
    if content:
        parts += [f"--exclude {item}" for item in EXCLUDE if item not in content]
    if earlier is not None and earlier.kind != LIVING:
        parts.append(f"--nobody {earlier.origin} --source {shlex.quote(earlier.source)}")
    else:
        parts.append('--until YYYY-MM-DD --statement "..."')
    if clips is not None:
        parts.append(f"--clips {quoted(str(clips))}")
    if renew:
        parts.append("--renew")
    return " ".join(parts)


def record_it(
    command: str, earlier: ConsentTerms | None = None, *, again: bool = False, more: bool = False
) -> str:  # fmt: skip
    """Return the end of a sentence that asks to record a consent by `command`, if there is one to record.

    Args:
        command: as `grant_command` returns it.
        earlier: terms of an earlier consent for this picture.
        again: that one was revoked.
        more: that one does not go far enough.
    """
    if earlier is not None and earlier.kind != LIVING:
        return f"if it may be used {'again' if again else 'for this'}, record it: {command}"
    agreed = "agreed again" if again else "agreed to more" if more else "in it agreed"
    return f"if the person {agreed}, record it: {command}"


def quoted(name: str) -> str:
    """Quote a path for a shell, so that one that begins with a dash is not taken for an option."""
    return shlex.quote(f"./{name}" if name.startswith("-") else name)
