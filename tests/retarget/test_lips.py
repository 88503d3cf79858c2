"""Lips that meet: a driver's shut mouth shuts the photo's, lips never cross, speech is left as it is."""

from dataclasses import replace

import pytest
import torch
from faces import ANATOMY, face, gap_of
from motion_tracks import make_track

from fomm.config.motion import TransferSettings
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import TIED_LANDMARKS
from fomm.retarget.lips import Mouths, close_lips, drop_jaw
from fomm.retarget.transfer import Transfer


def driven(photo, *drivers, start):
    driving = torch.cat(drivers)
    moved = photo + driving - start
    return close_lips(moved, Mouths(photo, start, driving), ANATOMY.size(start), ANATOMY.lips)


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


def opened(photo, *drivers, start, factor=1.0):
    driving = torch.cat(drivers)
    moved = driven(photo, *drivers, start=start)
    mouths = Mouths(photo, start, driving)
    return drop_jaw(moved, mouths, ANATOMY.size(photo), ANATOMY.lips, ANATOMY.jaw, factor), moved


@pytest.mark.parametrize("angle", [0.0, 0.6])
def test_a_driver_whose_mouth_is_never_shut_opens_the_photos_as_far(angle):
    start, photo = face(gap=0.15, angle=angle), face(gap=0.0, angle=angle)
    made, moved = opened(photo, *(face(gap=gap, angle=angle) for gap in (0.0, 0.1, 0.15, 0.3)), start=start)
    assert gap_of(moved)[-1].max() < 0.16  # as far as it went since the reference frame
    torch.testing.assert_close(
        gap_of(made), torch.tensor([[0.0], [0.1], [0.15], [0.3]]).expand(-1, 3), atol=1e-5, rtol=0
    )


def test_the_jaw_drops_and_the_upper_lip_stays():
    start, photo = face(gap=0.15), face(gap=0.0)
    made, moved = opened(photo, start, start=start)
    step = made - moved
    for column in ANATOMY.lips:
        assert not step[0, [column.upper_outer, column.upper_inner]].any()
        torch.testing.assert_close(step[0, column.lower_outer], torch.tensor([0.0, 0.15]), atol=1e-5, rtol=0)
    chin = TIED_LANDMARKS.index(152)
    assert 0.03 < step[0, chin, 1] < 0.1
    eyes = [place for eye in ANATOMY.eyes for place in vars(eye).values()]
    assert not step[0, eyes].any()


@pytest.mark.parametrize(("own", "was"), [(0.1, 0.1), (0.12, 0.05), (0.0, 0.01)])
def test_mouths_alike_in_the_reference_frame_are_left_to_relative_motion(own, was):
    start, photo = face(gap=was), face(gap=own)
    made, moved = opened(photo, face(gap=0.3), start, start=start)
    torch.testing.assert_close(made, moved)


def test_half_an_expression_opens_the_mouth_half_way():
    start, photo = face(gap=0.2), face(gap=0.0)
    made, moved = opened(photo, start, start=start, factor=0.5)
    torch.testing.assert_close(gap_of(made) - gap_of(moved), torch.full((1, 3), 0.1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("meet", [True, False])
def test_the_setting_says_whether_lips_meet(meet):
    start, photo = face(gap=0.1), face(gap=0.0)
    track = replace(make_track(2, keypoints=42, jacobian=False), value=torch.cat((start, face(gap=0.0))))
    options = TransferSettings(reference="0", adapt_scale=False, lips_meet=meet)
    made = Transfer(Keypoints(photo), track, options, ANATOMY).driving().value[1:]
    assert (gap_of(made).abs().max() < 1e-5) == meet
