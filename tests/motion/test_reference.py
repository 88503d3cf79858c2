from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from motion_tracks import make_track

from fomm.errors import MotionError
from fomm.motion.reference import best_reference
from fomm.nn.geometry import Keypoints


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 11), st.floats(0.3, 3), st.floats(-0.5, 0.5))
def test_the_same_pose_is_found_whatever_its_size_and_place(frame, scale, shift):
    track = make_track()
    source = Keypoints(track.value[frame : frame + 1] * scale + shift)
    assert best_reference(source, track) == frame


def test_a_frame_without_the_face_is_never_the_reference(track):
    found = torch.ones(12, dtype=torch.bool)
    found[4] = False
    assert best_reference(track.keypoints(4, 5), replace(track, found=found)) != 4


def test_a_clip_without_the_face_is_refused(track):
    with pytest.raises(MotionError, match="--driving-box"):
        best_reference(track.keypoints(0, 1), replace(track, found=torch.zeros(12, dtype=torch.bool)))


def test_keypoints_fallen_together_do_not_win_by_accident(track):
    value = track.value.clone()
    value[0] = 0
    assert best_reference(track.keypoints(3, 4), replace(track, value=value)) == 3
