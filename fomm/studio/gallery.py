"""The pictures and clips that come with fomm and show no real person."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fomm.errors import MediaError
from fomm.tasks.demo import demo_files


@dataclass(frozen=True)
class Example:
    """One bundled file and its name in the gallery."""

    path: Path
    title: str


def bundled() -> tuple[list[Example], list[Example]]:
    """Return portraits and driving clips, the demo's own first; none where the installation lacks them."""
    try:
        portrait, clip = demo_files()
    except MediaError:
        return [], []
    portraits = [portrait, *_numbered(portrait)]
    clips = [clip, *_numbered(clip)]
    titles = ["Synthetic speaker, CC0", *["Synthetic face, CC0"] * (len(clips) - 1)]
    return (
        [Example(path, f"AI-made portrait {number}, CC0") for number, path in enumerate(portraits, 1)],
        [Example(path, title) for path, title in zip(clips, titles, strict=True)],
    )


def _numbered(first: Path) -> list[Path]:
    """Return the files beside `name.suffix` that are called `name-2.suffix` and so on."""
    return sorted(first.parent.glob(f"{first.stem}-*{first.suffix}"))
