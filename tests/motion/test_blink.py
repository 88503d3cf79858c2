"""Blinks: shut eyes shut fully, open ones are left alone."""

import torch

from fomm.motion.blink import Eye, close_eyes

EYE = Eye(0, 1, 2, 3)


def eye(opening: float, width: float = 0.2) -> torch.Tensor:
    """Keypoints [1, 4, 2] of one level eye whose lids stand `opening` eye widths apart."""
    lid = opening * width / 2
    return torch.tensor([[[-width / 2, 0.0], [width / 2, 0.0], [0.0, -lid], [0.0, lid]]])


def test_narrow_driver_shuts_wide_eyes():
    open_driver, shut_driver, wide_photo = eye(0.22), eye(0.08), eye(0.5)
    moved = wide_photo + (shut_driver - open_driver)  # relative motion alone leaves them more than half open
    assert EYE.opening(moved) > 0.3
    assert EYE.opening(close_eyes(moved, shut_driver, open_driver, [EYE])) < 0.05


def test_small_changes_are_left_to_relative_motion():
    driver = torch.cat([eye(0.27), eye(0.24), eye(0.30)])
    moved = eye(0.5).expand(3, -1, -1)
    assert torch.equal(close_eyes(moved, driver, eye(0.27), [EYE]), moved)


def test_only_the_upper_lid_moves_and_closing_is_gradual():
    driver = torch.cat([eye(opening) for opening in (0.27, 0.18, 0.14, 0.11, 0.08)])
    moved = eye(0.5).expand(5, -1, -1)
    closed = close_eyes(moved, driver, eye(0.27), [EYE])
    assert torch.equal(closed[:, [0, 1, 3]], moved[:, [0, 1, 3]])
    openings = EYE.opening(closed)
    assert bool((openings.diff() < 0).all())


def test_eyes_shut_in_the_reference_frame_tell_nothing():
    moved = eye(0.5)
    assert torch.equal(close_eyes(moved, eye(0.02), eye(0.09), [EYE]), moved)
