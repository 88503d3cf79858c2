"""What people do in a clip: within what a head can do, varied, and the same for the same seed."""

import numpy as np
import pytest
from toy_portraits import NAMES

from fomm.synthesis.clip.camera_work import Framing, camera_path, cameras
from fomm.synthesis.clip.trajectory import PITCH, ROLL, YAW, perform
from fomm.synthesis.head.pose import rotation


def _many(count=150, frames=40):
    return [perform(np.random.default_rng(seed), frames, NAMES) for seed in range(count)]


@pytest.fixture(scope="module")
def clips():
    return _many()


def test_the_same_seed_gives_the_same_performance():
    first, again = (perform(np.random.default_rng(3), 20, NAMES) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.expression, other.expression)
        np.testing.assert_array_equal(one.turn, other.turn)


def test_heads_turn_far_but_no_farther_than_they_can(clips):
    turns = np.array([[pose.turn for pose in clip] for clip in clips])
    assert (np.abs(turns) <= np.array([YAW, PITCH, ROLL]) + 1e-6).all()
    farthest = np.abs(turns[..., 0]).max(1)
    assert (farthest > np.radians(33)).mean() > 0.1
    assert (farthest < np.radians(26)).mean() > 0.5


def test_faces_blink_fully_open_wide_and_raise_their_brows(clips):
    strengths = np.array([[pose.expression for pose in clip] for clip in clips])
    assert strengths.min() >= 0
    assert strengths.max() <= 1
    peaks = strengths.max(1)  # [clips, units]
    for unit, level in (("eyeBlinkLeft", 0.84), ("jawOpen", 0.6), ("browInnerUp", 0.5), ("eyeWideRight", 0.5)):
        assert (peaks[:, NAMES.index(unit)] > level).mean() > 0.1, unit


def test_movements_are_smooth(clips):
    turns = np.array([[pose.turn for pose in clip] for clip in clips])
    assert np.degrees(np.abs(np.diff(turns, axis=1))).max() < 16  # a fast turn lasts five frames


def test_the_camera_never_leaves_the_picture():
    for seed in range(60):
        rng = np.random.default_rng(seed)
        path = camera_path(rng, 40)
        views = cameras(path, Framing.draw(rng), np.array([200.0, 150.0, 400.0, 420.0]), (640, 640))
        for view in views:
            assert min(view.x, view.y) > -1e-6
            assert max(view.x, view.y) + view.size < 640 + 1e-6


@pytest.mark.parametrize(
    ("turn", "moved"), [((0.3, 0, 0), [1, 0]), ((0, 0.3, 0), [0, -1])], ids=["yaw is right", "pitch is up"]
)
def test_a_turn_moves_what_is_in_front(turn, moved):
    nose = rotation(*turn) @ [0, 0, 1]
    assert nose[:2] @ moved > 0.25


def test_roll_is_anticlockwise():
    assert rotation(0, 0, 0.3)[:2, :2] @ [1, 0] == pytest.approx([np.cos(0.3), -np.sin(0.3)])


def test_eyes_look_about_as_far_as_they_can(clips):
    gaze = np.array([[pose.gaze for pose in clip] for clip in clips])
    assert np.abs(gaze).max() <= 1
    assert np.ptp(gaze[..., 0], axis=1).mean() > 0.8
    assert (np.ptp(gaze[..., 1], axis=1) > 0.3).mean() > 0.6
