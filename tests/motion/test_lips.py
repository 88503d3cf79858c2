"""Lips that meet: a driver's shut mouth shuts the photo's, lips never cross, speech is left as it is."""

from dataclasses import replace

import pytest
import torch
from faces import ANATOMY, face, gap_of
from motion_tracks import make_track

from fomm.motion.lips import close_lips
from fomm.motion.transfer import Transfer, TransferSettings
from fomm.nn.geometry import Keypoints


def driven(photo, *drivers, start):
    driving = torch.cat(drivers)
    moved = photo + driving - start
    return close_lips(moved, photo, driving, start, ANATOMY.size(start), ANATOMY.lips)


@pytest.mark.parametrize("angle", [0.0, 0.6, -2.0])
@pytest.mark.parametrize("own", [0.0, 0.03, 0.2])
def test_a_mouth_shuts_when_the_drivers_does(own, angle):
    """Whether the photo's stands less or wider open than the driver's in the reference frame."""
    start, shut = face(gap=0.1, angle=angle), face(gap=0.0, angle=angle)
    made = driven(face(gap=own, angle=angle), shut, start, start=start)
    assert gap_of(made[:1]).abs().max() < 1e-5
    torch.testing.assert_close(gap_of(made[1:]), torch.full((1, 3), own), atol=1e-5, rtol=0)


def test_lips_that_close_never_cross():
    start = face(gap=0.1)
    made = driven(face(gap=0.02), *(face(gap=0.1 - step / 100) for step in range(11)), start=start)
    gaps = gap_of(made)
    assert gaps.min() > -1e-5
    assert bool((gaps.diff(dim=0) < 1e-6).all())


def test_a_mouth_that_opens_further_is_left_to_relative_motion():
    start, photo = face(gap=0.05), face(gap=0.0)
    wide = face(gap=0.3)
    assert torch.equal(driven(photo, wide, start=start), photo + wide - start)


def test_lips_shut_in_the_reference_frame_say_nothing_about_an_open_photo():
    start, photo = face(gap=0.0), face(gap=0.1)
    assert torch.allclose(driven(photo, start, start=start), photo, atol=1e-6)


def test_both_lips_move_whole_and_nothing_else():
    start, photo = face(gap=0.1), face(gap=0.0)
    step = driven(photo, face(gap=0.0), start=start) - (photo + face(gap=0.0) - start)
    for column in ANATOMY.lips:
        assert torch.equal(step[0, column.upper_outer], step[0, column.upper_inner])
        assert torch.equal(step[0, column.lower_outer], step[0, column.lower_inner])
    lips = {place for column in ANATOMY.lips for place in vars(column).values()}
    assert not step[0, [place for place in range(42) if place not in lips]].any()


@pytest.mark.parametrize("meet", [True, False])
def test_the_setting_says_whether_lips_meet(meet):
    start, photo = face(gap=0.1), face(gap=0.0)
    track = replace(make_track(2, keypoints=42, jacobian=False), value=torch.cat((start, face(gap=0.0))))
    options = TransferSettings(reference="0", adapt_scale=False, lips_meet=meet)
    made = Transfer(Keypoints(photo), track, options, ANATOMY).driving().value[1:]
    assert (gap_of(made).abs().max() < 1e-5) == meet
