"""The driving frame whose pose and expression come nearest the photo's: where relative motion should start.

Relative motion carries over how the driver differs from the reference frame, so any difference between that frame
and the photo stays in the result for the whole clip. Our own keypoints measure it; no landmark model is needed.

Faces differ, and shape alone mistakes one person's full lips for another's grin. Where keypoints are tied to a face,
what people have in common is compared instead: how far the lips are apart, how far the lids are open and where the eyes
look; and the shape of the rest, which tells the pose. How far a head is above its shoulders differs from person to
person, too, but a driver's usual posture is the likeliest one of the photo.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fomm.errors import MotionError
from fomm.geometry.anatomy import Anatomy
from fomm.geometry.head import Head
from fomm.geometry.keypoints import Keypoints
from fomm.retarget.blink import usual_opening
from fomm.track.track import MotionTrack

# What counts as much as ten degrees of yaw, which change `normalised` keypoints off lips and lids by about .25 squared
# units in all: lips a ninth of a face size further apart, both eyes half shut, a gaze a quarter of an eye aside.
_LIPS, _LIDS, _GAZE = 20.0, 1.0, 1.0
_POSTURE = 1.5  # likewise: a head .4 face sizes nearer to its shoulders than usual, or further away
_WIDE_OPEN = 0.2  # lid distance over eye width of eyes that are not about to close, however narrow


def best_reference(source: Keypoints, track: MotionTrack, anatomy: Anatomy | None = None) -> int:
    """Return the index of the frame that matches the source best, place and size aside.

    Args:
        source: keypoints of the photo, `[1, K, 2]`.
        track: the driving clip; frames where the face was not found are left out.
        anatomy: what the keypoints are tied to; None compares shapes alone.

    Raises:
        MotionError: no frame shows the face.
    """
    if not bool(track.found.any()):
        raise MotionError("No frame of the driving clip shows the face; mark it with --driving-box x,y,width,height.")
    target = source.value.detach().to("cpu", torch.float32)  # [1, K, 2]
    if anatomy is None:
        distance = _shape(track.value, target)
    else:
        pose = sorted(set(range(anatomy.face)) - set(anatomy.moving))
        distance = _shape(track.value[:, pose], target[:, pose]) + _expression(track, target, anatomy)
        distance = distance + _posture(track, anatomy)
    return int(distance.masked_fill(~track.found, torch.inf).argmin())


def normalised(value: Tensor) -> Tensor:
    """Centre keypoints `[B, K, 2]` and scale them to a root-mean-square radius of 1."""
    centred = value - value.mean(dim=1, keepdim=True)
    radius = centred.square().sum(dim=2).mean(dim=1).sqrt()  # [B]
    return centred / radius.clamp(min=1e-6)[:, None, None]


def _shape(value: Tensor, target: Tensor) -> Tensor:
    return (normalised(value) - normalised(target)).square().sum(dim=(1, 2))  # [T]


def _expression(track: MotionTrack, target: Tensor, anatomy: Anatomy) -> Tensor:
    """Return how far each frame's expression is from that of the photo's keypoints `[1, K, 2]`, `[T]`."""
    distance = track.value.new_zeros(len(track))
    for column in anatomy.lips:
        apart, own = (column.gap(value) / anatomy.size(value).clamp_min(1e-6) for value in (track.value, target))
        distance += _LIPS * (apart - own).square() / len(anatomy.lips)
    for eye in anatomy.eyes:
        opening = eye.opening(track.value)  # [T]
        usual = usual_opening(eye, track.value[track.found]).clamp_min(1e-3)
        shut = (eye.opening(target) / _WIDE_OPEN).clamp(max=1) - (opening / usual).clamp(max=1)
        distance += _LIDS * shut.square() / len(anatomy.eyes)
    aside = anatomy.gaze(track.value) - anatomy.gaze(target)  # [T, E, 2]
    return distance + _GAZE * aside.square().sum(-1).sum(-1) / max(len(anatomy.irises), 1)


def _posture(track: MotionTrack, anatomy: Anatomy) -> Tensor:
    """Return how far each frame's head is from where the driver usually carries it above the shoulders, `[T]`."""
    if not anatomy.body:
        return track.value.new_zeros(len(track))
    size = Head.of(track.value, anatomy).size.flatten().clamp_min(1e-6)
    raised = track.value[:, : anatomy.face, 1].mean(1) - track.value[:, list(anatomy.body), 1].mean(1)  # [T]
    usual = (raised / size)[track.found].median()
    return _POSTURE * (raised / size - usual).square()
