"""What is written beside a clip set: what the clips are made of, their licences, and that they show nobody real."""

from __future__ import annotations

from pathlib import Path

from fomm.errors import SettingsError

_PLACES = ("LICENCE.md", "LICENSE.md", "LICENCE", "LICENSE", "README.md")
_LONGEST = 20_000

_TEXT = """# Training clips made by fomm

Every frame in this folder was drawn by a computer (`fomm synthesize`). The clips are training and test material for
networks and are neither labelled nor watermarked frame by frame; whoever passes them on must pass this file on, too,
and must not present them as recordings of people.

- Truth about motion, landmarks, expression, pose and gaze: computed, no rights attached.
- Expression units, teeth and tongue: derived from MakeHuman assets, CC0 1.0, unless replaced by --units or --mouth.
- Held out: portraits whose number ends in 5 appear in no training clip, neither as face, blend partner nor background.
- `index.json` names the portraits behind every clip.

## Where the portraits come from

{origin}
"""


def licence_text(portraits: Path, origin: str) -> str:
    """Return the text of the licence file.

    Args:
        portraits: the folder of portraits; its own licence or the one beside it is quoted.
        origin: where the portraits come from and under which licence; empty to quote the folder's own file.

    Raises:
        SettingsError: nobody says where the portraits come from.
    """
    if not origin.strip():
        origin = _own_words(portraits)
    return _TEXT.format(origin=origin.strip())


def _own_words(portraits: Path) -> str:
    folder = portraits.resolve()
    for place in (folder, folder.parent):
        for name in _PLACES:
            file = place / name
            if file.is_file():
                try:
                    return file.read_text(encoding="utf-8")[:_LONGEST]
                except (OSError, UnicodeDecodeError):
                    continue
    raise SettingsError(
        f"{portraits} does not say where its portraits come from; put a LICENCE.md there, or say with --origin "
        "who made them, under which licence, and that they show nobody real."
    )
