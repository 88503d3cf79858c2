"""The header of a safetensors file from elsewhere, checked before any of its tensors is read.

The format: 8 bytes, the header's length; the header, JSON that gives each tensor's type, shape and place; the tensors.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path

_LENGTH_BYTES = 8
_MOST_HEADER_BYTES = 1 << 20
_MOST_TENSORS = 4096
_SIZES = {"BOOL": 1, "F32": 4}


@dataclass(frozen=True)
class TensorKind:
    """What a header says of a tensor.

    Attributes:
        dtype: as the format writes it; only `F32` and `BOOL` are read.
        shape: sides.
    """

    dtype: str
    shape: tuple[int, ...]


def read_header(path: Path, most_bytes: int) -> dict[str, TensorKind]:
    """Return the tensors that a file claims, by name.

    Args:
        path: a plain file.
        most_bytes: largest file that is accepted.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is too large, or its header is damaged or claims what is not there; a clause that says so.
    """
    size = path.stat().st_size
    if size > most_bytes:
        raise ValueError(f"it has {size / 1e6:.0f} MB, above the limit of {most_bytes / 1e6:.0f} MB")
    with path.open("rb") as file:
        start = file.read(_LENGTH_BYTES)
        length = struct.unpack("<Q", start)[0] if len(start) == _LENGTH_BYTES else size
        if length > min(size - _LENGTH_BYTES, _MOST_HEADER_BYTES):
            raise ValueError("its header is damaged or too long")
        text = file.read(length)
    try:
        header = json.loads(text)
        claimed = {name: entry for name, entry in header.items() if name != "__metadata__"}
        kinds = {name: TensorKind(entry["dtype"], tuple(entry["shape"])) for name, entry in claimed.items()}
        places = [tuple(entry["data_offsets"]) for entry in claimed.values()]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError("its header does not parse") from None
    if len(kinds) > _MOST_TENSORS:
        raise ValueError(f"it claims {len(kinds)} tensors, above the limit of {_MOST_TENSORS}")
    room = size - _LENGTH_BYTES - length
    for (name, kind), place in zip(kinds.items(), places, strict=True):
        sides = [*kind.shape, *place]
        whole = all(isinstance(side, int) and not isinstance(side, bool) and 0 <= side <= size for side in sides)
        if not whole or len(place) != 2 or len(kind.shape) > 8 or place[1] > room:
            raise ValueError(f"its header is damaged at '{name:.40}'")
        unit = _SIZES.get(kind.dtype) if isinstance(kind.dtype, str) else None
        if unit is not None and math.prod(kind.shape) * unit != place[1] - place[0]:
            raise ValueError(f"its header is damaged at '{name:.40}'")
    return kinds
