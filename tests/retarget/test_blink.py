"""Blinks: shut eyes shut fully, open ones are left alone."""

import pytest
import torch

from fomm.geometry.anatomy import Eye
from fomm.retarget.blink import close_eyes, open_eyes, usual_opening

EYE = Eye(0, 1, 2, 3)


def eye(opening: float, width: float = 0.2) -> torch.Tensor:
    """Keypoints [1, 4, 2] of one level eye whose lids stand `opening` eye widths apart."""
    lid = opening * width / 2
    return torch.tensor([[[-width / 2, 0.0], [width / 2, 0.0], [0.0, -lid], [0.0, lid]]])


def test_narrow_driver_shuts_wide_eyes():
    open_driver, shut_driver, wide_photo = eye(0.22), eye(0.08), eye(0.5)
    moved = wide_photo + (shut_driver - open_driver)  # relative motion alone leaves them more than half open
    assert EYE.opening(moved) > 0.3
    assert EYE.opening(close_eyes(moved, shut_driver, open_driver, wide_photo, [EYE])) < 0.05


def test_small_changes_are_left_to_relative_motion():
    driver = torch.cat([eye(0.27), eye(0.24), eye(0.30)])
    moved = eye(0.5).expand(3, -1, -1)
    assert torch.equal(close_eyes(moved, driver, eye(0.27), eye(0.5), [EYE]), moved)


def test_only_the_upper_lid_moves_and_closing_is_gradual():
    driver = torch.cat([eye(opening) for opening in (0.27, 0.18, 0.14, 0.12, 0.08)])
    moved = eye(0.5).expand(5, -1, -1)
    closed = close_eyes(moved, driver, eye(0.27), eye(0.5), [EYE])
    assert torch.equal(closed[:, [0, 1, 3]], moved[:, [0, 1, 3]])
    openings = EYE.opening(closed)
    assert bool((openings.diff() < 0).all())


def test_eyes_shut_in_the_reference_frame_tell_nothing():
    moved = eye(0.5)
    assert torch.equal(close_eyes(moved, eye(0.02), eye(0.09), eye(0.5), [EYE]), moved)


def test_half_shut_eyes_are_half_shut_in_the_photo():
    start, half = eye(0.38), eye(0.2)  # (.2 - .08) / (.38 - .08) is four tenths
    for own in (0.3, 0.5):
        photo = eye(own)
        drooping = close_eyes(photo, half, start, photo, [EYE])  # as if relative motion had told nothing
        assert abs(float(EYE.opening(drooping)) - 0.4 * own) < 0.01
        calm = close_eyes(photo, half, start, photo, [EYE], strength=0.5)
        assert abs(float(EYE.opening(calm)) - 0.7 * own) < 0.01


def test_shut_eyes_are_shut_however_weak_motion_is_to_be():
    photo = eye(0.4)
    assert EYE.opening(close_eyes(photo, eye(0.08), eye(0.38), photo, [EYE], strength=0.3)) < 0.05


def test_a_reference_frame_with_narrow_eyes_counts_as_one_with_open_ones():
    driving = torch.cat([eye(opening) for opening in (0.05, 0.4, 0.38, 0.4, 0.21)])
    assert float(usual_opening(EYE, driving)) == pytest.approx(0.4, abs=0.01)
    for start, photo, expected in (
        (0.21, 0.36, 0.36),  # the photo's eyes are open: so are the driver's
        (0.21, 0.45, 0.4),  # but no further than they ever are
        (0.21, 0.21, 0.21),  # as narrow as the photo's: they belong together
        (0.38, 0.2, 0.38),  # narrow eyes that are open: nothing to tell
        (0.5, 0.35, 0.4),  # wide with surprise, and the photo's are not
    ):
        opened = open_eyes(eye(start), eye(photo), driving, [EYE])
        assert float(EYE.opening(opened)) == pytest.approx(expected, abs=0.01)
        assert torch.equal(opened[:, [0, 1, 3]], eye(start)[:, [0, 1, 3]])


def test_a_lid_goes_up_in_either_eye_and_in_any_tilt():
    turn = torch.tensor([[0.6, 0.8], [-0.8, 0.6]])
    other = Eye(1, 0, 2, 3)  # its outer corner is to the right
    for each in (EYE, other):
        start, photo = eye(0.1) @ turn, eye(0.4) @ turn
        opened = open_eyes(start, photo, eye(0.4) @ turn, [each])
        torch.testing.assert_close(opened[0, 2] - start[0, 2], torch.tensor([0.0, -0.06]) @ turn)
