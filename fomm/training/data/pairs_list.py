"""Which clips animate which, for evaluation: the paper's `pairs_list`, a CSV file with `source` and `driving` columns.

Published lists name clips with or without their suffix and carry further columns (a distance, a frame), which are
passed over.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fomm.errors import MediaError

_COLUMNS = ("source", "driving")


@dataclass(frozen=True)
class ClipPair:
    """A clip whose first frame is animated, and the clip that drives it."""

    source: Path
    driving: Path


def read_pairs(path: Path, clips: Sequence[Path], most: int | None = None) -> list[ClipPair]:
    """Return the first `most` pairs of a list whose two clips are both there.

    Args:
        path: the CSV file.
        clips: the clips there are; a name matches one with or without its suffix.
        most: how many; all of them when None.

    Raises:
        MediaError: the file cannot be read, has no such columns, or none of its pairs is there.
    """
    by_name = {clip.stem: clip for clip in clips} | {clip.name: clip for clip in clips}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [column for column in _COLUMNS if column not in (reader.fieldnames or ())]
            if missing:
                raise MediaError(f"The pairs list {path} has no column '{missing[0]}'; its first line must name it.")
            rows = [(str(row["source"]), str(row["driving"])) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MediaError(f"The pairs list {path} cannot be read: {error}.") from error
    pairs = [
        ClipPair(by_name[source], by_name[driving]) for source, driving in rows if {source, driving} <= set(by_name)
    ]
    if not pairs:
        raise MediaError(f"No pair of {path} has both its clips there; it names, for one, {_first(rows)}.")
    return pairs[:most]


def _first(rows: Sequence[tuple[str, str]]) -> str:
    return " and ".join(f"'{name}'" for name in rows[0]) if rows else "nothing"
