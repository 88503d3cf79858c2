"""A single picture as driver: its expression arrives, its head's pose and its owner's shape do not."""

from dataclasses import replace

import pytest
import torch
from faces import ANATOMY, face, gap_of, seen_from
from motion_tracks import make_track

from fomm.config.motion import TransferSettings
from fomm.errors import MotionError
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import TIED_LANDMARKS
from fomm.retarget.expression import FPS, expression_motion, there_and_back
from fomm.retarget.transfer import Transfer

CHEEK, CHIN = TIED_LANDMARKS.index(50), TIED_LANDMARKS.index(172)


def still(value):
    return replace(make_track(1, keypoints=42, jacobian=False), value=value, found=torch.tensor([True]))


def carried(photo, driver):
    motion = expression_motion(Keypoints(photo), still(driver), ANATOMY)
    return Transfer(Keypoints(photo), motion, TransferSettings(), ANATOMY).driving().value


def test_the_photo_goes_to_the_expression_and_back():
    made = carried(face(), face(gap=0.12))
    middle = len(made) // 2
    assert gap_of(made[:1]).mean() == pytest.approx(0.0, abs=0.01)
    assert gap_of(made[middle : middle + 1]).mean() == pytest.approx(0.12, abs=0.03)
    torch.testing.assert_close(made[-1], made[0], atol=1e-4, rtol=0)
    assert (made[1:] - made[:-1]).abs().max() < 0.02  # no jump


def test_a_driver_with_the_photos_own_face_moves_nothing():
    made = carried(face(gap=0.05), face(gap=0.05))
    torch.testing.assert_close(made, made[:1].expand_as(made), atol=2e-3, rtol=0)


@pytest.mark.parametrize("yaw", [-20, 15])
def test_how_the_drivers_head_is_turned_does_not_arrive(yaw):
    straight, aside = (carried(face(), seen_from(turn, start=face())) for turn in (0, yaw))
    moved = (aside - aside[:1]).abs()[:, list(ANATOMY.steady)].max()
    assert moved < 0.02
    assert (straight - straight[:1]).abs().max() < 0.01


def test_how_the_driver_is_built_does_not_arrive():
    wide = face()
    wide[:, [CHEEK, CHIN], 0] -= 0.1
    made = carried(face(), wide)
    assert (made - made[:1])[:, [CHEEK, CHIN]].abs().max() < 0.02


def test_a_model_whose_keypoints_are_tied_to_nothing_says_so():
    with pytest.raises(MotionError, match=r"single picture.*give a clip"):
        expression_motion(Keypoints(face()), still(face()), None)


def test_motions_that_are_made_ease_in_and_out():
    shares = there_and_back(0.4, 0.2)
    assert shares[0] == shares[-1] == 0
    assert max(shares) == 1
    assert len(shares) == pytest.approx((0.4 + 0.2 + 0.4) * FPS, abs=2)
    assert there_and_back(0.4, 0.2, back=False)[-1] == 1
