"""Where a live driver rests, and recordings at an even rate."""

import pytest
import torch
from motion_tracks import make_track

from fomm.errors import MotionError
from fomm.geometry.keypoints import Keypoints
from fomm.retarget.live import ASIDE, FAR, NEAR, RECORD_FPS, TURNED, Recorder, RestingPose

FACE = make_track(1, 8, jacobian=False, seed=3).value * 0.5  # [1, 8, 2]


def rest_at(value, seconds=6.0, fps=15, gesture=0.0):
    """Drive for some seconds; every third frame is off by `gesture`."""
    pose = RestingPose(FACE)
    for index in range(int(seconds * fps)):
        pose.add(value + (gesture if index % 3 == 0 else 0.0), index / fps)
    return pose.drift()


@pytest.mark.parametrize(
    ("moved", "told"),
    [
        (FACE, ""),
        (FACE * 1.05 + 0.02, ""),
        (FACE * 1.4, NEAR),
        (FACE * 0.7, FAR),
        (FACE + torch.tensor([0.5, 0.0]), ASIDE),
        (FACE * torch.tensor([0.75, 1.15]), TURNED),
    ],
)
def test_a_resting_pose_that_changed_for_good_is_told(moved, told):
    assert rest_at(moved) == told


def test_gestures_and_short_visits_are_not():
    assert rest_at(FACE, gesture=1.0) == ""
    assert rest_at(FACE * 1.4, seconds=1.0) == ""


def test_only_the_face_counts_where_it_is_known():
    pose, waving = RestingPose(FACE, face=5), FACE.clone()
    waving[:, 5:] += 3
    for index in range(60):
        pose.add(waving, index / 10)
    assert pose.drift() == ""


@pytest.fixture
def recorder():
    start = make_track(1, 4, seed=1)
    return Recorder(start.keypoints(), "detector-a", max_seconds=2.0)


def test_uneven_frames_become_an_even_track(recorder):
    for moment in (10.0, 10.05, 10.2, 10.24, 10.5, 10.62, 11.0):
        ramp = torch.full((1, 4, 2), moment - 10)
        recorder.add(Keypoints(ramp, ramp[..., None] * torch.eye(2)), True, moment)
    track = recorder.track()
    assert track.fps == RECORD_FPS
    assert len(track) == 26
    assert torch.allclose(track.value[:, 0, 0], torch.arange(26) / 25, atol=1e-5)
    assert torch.allclose(track.jacobian[:, 0, 1, 1], torch.arange(26) / 25, atol=1e-5)
    assert torch.equal(recorder.reference().value, make_track(1, 4, seed=1).value)


def test_moments_without_the_face_are_bridged(recorder):
    for index in range(6):
        value = torch.full((1, 4, 2), 9.0 if index == 3 else index / 10)
        recorder.add(Keypoints(value, torch.eye(2).expand(1, 4, 2, 2)), index != 3, index / 10)
    track = recorder.track()
    assert float(track.value.max()) <= 0.5
    assert not bool(track.found.all())


def test_a_recording_ends_at_its_limit_and_needs_two_frames(recorder):
    one = Keypoints(torch.zeros(1, 4, 2), torch.eye(2).expand(1, 4, 2, 2))
    recorder.add(one, True, 5.0)
    with pytest.raises(MotionError, match="too short"):
        recorder.track()
    for index in range(1, 100):
        recorder.add(one, True, 5.0 + index / 10)
    assert recorder.seconds == pytest.approx(2.0)
    assert len(recorder.track()) == 51
