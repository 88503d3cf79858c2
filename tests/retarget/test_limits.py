"""Heads that turn, as solid faces seen from afar, and photos that are turned less far."""

from dataclasses import replace

import pytest
import torch
from faces import ANATOMY, face, seen_from
from motion_tracks import make_track

from fomm.config.motion import ANYWHERE, TransferSettings
from fomm.geometry.anatomy import Anatomy
from fomm.geometry.head import Head, without_head
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import MEAN_FACE
from fomm.retarget.transfer import Transfer

WITH_BODY = Anatomy.of_tied(42, 16)
BODY = list(WITH_BODY.body)
SOLID = 0.3 * torch.tensor(MEAN_FACE)[None, :, :2]


def leaning(value):
    """How much of the face one half takes more than the other, from where eyes and bridge are, `[B]`."""
    eyes, bridge = value[:, [eye.outer for eye in ANATOMY.eyes], 0], value[:, [31], 0]
    left, right = (bridge - eyes[:, :1])[:, 0], (eyes[:, 1:] - bridge)[:, 0]
    return (left - right) / (left + right)


def driven(*faces, source=None, **options):
    body = torch.rand(1, 16, 2, generator=torch.Generator().manual_seed(2)) - 0.5
    value = torch.cat([torch.cat((part, body), dim=1) for part in faces])
    jacobian = torch.eye(2).repeat(len(faces), 58, 1, 1) * (1 + 0.1 * torch.arange(len(faces)))[:, None, None, None]
    track = replace(make_track(len(faces), keypoints=58), value=value, jacobian=jacobian)
    photo = Keypoints(torch.cat((faces[0] if source is None else source, body), dim=1), jacobian[:1])
    return Transfer(photo, track, TransferSettings(reference="0", **options), WITH_BODY).driving()


def test_a_turn_of_the_head_is_no_expression():
    head, there = Head.of(SOLID, ANATOMY), seen_from(35, 10, SOLID)
    assert (there - SOLID).abs().max() > 0.15
    torch.testing.assert_close(head.moved(head.motion(there)), there, atol=1e-4, rtol=0)
    torch.testing.assert_close(without_head(SOLID, there, ANATOMY), SOLID, atol=1e-4, rtol=0)


def test_a_small_turn_is_carried_over_as_it_is():
    there = seen_from(12)
    assert 0.1 < leaning(there).abs() < 0.19
    torch.testing.assert_close(driven(face(), there).value[1:, :42], there, atol=1e-4, rtol=0)


@pytest.mark.parametrize("side", [-1, 1])
def test_a_far_turn_is_shortened_and_goes_on_growing(side):
    angles = (0, 15, 25, 35, 45, 70)
    made = driven(*(seen_from(side * angle, start=SOLID) for angle in angles), turn=0.3)
    leant = leaning(made.value[:, :42]) * side
    assert (leant.diff() > -1e-5).all()
    assert leant[1] == pytest.approx(float(leaning(seen_from(side * 15, start=SOLID)) * side), abs=0.01)
    assert leant[3] < leaning(seen_from(side * 35, start=SOLID)).abs() - 0.03
    assert 0.29 < leant[-1] <= 0.3 + 1e-4 < leaning(seen_from(side * 70, start=SOLID)).abs() / 2


def test_a_photo_that_is_turned_itself_turns_as_far_from_there():
    source = seen_from(-30, start=SOLID)
    made = driven(*(seen_from(angle, start=SOLID) for angle in (-30, -10, 10, 40)), source=source, turn=0.3)
    assert (leaning(made.value[:, :42]) - leaning(source)).abs().max() < 0.3


def test_the_body_stays_where_the_driver_takes_it_and_the_mouth_speaks_on():
    far, speaking = seen_from(60), seen_from(60, start=face(gap=0.1))
    anywhere, held = driven(face(), far, turn=ANYWHERE), driven(face(), far, turn=0.3)
    torch.testing.assert_close(held.value[:, BODY], anywhere.value[:, BODY], atol=1e-5, rtol=0)
    torch.testing.assert_close(held.jacobian[:, BODY], anywhere.jacobian[:, BODY], atol=1e-5, rtol=0)
    assert (held.jacobian - anywhere.jacobian)[1, :42].abs().max() > 0.01
    made = driven(face(), far, speaking, turn=0.3)
    gaps = torch.stack([column.gap(made.value) for column in ANATOMY.lips], dim=1)
    assert (gaps[2] - gaps[1] > 0.08).all()


def test_wherever_the_driver_turns_on_demand():
    there = seen_from(50)
    torch.testing.assert_close(driven(face(), there, turn=ANYWHERE).value[1:, :42], there, atol=1e-4, rtol=0)
    assert leaning(driven(face(), there, turn=0.0).value[1:, :42]).abs() < 0.01
