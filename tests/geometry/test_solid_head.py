"""Heads as solids: how they lie in a picture, and how the motion of one looks on another."""

import math
from dataclasses import replace

import pytest
import torch
from faces import ANATOMY, face, seen_from
from motion_tracks import make_track

from fomm.config.motion import ANYWHERE, TransferSettings
from fomm.geometry.anatomy import Anatomy
from fomm.geometry.head import Head
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import MEAN_FACE, MIRROR, TIED_LANDMARKS
from fomm.retarget.transfer import Transfer

WITH_BODY = Anatomy.of_tied(42, 16)
NOSE = TIED_LANDMARKS.index(1)


def centred(value):
    return value - value.mean(-2, keepdim=True)


def carried(photo, *driving):
    track = replace(make_track(len(driving), keypoints=42, jacobian=False), value=torch.cat(driving))
    options = TransferSettings(reference="0", roam=ANYWHERE, turn=ANYWHERE, full_blinks=False, lips_meet=False)
    return Transfer(Keypoints(photo), track, options, ANATOMY).driving().value[1:]


def test_the_mean_face_has_two_like_halves_and_a_nose_that_stands_out():
    mirrored = torch.tensor(MEAN_FACE)[list(MIRROR)] * torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(mirrored, torch.tensor(MEAN_FACE))
    assert max(range(42), key=lambda place: MEAN_FACE[place][2]) == NOSE


@pytest.mark.parametrize("yaw", [-40, 0, 25])
def test_depths_and_size_are_told_from_any_side(yaw):
    """In space, a point of a face turned about an upright axis is `z cos - x sin` deep."""
    x, y, z = (0.3 * torch.tensor(MEAN_FACE)).T
    cos, sin = math.cos(math.radians(yaw)), math.sin(math.radians(yaw))
    seen = torch.stack((x * cos + z * sin, y), dim=-1)[None] + 0.1
    head = Head.of(seen, ANATOMY)
    torch.testing.assert_close(centred(head.space)[0, :, 2], z * cos - x * sin, atol=1e-3, rtol=0)
    assert float(head.size) == pytest.approx(0.3, rel=1e-3)
    if yaw == -40:
        assert float(ANATOMY.size(seen)) < 0.29  # the spread of what is seen, which shrinks


@pytest.mark.parametrize(("photo", "turn"), [(-30, 25), (-30, -10), (20, 15)])
def test_a_photo_from_the_side_turns_on_as_a_solid(photo, turn):
    made = carried(seen_from(photo), seen_from(0), seen_from(turn))
    true = seen_from(photo + turn)
    steps = seen_from(photo) + seen_from(turn) - seen_from(0)
    wrong = (centred(made) - centred(true)).norm(dim=-1).mean()
    assert wrong < 0.01
    assert wrong < 0.35 * (centred(steps) - centred(true)).norm(dim=-1).mean()


def test_a_wider_face_goes_by_its_own_width_when_it_rolls():
    angle = math.radians(20)
    roll = torch.tensor([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    wide = face() * torch.tensor([1.2, 1.0])
    made = carried(wide, face(), face() @ roll)
    torch.testing.assert_close(centred(made), centred(wide @ roll), atol=0.006, rtol=0)


def test_a_smaller_head_goes_less_far():
    made = carried(0.5 * face(), face(), face() + torch.tensor([0.2, -0.1]))
    torch.testing.assert_close(made, 0.5 * face() + torch.tensor([0.1, -0.05]), atol=1e-4, rtol=0)


def test_shoulders_further_out_go_as_the_drivers_surroundings_do():
    """A driver who comes nearer grows about some place, and so does a photo with shoulders elsewhere."""
    off = torch.tensor([[x, 0.8] for x in torch.linspace(-0.6, 0.6, 16).tolist()])[None]
    start = torch.cat((face(), off), dim=1)
    photo = torch.cat((face(), off * torch.tensor([1.5, 1.1])), dim=1)
    jacobian = torch.eye(2).repeat(2, 58, 1, 1) * torch.tensor([1.0, 1.25])[:, None, None, None]
    track = replace(make_track(2, keypoints=58), value=torch.cat((start, 1.25 * start)), jacobian=jacobian)
    options = TransferSettings(reference="0", roam=ANYWHERE, turn=ANYWHERE)
    made = Transfer(Keypoints(photo, jacobian[:1]), track, options, WITH_BODY).driving().value[1]
    torch.testing.assert_close(made, 1.25 * photo[0], atol=1e-3, rtol=0)
    options = replace(options, head=0.5, expression=0.5)
    half = Transfer(Keypoints(photo, jacobian[:1]), track, options, WITH_BODY).driving().value[1]
    torch.testing.assert_close(half, 1.125 * photo[0], atol=1e-3, rtol=0)
