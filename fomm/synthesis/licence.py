"""What is written beside a clip set: what the clips are made of, their licences, and that they show nobody living."""

from __future__ import annotations

from pathlib import Path

from fomm.trust.consent.portraits import PortraitLeave

_PLACES = ("LICENCE.md", "LICENSE.md", "LICENCE", "LICENSE", "README.md")
_LONGEST = 20_000

_TEXT = """# Training clips made by fomm

Every frame in this folder was drawn by a computer (`fomm synthesize`). The clips are training and test material for
networks and are neither labelled nor watermarked frame by frame; each says in a signed manifest what it is. Whoever
passes them on must pass this file on, too, and must not present them as recordings of people.

- Truth about motion, landmarks, expression, pose and gaze: computed, no rights attached.
- Expression units, teeth and tongue: derived from MakeHuman assets, CC0 1.0, unless replaced by --units or --mouth.
- Held out: portraits whose number ends in 5 appear in no training clip, neither as face, blend partner nor background.
- `index.json` names the portraits behind every clip.

## Where the portraits come from

Each has a record that it shows nobody living:

{records}
"""


def licence_text(portraits: Path, leave: PortraitLeave) -> str:
    """Return the text of the licence file.

    Args:
        portraits: the folder of portraits; its own licence or the one beside it is quoted, where there is one.
        leave: the portraits' records.
    """
    groups: dict[str, list[str]] = {}
    for name, record in sorted(leave.records.items()):
        groups.setdefault(f"{record.origin}, {record.source}", []).append(name)
    text = _TEXT.format(records="\n".join(f"- {origin}: {', '.join(names)}" for origin, names in groups.items()))
    words = _own_words(portraits)
    return f"{text}\n## What the folder of portraits says\n\n{words}\n" if words else text


def _own_words(portraits: Path) -> str:
    folder = portraits.resolve()
    for place in (folder, folder.parent):
        for name in _PLACES:
            file = place / name
            if file.is_file():
                try:
                    return file.read_text(encoding="utf-8")[:_LONGEST].strip()
                except (OSError, UnicodeDecodeError):
                    continue
    return ""
