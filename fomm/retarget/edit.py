"""Edits by hand: a photo's keypoints moved along directions that have a name, such as a turned head or a smile.

What each keypoint does is learnt from labelled clips (`fomm.training.finetune.directions`) and stored beside the
checkpoint. Everything is measured in face sizes from the face's centre, so one set of directions serves every photo.

The head turns as a rigid body seen from far away. With the photo's keypoint `u` (x, y in face sizes), the rotation
`R` of the head, and per keypoint a share `w` in which it follows the head, `w` times its pivot `p` and `w` times its
depth `z` as seen from the pivot,

    u' = u + R_xy (w u - p) - (w u - p) + z (R_xz, R_yz),    J' = (1 + w_J (R_xy - 1) + (R_xz, R_yz) n^T) J,

where `n` is the slope of the surface. Expressions add up linearly on top. All that was learnt of faces that look at the
viewer; of a photo whose head looks aside, `p` and `z` are turned as it is (`fomm.geometry.head`).
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from fomm.config.edit import EditSettings
from fomm.errors import CheckpointError, OutputError
from fomm.geometry.anatomy import Anatomy
from fomm.geometry.head import Head
from fomm.geometry.keypoints import Keypoints
from fomm.retarget.blink import CLOSED
from fomm.retarget.turning import as_it_lies, head_rotation, slope_basis, turn_basis
from fomm.track.tensor_file import read_header

SUFFIX = ".directions.safetensors"
_MOST_BYTES = 10_000_000
STROKES = ("blink", "mouth", "smile", "brows")
"""Directions that add up; yaw, pitch and roll are rotations, and gaze is no part of `Directions.apply`.

A still's eyes are moved in the photo (`fomm.render.gaze`), a motion's by their keypoints (`fomm.retarget.gaze`)."""

UNTIED = "Edits need a model whose keypoints training tied to the face, as the bundled one's are; choose that model."

_FORMAT, _SCHEMA = "fomm-directions", "2"
_KEY = "fomm"
_MOST_CHANGE = 0.85


@dataclass(frozen=True, eq=False)
class Directions:
    """What each of K keypoints does when the face is edited, float32, in face sizes.

    Attributes:
        turn: `[K, 4]`: share `w`, pivot times share `(p_x, p_y)`, depth times share `z`, see the module's formula.
        slope: `[K, 3]`: share `w_J` and surface slope `n`.
        value: `[S, K, 2]`, displacement of a full stroke of each of `STROKES`.
        jacobian: `[S, K, 2, 2]`, change of the Jacobian likewise: `J' = (1 + change) J`.
        detector: fingerprint of the keypoint detector they were learnt for; keypoints of another mean something else.
        checkpoint: SHA-256 of the checkpoint it came from.
    """

    turn: Tensor
    slope: Tensor
    value: Tensor
    jacobian: Tensor
    detector: str
    checkpoint: str

    def save(self, path: Path) -> None:
        """Write the directions to a file, whole or not at all.

        Raises:
            OutputError: the file cannot be written.
        """
        about = {
            "format": _FORMAT, "schema": _SCHEMA, "names": STROKES, "detector": self.detector,
            "checkpoint": self.checkpoint,
        }  # fmt: skip
        tensors = {name: getattr(self, name).contiguous() for name in ("turn", "slope", "value", "jacobian")}
        data = to_bytes(tensors, {_KEY: json.dumps(about, sort_keys=True)})
        scratch = None
        try:
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
                scratch = Path(file.name)
                file.write(data)
            scratch.chmod(0o644)
            os.replace(scratch, path)
        except OSError as error:
            if scratch is not None:
                scratch.unlink(missing_ok=True)
            raise OutputError(f"The directions cannot be written to {path} ({error.strerror}).") from error

    @classmethod
    def load(cls, path: Path, detector: str) -> Directions:
        """Read the directions that belong to a detector.

        Raises:
            CheckpointError: the file is missing, damaged, or belongs to another model.
        """
        if not path.is_file():
            raise CheckpointError(
                f"This model has no edit directions ('{path.name}' is missing beside it); use the bundled model, or "
                "learn them: fomm directions MODEL CLIPS"
            )
        try:
            read_header(path, _MOST_BYTES)
            with safe_open(str(path), framework="pt") as file:
                about = json.loads((file.metadata() or {}).get(_KEY, "{}"))
                tensors = {name: file.get_tensor(name) for name in ("turn", "slope", "value", "jacobian")}
            if (about["format"], about["schema"], tuple(about["names"])) != (_FORMAT, _SCHEMA, STROKES):
                raise ValueError("another format")
            found = cls(**tensors, **{name: about[name] for name in ("detector", "checkpoint")})
            _check(found)
        except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
            raise CheckpointError(
                f"The edit directions '{path}' are damaged or of another version ({error}); learn them again: "
                "fomm directions MODEL CLIPS --force"
            ) from error
        if found.detector != detector:
            raise CheckpointError(
                f"The edit directions '{path}' were learnt for another model; learn them again: "
                "fomm directions MODEL CLIPS --force"
            )
        return found

    def apply(self, source: Keypoints, edit: EditSettings, anatomy: Anatomy) -> Keypoints:
        """Return the keypoints that edit a photo.

        Args:
            source: the photo's keypoints `[1, K, 2]`.
            edit: what to do.
            anatomy: which keypoints are the face, and where its eyelids are, so that a full blink shuts every eye.

        Raises:
            CheckpointError: the photo has another number of keypoints.
        """
        if source.value.shape[1] != len(self.turn):
            raise CheckpointError(
                f"The photo has {source.value.shape[1]} keypoints and the edit directions {len(self.turn)}; "
                "learn them again: fomm directions MODEL CLIPS --force"
            )
        strokes = torch.tensor([getattr(edit, name) for name in STROKES])  # [S]
        centre = source.value[:, : anatomy.face].mean(1, keepdim=True)
        head = Head.of(source.value, anatomy)
        size = head.size  # [1, 1, 1]
        rotation = head_rotation(torch.tensor([edit.yaw, edit.pitch, edit.roll]) * (math.pi / 180))
        placed = ((source.value - centre) / size)[0]  # [K, 2]
        turn = as_it_lies(self.turn, placed, head)
        shift = torch.einsum("kmp,kp->km", turn_basis(placed, rotation), turn)  # [K, 2]
        shift = shift + torch.einsum("s,skm->km", strokes, self.value)
        moved = source.value + size * shift
        moved = _shut(moved, source.value, edit.blink, anatomy)
        if edit.smile < 0:
            moved = _covered(moved, source.value, -edit.smile, anatomy)
        if source.jacobian is None:
            return Keypoints(moved)
        change = torch.einsum("mnp,kp->kmn", slope_basis(rotation), self.slope)  # [K, 2, 2]
        change = change + torch.einsum("s,skmn->kmn", strokes, self.jacobian)
        return Keypoints(moved, (torch.eye(2) + _invertible(change)) @ source.jacobian)


def _shut(moved: Tensor, source: Tensor, blink: float, anatomy: Anatomy) -> Tensor:
    """Draw each upper lid to where the lower one is, as far as `blink` says: eyes differ in how wide they are."""
    lids = moved.clone()
    for eye in anatomy.eyes:
        open_by = moved[:, eye.upper] - moved[:, eye.lower]
        was = (source[:, eye.upper] - source[:, eye.lower]).norm(dim=-1, keepdim=True)
        # What the learnt stroke left open (or closed too far) is made up for.
        target = open_by / open_by.norm(dim=-1, keepdim=True).clamp_min(1e-4) * was * (1 - blink * (1 - CLOSED))
        weight = min(1.0, blink * 4)
        lids[:, eye.upper] = torch.lerp(moved[:, eye.upper], moved[:, eye.lower] + target, weight)
    return lids


def _covered(moved: Tensor, source: Tensor, part: float, anatomy: Anatomy) -> Tensor:
    """Bring lips together that a smile parts: its stroke backwards would part them further."""
    closed = moved.clone()
    for column in anatomy.lips:
        gap = column.gap(moved)
        column.part(closed, torch.minimum(gap, column.gap(source).clamp_min(0) * (1 - part)) - gap)
    return closed


def _invertible(change: Tensor) -> Tensor:
    """Shorten changes `[K, 2, 2]` that would fold the picture over when they are added to the identity."""
    shortened: Tensor = (
        change * (_MOST_CHANGE / torch.linalg.matrix_norm(change, 2).clamp_min(_MOST_CHANGE))[:, None, None]
    )
    return shortened


def _check(found: Directions) -> None:
    """Refuse tensors that do not belong together.

    Raises:
        ValueError: as said.
    """
    count, strokes = len(found.turn), len(STROKES)
    shapes = {
        "turn": (count, 4), "slope": (count, 3), "value": (strokes, count, 2), "jacobian": (strokes, count, 2, 2)
    }  # fmt: skip
    for name, shape in shapes.items():
        tensor: Tensor = getattr(found, name)
        if tuple(tensor.shape) != shape or tensor.dtype != torch.float32 or not bool(tensor.isfinite().all()):
            raise ValueError(f"{name} is not {list(shape)} finite float32 numbers")
