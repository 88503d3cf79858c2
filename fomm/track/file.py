"""The file of a motion track: what is checked before and after its tensors are read, and how it is written."""

from __future__ import annotations

import os
import re
import tempfile
from fractions import Fraction
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from fomm.errors import MotionError, OutputError
from fomm.track.doubt import REASONS
from fomm.track.tensor_file import TensorKind, read_header

SCHEMA = 1
FORMAT = "fomm-motion"
_TENSORS = ("value", "jacobian", "found")
MOST_BYTES = 256_000_000
_MOST_KEYPOINTS = 1024
_FURTHEST = 16.0  # of a keypoint, in half sides of the window; those in sight lie within 1
_MOST_STRETCH = 100.0  # entry of a Jacobian
_LEAST_AREA = 1e-8  # determinant of a Jacobian; it is inverted, and no network gives exactly none
_FPS = re.compile(r"-?\d{1,9}(/\d{1,9})?", re.ASCII)
_SHOTS = re.compile(r"\d{1,9}(,\d{1,9}){0,9999}", re.ASCII)
_BRIDGE = rf"\d{{1,9}} ({'|'.join(REASONS.values())})"
_BRIDGES = re.compile(rf"{_BRIDGE}(, {_BRIDGE}){{0,{len(REASONS) - 1}}}", re.ASCII)
_SIZE = re.compile(r"(\d{1,6})x(\d{1,6})", re.ASCII)


def read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Return the header and the tensors of a file, whose size and shapes are bounded before tensors are read.

    Raises:
        MotionError: it cannot be read, is too large, or holds tensors of other shapes or types.
    """
    try:
        kinds = read_header(path, MOST_BYTES)
        _check_shapes(kinds, str(path))
        with safe_open(str(path), framework="pt") as file:
            header: dict[str, str] = file.metadata() or {}
            tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in kinds if name in _TENSORS}
    except (SafetensorError, OSError, ValueError) as error:
        raise MotionError(f"{path} cannot be read as a motion track ({error}); extract it again.") from error
    found = tensors.get("found")
    if found is not None and found.dtype == torch.bool:
        tensors["found"] = found.view(torch.uint8) != 0  # any byte may be stored
    return header, tensors


def _check_shapes(kinds: dict[str, TensorKind], name: str) -> None:
    value, jacobian, found = (kinds.get(part) for part in ("value", "jacobian", "found"))
    for part in (value, jacobian):
        if part is not None and part.dtype != "F32":
            raise MotionError(f"{name} must hold float32 numbers, not {part.dtype!r:.20}; extract it again.")
    if value is not None and (len(value.shape) != 3 or value.shape[2] != 2 or not all(value.shape)):
        raise MotionError(f"{name} must hold keypoints of shape [T, K, 2], not {list(value.shape)}.")
    if value is not None and value.shape[1] > _MOST_KEYPOINTS:
        raise MotionError(f"{name} has {value.shape[1]} keypoints, above the limit of {_MOST_KEYPOINTS}.")
    if value is not None and jacobian is not None and jacobian.shape != (*value.shape, 2):
        raise MotionError(f"{name} must hold Jacobians {[*value.shape, 2]}, not {list(jacobian.shape)}.")
    if value is not None and found is not None and (found.shape != value.shape[:1] or found.dtype != "BOOL"):
        raise MotionError(f"{name} must hold {value.shape[0]} true-or-false found flags, not {list(found.shape)}.")


def check_numbers(value: Tensor, jacobian: Tensor | None, name: str) -> None:
    """Refuse numbers that no detector finds and that would overflow on their way.

    Raises:
        MotionError: a keypoint is far away, or a Jacobian is enormous or cannot be inverted.
    """
    if float(value.abs().max()) > _FURTHEST:
        raise MotionError(f"{name} has keypoints further than {_FURTHEST:g} windows away; extract it again.")
    if jacobian is None:
        return
    if float(jacobian.abs().max()) > _MOST_STRETCH:
        raise MotionError(f"{name} has Jacobians with entries above {_MOST_STRETCH:g}; extract it again.")
    a, b, c, d = jacobian.flatten(-2).unbind(-1)
    if float((a * d - b * c).abs().min()) < _LEAST_AREA:
        raise MotionError(f"{name} has Jacobians that cannot be inverted; extract it again.")


def check_header(header: dict[str, str], path: Path, detector: str | None) -> None:
    """Refuse the header of another kind of file, of a newer schema, or of another detector than `detector`, if given.

    Raises:
        MotionError: as said.
    """
    if header.get("format") != FORMAT:
        raise MotionError(f"{path} is a safetensors file but not a motion track; give one made by fomm.")
    schema = header.get("schema", "")
    if not (schema.isascii() and schema.isdecimal() and len(schema) < 10):
        raise MotionError(f"{path} is damaged: its schema version {schema[:20]!r} is no number; extract it again.")
    if int(schema) > SCHEMA:
        raise MotionError(f"{path} has motion schema {schema}, newer than {SCHEMA}; update fomm to read it.")
    made_by = header.get("detector")
    if detector is not None and made_by != detector:
        raise MotionError(f"{path} was made by keypoint detector {made_by}, not by {detector}; extract it again.")


def parse_size(text: str | None) -> tuple[int, int] | None:
    """Read width and height in px; ValueError when they are none."""
    if text is None:
        return None
    sides = _SIZE.fullmatch(text)
    if sides is None:
        raise ValueError(f"size {text[:40]!r}")
    return int(sides[1]), int(sides[2])


def parse_shots(text: str | None) -> tuple[int, ...]:
    """Read the frames that begin shots; ValueError when they are none."""
    if text is None:
        return ()
    if not _SHOTS.fullmatch(text):
        raise ValueError(f"shots {text[:40]!r}")
    return tuple(map(int, text.split(",")))


def bridges_text(bridges: tuple[tuple[str, int], ...]) -> str:
    """Return reasons and their counts as they are stored and shown, such as "14 dark, 3 outside"."""
    return ", ".join(f"{count} {reason}" for reason, count in bridges)


def parse_bridges(text: str | None) -> tuple[tuple[str, int], ...]:
    """Read what `bridges_text` wrote; ValueError when it did not."""
    if text is None:
        return ()
    if not _BRIDGES.fullmatch(text):
        raise ValueError(f"bridged {text[:40]!r}")
    pairs = (part.split(" ", 1) for part in text.split(", "))
    return tuple((reason, int(count)) for count, reason in pairs)


def parse_fps(text: str) -> Fraction:
    """Read frames per second, an exact fraction; ValueError when it is none."""
    if not _FPS.fullmatch(text):  # an exponent would be computed, however long that takes
        raise ValueError(f"fps {text[:40]!r}")
    return Fraction(text)


def write_whole(path: Path, data: bytes) -> None:
    """Write to a neighbour first, so the file never exists in part.

    Raises:
        OutputError: it cannot be written.
    """
    scratch = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            scratch = Path(file.name)
            file.write(data)
        os.replace(scratch, path)
    except OSError as error:
        if scratch is not None:
            scratch.unlink(missing_ok=True)
        raise OutputError(f"The motion track cannot be written to {path} ({error.strerror}).") from error
