"""Head motion and expression apart: a face of 42 tied keypoints and two on the shoulders."""

import math
from dataclasses import replace

import pytest
import torch
from motion_tracks import make_track

from fomm.config.motion import TransferSettings
from fomm.errors import MotionError
from fomm.geometry.anatomy import Anatomy
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import REGIONS, TIED_LANDMARKS
from fomm.retarget.transfer import Transfer

TIED = len(TIED_LANDMARKS)
ANATOMY = Anatomy.of_tied(TIED)
MOUTH = list(REGIONS["mouth"])


def neutral():
    torch.manual_seed(3)
    return torch.rand(1, TIED + 2, 2) - 0.5


def turned(value, angle=0.2, shift=0.1):
    turn = torch.tensor([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return value @ turn + shift


def talking(value):
    spoken = value.clone()
    spoken[:, MOUTH, 1] += 0.05
    return spoken


def moved(**strengths):
    start = neutral()
    value = torch.cat((start, turned(talking(start))))
    track = replace(make_track(2, keypoints=TIED + 2, jacobian=False), value=value)
    options = TransferSettings(reference="0", full_blinks=False, **strengths)
    return Transfer(Keypoints(start), track, options, ANATOMY).driving().value[1:]


def test_without_expression_the_head_turns_and_the_mouth_keeps_its_shape():
    assert torch.allclose(moved(expression=0.0)[:, :TIED], turned(neutral())[:, :TIED], atol=1e-5)


def test_without_head_motion_the_mouth_speaks_and_all_else_stays():
    still = moved(head=0.0)
    others = [k for k in range(TIED + 2) if k not in MOUTH]
    assert torch.allclose(still[:, others], neutral()[:, others], atol=1e-5)
    assert torch.allclose((still - neutral())[:, MOUTH].norm(dim=-1), torch.tensor(0.05), atol=1e-5)


def test_both_at_full_strength_are_the_whole_motion():
    assert torch.allclose(moved(), turned(talking(neutral())), atol=1e-6)
    almost = moved(head=1.0, expression=0.999)
    assert torch.allclose(almost, moved(), atol=1e-3)


def test_a_larger_face_moves_further_whatever_its_shoulders_do():
    start = neutral()
    track = replace(make_track(2, keypoints=TIED + 2, jacobian=False), value=torch.cat((start, start + 0.1)))
    photo = 1.5 * start
    photo[:, TIED:] = 0.9
    options = TransferSettings(reference="0")
    assert Transfer(Keypoints(photo), track, options, ANATOMY).scale == pytest.approx(1.5, rel=1e-4)


def test_untied_keypoints_cannot_tell_head_from_expression():
    track = make_track()
    with pytest.raises(MotionError, match="tied to the face"):
        Transfer(track.keypoints(0, 1), track, TransferSettings(head=0.5))
    Transfer(track.keypoints(0, 1), track, TransferSettings(head=0.5, expression=0.5))
