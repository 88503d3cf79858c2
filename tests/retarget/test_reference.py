from dataclasses import replace

import pytest
import torch
from faces import ANATOMY, face
from hypothesis import given, settings
from hypothesis import strategies as st
from motion_tracks import make_track

from fomm.errors import MotionError
from fomm.geometry.anatomy import Anatomy
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import FREE_PLACES, REGIONS
from fomm.retarget.reference import best_reference


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


def expressions(*faces):
    return replace(make_track(len(faces), keypoints=42, jacobian=False), value=torch.cat(faces))


def test_full_lips_are_not_taken_for_a_grin():
    """The lips' outlines of a photo with full ones fit a thin-lipped driver's open mouth better than the shut one."""
    grin, shut = face(gap=0.1, lips=0.03), face(gap=0.0, lips=0.03)
    photo = Keypoints(face(gap=0.0, lips=0.08))
    assert best_reference(photo, expressions(grin, shut)) == 0
    assert best_reference(photo, expressions(grin, shut), ANATOMY) == 1


def test_narrow_eyes_start_open_like_the_photos():
    photo = Keypoints(face(opening=0.2))
    driver = expressions(face(opening=0.2), *(face(opening=0.4) for _ in range(4)))  # the first is half a blink
    assert best_reference(photo, driver) == 0
    assert best_reference(photo, driver, ANATOMY) > 0


def test_a_driver_who_looks_aside_is_not_where_motion_starts():
    driver = expressions(face(gaze=0.2), face(gaze=-0.2), face(opening=0.28))
    assert best_reference(Keypoints(face()), driver, ANATOMY) == 2


@settings(deadline=None, max_examples=30)
@given(st.floats(0.3, 3), st.floats(-0.5, 0.5))
def test_expressions_are_compared_whatever_the_faces_size_and_place(scale, shift):
    driver = expressions(*(face(gap=gap, gaze=gaze) for gap in (0.0, 0.1) for gaze in (0.0, 0.2)))
    assert best_reference(Keypoints(face(gap=0.1) * scale + shift), driver, ANATOMY) == 2


def test_motion_starts_where_the_driver_carries_the_head_as_usual():
    """A driver who bends down to the camera first: from there, the photo's neck would be drawn out."""
    anatomy = Anatomy.of_tied(42, 16)
    raised = torch.tensor([-0.2, -0.2, 0.0, 0.0, 0.01, 0.0])
    body = torch.cat((face(gap=0.002), 0.5 * torch.tensor(FREE_PLACES)[None]), dim=1).repeat(6, 1, 1)
    photo = Keypoints(body[:1].clone())
    body[2:, REGIONS["mouth"][0], 0] += 0.002  # the frames bent down fit the face a little better
    body[:, :42, 1] -= raised[:, None]
    driver = replace(make_track(6, keypoints=58, jacobian=False), value=body)
    assert best_reference(photo, driver, ANATOMY) < 2
    assert best_reference(photo, driver, anatomy) >= 2
