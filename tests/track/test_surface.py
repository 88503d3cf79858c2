"""Following a patterned chest through frames whose keypoints tremble, and knowing what cannot be followed."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, map_coordinates

from fomm.geometry.keypoints import Keypoints
from fomm.track.surface import SurfaceTracker

SIDE, TIED = 256, 4
FACE = [[0.0, -0.7], [0.0, -0.1], [-0.2, -0.4], [0.2, -0.4]]
CHEST = [[-0.5, 0.5], [0.5, 0.5], [0.0, 0.7], [-0.3, 0.85], [0.3, 0.85]]
PIXEL = 2 / SIDE


def keypoints(shift=(0.0, 0.0), tremble=0.0, seed=0):
    noise = torch.randn(1, len(CHEST), 2, generator=torch.Generator().manual_seed(seed)) * tremble
    chest = torch.tensor([CHEST]) + torch.tensor(shift) + noise
    value = torch.cat((torch.tensor([FACE]), chest), dim=1)
    return Keypoints(value, torch.eye(2).expand(1, value.shape[1], 2, 2))


@pytest.fixture(scope="module")
def cloth():
    """A pattern, larger than the frame."""
    pattern = gaussian_filter(np.random.default_rng(5).normal(size=(400, 400, 3)), (3, 3, 0))
    return 127 + 50 * pattern / pattern.std()


def frame(cloth, shift=(0.0, 0.0), degrees=0.0, light=1.0):
    """Show the cloth below a grey wall, turned about the frame's centre and shifted by pixels."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(float)
    x, y = x - SIDE / 2 - shift[0], y - SIDE / 2 - shift[1]
    angle = np.radians(-degrees)
    where = np.stack((np.sin(angle) * x + np.cos(angle) * y, np.cos(angle) * x - np.sin(angle) * y)) + 200
    picture = np.stack([map_coordinates(cloth[..., i], where, order=1) for i in range(3)], axis=-1)
    picture[: SIDE // 2 - 20] = 120
    return np.clip(picture * light, 0, 255).astype(np.uint8)


def everywhere(_picture):
    return torch.ones(1, 1, 64, 64)


def chest_error(found, shift):
    """Return how many pixels the chest's keypoints are off in the mean."""
    true = torch.tensor([CHEST]) + torch.tensor(shift) * PIXEL
    return float((found.value[:, TIED:] - true).norm(dim=-1).mean()) / PIXEL


def test_a_chest_is_followed_where_keypoints_tremble(cloth):
    tracker = SurfaceTracker(everywhere, TIED)
    tracker.follow([frame(cloth)], keypoints())
    for number, shift in enumerate([(3.0, 1.0), (6.5, 2.0), (9.0, -2.5)]):
        vague = keypoints((shift[0] * PIXEL, shift[1] * PIXEL), tremble=4 * PIXEL, seed=number)
        found = tracker.follow([frame(cloth, shift)], vague)
        assert chest_error(vague, shift) > 3
        assert chest_error(found, shift) < 0.5
        torch.testing.assert_close(found.value[:, :TIED], vague.value[:, :TIED])


def test_a_turn_becomes_the_jacobians(cloth):
    tracker = SurfaceTracker(everywhere, TIED)
    tracker.follow([frame(cloth)], keypoints())
    found = tracker.follow([frame(cloth, degrees=4.0)], keypoints(tremble=2 * PIXEL))
    angle = np.radians(4.0)
    turned = torch.tensor([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], dtype=torch.float32)
    torch.testing.assert_close(found.jacobian[0, -1], turned, atol=0.01, rtol=0)
    torch.testing.assert_close(found.jacobian[0, TIED:].mean(0), turned, atol=0.01, rtol=0)
    torch.testing.assert_close(found.jacobian[0, 0], torch.eye(2))


def test_parts_that_move_apart_are_followed_each_its_own_way(cloth):
    """The left of the chest goes down and the right goes up, as when shoulders roll."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(float)
    lift = 5 * np.sin(np.pi * (x - SIDE / 2) / SIDE)  # pixels
    where = np.stack((y - SIDE / 2 + lift, x - SIDE / 2)) + 200
    rolled = np.stack([map_coordinates(cloth[..., i], where, order=1) for i in range(3)], axis=-1)
    rolled[: SIDE // 2 - 20] = 120
    tracker = SurfaceTracker(everywhere, TIED)
    tracker.follow([frame(cloth)], keypoints())
    found = tracker.follow([np.clip(rolled, 0, 255).astype(np.uint8)], keypoints(tremble=3 * PIXEL))
    went = found.value[0, TIED:, 1] - torch.tensor(CHEST)[:, 1]
    true = torch.tensor([-5 * np.sin(np.pi * x / 2) for x, _ in CHEST]) * PIXEL
    assert float((went - true).abs().mean()) < 0.5 * PIXEL


def test_what_a_hand_covers_is_left_to_the_detector_and_the_rest_is_followed(cloth):
    tracker = SurfaceTracker(everywhere, TIED)
    tracker.follow([frame(cloth)], keypoints())
    covered = frame(cloth, (4.0, 0.0))
    covered[SIDE // 2 :, : SIDE * 3 // 8] = frame(cloth[::-1, ::-1].copy())[SIDE // 2 :, : SIDE * 3 // 8]
    vague = keypoints((4 * PIXEL, 0.0), tremble=3 * PIXEL)
    found = tracker.follow([covered], vague)
    left, right = TIED, TIED + 1
    assert float((found.value - vague.value)[0, left].norm()) < 0.3 * PIXEL
    true = torch.tensor(CHEST[1]) + torch.tensor((4 * PIXEL, 0.0))
    assert float((found.value[0, right] - true).norm()) < 0.7 * PIXEL < float((vague.value[0, right] - true).norm())


def test_light_that_changes_does_not_move_the_chest(cloth):
    tracker = SurfaceTracker(everywhere, TIED)
    tracker.follow([frame(cloth)], keypoints())
    found = tracker.follow([frame(cloth, (4.0, 0.0), light=0.85)], keypoints((4 * PIXEL, 0.0), tremble=4 * PIXEL))
    assert chest_error(found, (4.0, 0.0)) < 0.5


def test_a_cut_is_found_from_the_keypoints(cloth):
    tracker = SurfaceTracker(everywhere, TIED)
    tracker.follow([frame(cloth)], keypoints())
    tracker.follow([frame(cloth, (-12.0, 0.0))], keypoints((-12 * PIXEL, 0.0)))
    found = tracker.follow([frame(cloth, (25.0, 0.0))], keypoints((25 * PIXEL, 0.0), tremble=2 * PIXEL))
    assert chest_error(found, (25.0, 0.0)) < 0.5


def test_what_strays_from_its_keypoints_little_by_little_is_still_found(cloth):
    """Hair may swing far while every keypoint says that nothing moves; only the frames between tell."""
    far = (24.0, 0.0)
    jump, swing = SurfaceTracker(everywhere, TIED), SurfaceTracker(everywhere, TIED)
    for tracker in (jump, swing):
        tracker.follow([frame(cloth)], keypoints())
    lost = jump.follow([frame(cloth, far)], keypoints(tremble=PIXEL))
    for step in range(1, 9):
        found = swing.follow([frame(cloth, (3.0 * step, 0.0))], keypoints(tremble=PIXEL, seed=step))
    assert chest_error(found, far) < 0.5
    assert chest_error(lost, far) > 10


def test_after_pictures_of_something_else_the_chest_is_found_again(cloth):
    tracker = SurfaceTracker(everywhere, TIED)
    tracker.follow([frame(cloth)], keypoints())
    numbers = np.random.default_rng(3)
    for _ in range(5):
        tracker.follow([numbers.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)], keypoints(tremble=20 * PIXEL))
    found = tracker.follow([frame(cloth, (6.0, 0.0))], keypoints((6 * PIXEL, 0.0), tremble=4 * PIXEL))
    assert chest_error(found, (6.0, 0.0)) < 0.5


def test_another_picture_is_left_to_the_detector(cloth):
    tracker = SurfaceTracker(everywhere, TIED)
    tracker.follow([frame(cloth)], keypoints())
    vague = keypoints((5 * PIXEL, 0.0), tremble=4 * PIXEL)
    found = tracker.follow([frame(cloth[::-1, ::-1].copy())], vague)
    torch.testing.assert_close(found.value, vague.value)


def test_whatever_is_filmed_keypoints_stay_finite_and_in_reach(cloth):
    tracker = SurfaceTracker(everywhere, TIED)
    tracker.follow([frame(cloth)], keypoints())
    numbers = np.random.default_rng(1)
    for _ in range(20):
        noise = numbers.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        found = tracker.follow([noise], keypoints(tremble=20 * PIXEL))
        assert float(found.value.abs().max()) < 2
        assert bool(found.jacobian.isfinite().all())


def test_plain_cloth_moves_as_its_keypoints_do_together():
    plain = np.full((SIDE, SIDE, 3), 90, np.uint8)
    tracker = SurfaceTracker(everywhere, TIED)
    tracker.follow([plain], keypoints())
    vague = keypoints((6 * PIXEL, 0.0), tremble=4 * PIXEL)
    found = tracker.follow([plain], vague)
    assert chest_error(found, (6.0, 0.0)) < 0.8 * chest_error(vague, (6.0, 0.0))


def test_frames_without_a_face_are_neither_anchor_nor_followed(cloth):
    tracker = SurfaceTracker(everywhere, TIED)
    vague = keypoints((6 * PIXEL, 0.0), tremble=4 * PIXEL)
    away = np.full((SIDE, SIDE, 3), 10, np.uint8)
    pictures = [away, frame(cloth), away, frame(cloth, (6.0, 0.0))]
    found = tracker.follow(pictures, Keypoints.cat([vague, keypoints(), vague, vague]), [False, True, False, True])
    torch.testing.assert_close(found.value[[0, 2]], vague.value.expand(2, -1, -1))
    assert chest_error(found[3:], (6.0, 0.0)) < 0.5


def test_a_face_that_fills_the_frame_has_no_shoulders(cloth):
    close = Keypoints(keypoints().value * torch.tensor([1.0, 1.6]) + torch.tensor([0.0, 1.1]))
    tracker = SurfaceTracker(everywhere, TIED)
    tracker.follow([frame(cloth)], close)
    moved = Keypoints(close.value + 0.1)
    torch.testing.assert_close(tracker.follow([frame(cloth, (6.0, 0.0))], moved).value, moved.value)


def test_an_anchor_whose_jacobian_cannot_be_inverted_leaves_keypoints_alone(cloth):
    flat = keypoints()
    jacobian = flat.jacobian.clone()
    jacobian[0, 1] = torch.tensor([[1.0, 1.0], [1.0, 1.0]])
    tracker = SurfaceTracker(everywhere, TIED)
    tracker.follow([frame(cloth)], Keypoints(flat.value, jacobian))
    vague = keypoints((6 * PIXEL, 0.0), tremble=4 * PIXEL)
    found = tracker.follow([frame(cloth, (6.0, 0.0))], vague)
    assert torch.equal(found.value, vague.value)
    assert torch.equal(found.jacobian, vague.jacobian)


@pytest.mark.parametrize(("person", "tied"), [(lambda _: None, TIED), (everywhere, None)])
def test_models_that_cannot_tell_leave_keypoints_alone(cloth, person, tied):
    tracker = SurfaceTracker(person, tied)
    vague = keypoints(tremble=4 * PIXEL)
    both = Keypoints.cat([keypoints(), vague])
    found = tracker.follow([frame(cloth), frame(cloth, (6.0, 0.0))], both)
    assert torch.equal(found.value, both.value)
