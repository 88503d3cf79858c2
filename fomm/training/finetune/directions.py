"""Learn what a model's keypoints do when the head turns or the face moves: the edit directions of `fomm.retarget.edit`.

The detector looks at frames of labelled clips (the format of `fomm.training.data.labelled_clips`: pose and 52
expression strengths per frame). Displacements are measured in face sizes from the frame of the clip that is nearest to
rest, and what a clip has in common is taken out, so that neither the person nor where they sit counts. Ridge regression
then explains them by the head's rotation, with unknown pivot and depth per keypoint, and by the expression units, all
at once.

Run again after every change of the detector; two minutes on two cores:

    fomm directions compact-256 CLIPS
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fomm.errors import CheckpointError, MediaError
from fomm.geometry.affine import inverse_2x2
from fomm.geometry.anatomy import Anatomy, anatomy_of
from fomm.geometry.head import without_head
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import MIRROR
from fomm.model.interface import AnimationModel
from fomm.retarget.edit import STROKES, UNTIED, Directions
from fomm.retarget.turning import head_rotation, slope_basis, turn_basis
from fomm.weights.fingerprint import detector_fingerprint

UNITS = 52
_SIGNS = (1.0, -1.0, -1.0)  # the clips' pitch and roll run the other way round than ours
# Which expression units, by number, make a full stroke, and how strong. Detectors report less than what happened and
# faces differ, so strengths are set by eye: what looks like a full blink, smile and so on.
_MADE_OF: dict[str, dict[int, float]] = {
    "blink": {8: 1.7, 9: 1.7},  # eyeBlink left, right
    "mouth": {24: 0.6, 33: 0.15, 34: 0.15},  # jawOpen, mouthLowerDown
    "smile": {43: 1.3, 44: 1.3, 6: 0.5, 7: 0.5},  # mouthSmile, cheekSquint
    "brows": {2: 2.4, 3: 2.4, 4: 2.4},  # browInnerUp, browOuterUp
}
_SHUT_BY_FLOW = (
    "blink"  # its lids are shut in the flow (`fomm.parts.lids`); squeezed Jacobians would tear the skin above
)
_RIDGE = 1e-3
_EVERY = 3  # frames of a clip between two that are looked at
_CLIPS = 100


@dataclass(frozen=True)
class Observations:
    """Keypoints and labels of N clips, T frames each.

    Attributes:
        value: `[N, T, K, 2]`.
        jacobian: `[N, T, K, 2, 2]`, or None.
        pose: yaw, pitch, roll in radians, signs as in `head_rotation`, `[N, T, 3]`.
        units: expression strengths `[N, T, 52]`.
    """

    value: Tensor
    jacobian: Tensor | None
    pose: Tensor
    units: Tensor


def learn_directions(
    model: AnimationModel,
    checkpoint: str,
    clips: Path,
    *,
    limit: int = _CLIPS,
    progress: Callable[[int, int], None] | None = None,
) -> Directions:
    """Return the edit directions of a model.

    Args:
        model: whose detector is asked.
        checkpoint: SHA-256 of its file.
        clips: a folder of labelled clips with `index.json`; only its training split is looked at.
        limit: look at this many clips, evenly over the folder.
        progress: told the clips done and how many there are.

    Raises:
        MediaError: the folder holds no such clips, or one is damaged.
        CheckpointError: the model's keypoints are not tied to the face.
    """
    fingerprint = detector_fingerprint(model)
    anatomy = anatomy_of(model.config)
    if anatomy is None:
        raise CheckpointError(UNTIED)
    return fit(observe(model, clips, limit, progress), anatomy, fingerprint, checkpoint)


def observe(
    model: AnimationModel, clips: Path, limit: int, progress: Callable[[int, int], None] | None = None
) -> Observations:
    """Run the detector over frames of labelled clips."""
    names = _names(clips)
    names = [names[int(i)] for i in np.linspace(0, len(names) - 1, min(limit, len(names)))]
    keypoints: list[Keypoints] = []
    poses, units = [], []
    for done, name in enumerate(names, 1):
        frames, pose, unit = _read(clips / "train" / name)
        with torch.inference_mode():
            pictures = torch.from_numpy(frames).permute(0, 3, 1, 2).float().div(255)  # [T, 3, H, W]
            keypoints.append(model.detect(pictures).detach())
        poses.append(pose * np.asarray(_SIGNS, np.float32))
        units.append(unit)
        if progress is not None:
            progress(done, len(names))
    jacobians = [part.jacobian for part in keypoints if part.jacobian is not None]
    try:
        return Observations(
            torch.stack([part.value for part in keypoints]).float(),
            torch.stack(jacobians).float() if jacobians else None,
            torch.from_numpy(np.stack(poses)),
            torch.from_numpy(np.stack(units)),
        )
    except (ValueError, RuntimeError) as error:
        raise MediaError(f"The clips in {clips} differ in length; make them with one command.") from error


def fit(seen: Observations, anatomy: Anatomy, detector: str, checkpoint: str) -> Directions:
    """Explain what the keypoints did; the two halves of a face are taken to be alike."""
    clips = torch.arange(len(seen.value))
    rest = (seen.pose.square().sum(-1) + 0.1 * seen.units.square().sum(-1)).argmin(1)  # [N]
    start = seen.value[clips, rest]  # [N, K, 2]
    centre = start[:, : anatomy.face].mean(1, keepdim=True)
    size = anatomy.size(start)[:, None, None]
    placed = (start - centre) / size  # [N, K, 2]
    rotation = head_rotation(seen.pose)
    rotation = rotation @ rotation[clips, rest][:, None].transpose(-1, -2)  # [N, T, 3, 3]
    units = seen.units - seen.units[clips, rest][:, None]
    moved = (seen.value - start[:, None]) / size[:, None]  # [N, T, K, 2]

    basis = turn_basis(placed[:, None].expand_as(moved), rotation)  # [N, T, K, 2, 4]
    share = _shares(moved, basis, units, anatomy.face)
    moved = moved - basis[..., 0] * share[:, None]
    turn, strokes = _explain(moved, basis[..., 1:], units)
    turn = _alike(torch.cat((share[:, None], turn), 1), torch.tensor([1.0, -1.0, 1.0, 1.0]))
    value = torch.stack([_mix(strokes, name) for name in STROKES])  # [S, K, 2]
    mean = placed.mean(0, keepdim=True)
    value = without_head(mean, mean + value, anatomy) - mean  # sitting up while smiling is no part of a smile
    value = torch.stack([_alike(stroke, torch.tensor([-1.0, 1.0])) for stroke in value])
    value[:, anatomy.face :] = 0
    slope, jacobian = torch.zeros(len(turn), 3), torch.zeros(*value.shape, 2)
    if seen.jacobian is not None:
        first = seen.jacobian[clips, rest][:, None]
        change = seen.jacobian @ inverse_2x2(first) - torch.eye(2)  # [N, T, K, 2, 2]
        slopes = slope_basis(rotation)[:, :, None].expand(*change.shape, 3)
        slope, strokes = _explain(change.flatten(-2), slopes.flatten(-3, -2), units)
        slope = _alike(slope, torch.tensor([1.0, -1.0, 1.0]))
        mirrored = torch.tensor([1.0, -1.0, -1.0, 1.0])
        jacobian = torch.stack([_alike(_mix(strokes, name), mirrored) for name in STROKES]).view(*value.shape, 2)
        jacobian[:, anatomy.face :] = 0
        jacobian[STROKES.index(_SHUT_BY_FLOW)] = 0
    return Directions(turn, slope, value, jacobian, detector, checkpoint)


def _alike(part: Tensor, signs: Tensor) -> Tensor:
    """Average the rows `[K, D]` of tied keypoints with those of their mirror image, whose columns change signs."""
    mirror = torch.tensor([other for other in MIRROR if other < len(part)])
    alike = part.clone()
    alike[: len(mirror)] = (part[: len(mirror)] + part[mirror] * signs) / 2
    return alike


def _shares(moved: Tensor, basis: Tensor, units: Tensor, face: int) -> Tensor:
    """Return how far each keypoint follows the head, `[K]`: the face wholly, the others as their travel says."""
    turn, _ = _explain(moved, basis[..., 1:], units)
    depth = turn[:, 2]
    share = (depth / depth[:face].mean()).clamp(0, 1)
    share[:face] = 1.0
    return share


def _explain(moved: Tensor, basis: Tensor, units: Tensor) -> tuple[Tensor, Tensor]:
    """Return coefficients of the basis `[K, P]` and of the units `[K, U, D]` that explain `moved` `[N, T, K, D]`.

    What the units explain is taken out of both sides first (Frisch and Waugh 1933), which leaves a tiny system per
    keypoint.

    Args:
        moved: what the keypoints did.
        basis: how it depends on the rotation, `[N, T, K, D, P]`.
        units: expression strengths `[N, T, U]`.
    """
    moved, basis, units = ((part - part.mean(1, keepdim=True)).flatten(0, 1).double() for part in (moved, basis, units))
    count = len(units)
    gram = units.T @ units + _RIDGE * count * torch.eye(units.shape[1], dtype=torch.float64)

    def by_units(part: Tensor) -> Tensor:
        solved: Tensor = torch.linalg.solve(gram, units.T @ part.flatten(1))  # [U, ...]
        return solved

    def without_units(part: Tensor) -> Tensor:
        return part - (units @ by_units(part)).view_as(part)

    left = without_units(basis).permute(1, 0, 2, 3).flatten(1, 2)  # [K, N T D, P]
    right = without_units(moved).permute(1, 0, 2).flatten(1)[..., None]  # [K, N T D, 1]
    ridge = _RIDGE * 0.01 * count * torch.eye(left.shape[-1], dtype=torch.float64)
    coefficients = torch.linalg.solve(left.mT @ left + ridge, left.mT @ right)[..., 0]  # [K, P]
    rest = moved - torch.einsum("bkdp,kp->bkd", basis, coefficients)
    strokes = by_units(rest).view(-1, *moved.shape[1:]).transpose(0, 1)  # [K, U, D]
    return coefficients.float(), strokes.float()


def _mix(strokes: Tensor, name: str) -> Tensor:
    """Return one named stroke `[K, D]` out of those of the units `[K, U, D]`."""
    return torch.stack([strokes[:, unit] * strength for unit, strength in _MADE_OF[name].items()]).sum(0)


def _names(clips: Path) -> list[str]:
    try:
        index: dict[str, dict[str, Any]] = json.loads((clips / "index.json").read_text(encoding="utf-8"))
        names = sorted(name for name, entry in index.items() if entry["split"] == "train")
    except (OSError, ValueError, AttributeError, TypeError, KeyError) as error:
        raise MediaError(f"{clips} is not a folder of labelled clips: its index.json cannot be read.") from error
    if not names:
        raise MediaError(f"{clips} has no training clips.")
    return names


def _read(clip: Path) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]:
    """Return every few frames of a clip with pose and expression."""
    truth, video = clip.with_suffix(".npz"), clip.with_suffix(".mp4")
    try:
        with np.load(truth, allow_pickle=False) as archive:
            pose, units = archive["pose"].astype(np.float32), archive["expression"].astype(np.float32)
        frames = np.asarray(iio.imread(video, plugin="FFMPEG"), dtype=np.uint8)
    except (OSError, KeyError, ValueError, EOFError, RuntimeError) as error:
        raise MediaError(f"{clip} is not a labelled clip ({error}); copy it again.") from error
    if len(frames) < len(pose) or pose.shape[1:] != (3,) or units.shape != (len(pose), UNITS):
        raise MediaError(f"{clip} has {len(frames)} frames and labels that do not fit; copy it again.")
    return frames[: len(pose) : _EVERY], pose[::_EVERY], units[::_EVERY]
