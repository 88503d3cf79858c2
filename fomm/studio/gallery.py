"""The pictures and clips that come with fomm and show no real person."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fomm.errors import MediaError
from fomm.scenes.demo import demo_files


@dataclass(frozen=True)
class Example:
    """One bundled file and its name in the gallery."""

    path: Path
    title: str


def bundled() -> tuple[list[Example], list[Example]]:
    """Return portraits and driving clips; none where the installation lacks them."""
    try:
        portrait, clip = demo_files()
    except MediaError:
        return [], []
    return [Example(portrait, "AI-made portrait, CC0")], [Example(clip, "Synthetic speaker, CC0")]
