"""Which half of a face a photo shows from the side only, where its mirror image is taken, and how that follows."""

import pytest
import torch
from faces import ANATOMY, face, seen_from

from fomm.geometry.anatomy import Anatomy
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import MIRROR, TIED_LANDMARKS
from fomm.source.mirrored_half import FarHalf

SIDE = 64
CHEEKS = {"left": TIED_LANDMARKS.index(50), "right": TIED_LANDMARKS.index(280)}
WITH_BODY = Anatomy.of_tied(42, 16)


def mirrored(value):
    return value[:, list(MIRROR)] * torch.tensor([-1.0, 1.0])


def far_half(yaw, scale=1.0):
    photo = scale * seen_from(yaw)
    return FarHalf(Keypoints(photo), Keypoints(mirrored(photo)), ANATOMY)


def at(maps, point):
    """Read maps `[1, 1, S, S]` where a point `[2]` in [-1, 1] is."""
    column, row = ((point + 1) / 2 * SIDE).long().tolist()
    return float(maps[0, 0, row, column])


@pytest.mark.parametrize(("yaw", "helps"), [(0, False), (8, False), (-8, False), (20, True), (-20, True), (40, True)])
def test_only_heads_that_look_aside_have_a_far_half(yaw, helps):
    assert FarHalf.helps(Keypoints(seen_from(yaw)), ANATOMY) is helps


def test_a_model_without_a_chin_has_none():
    assert not FarHalf.helps(Keypoints(seen_from(30)[:, :22]), Anatomy.of_tied(22))


@pytest.mark.parametrize("side", [-1, 1])
def test_it_is_wanted_when_the_head_comes_to_the_front(side):
    half = far_half(30 * side)
    assert not half.wanted(seen_from(30 * side))
    assert not half.wanted(seen_from(45 * side))
    assert half.wanted(seen_from(5 * side))
    assert half.wanted(torch.cat((seen_from(30 * side), seen_from(-20 * side))))


@pytest.mark.parametrize(("yaw", "far", "near"), [(30, "right", "left"), (-30, "left", "right")])
def test_the_far_cheek_is_taken_and_the_near_one_is_not(yaw, far, near):
    front = seen_from(0)
    inside, taken = far_half(yaw).region(front, SIDE)
    assert at(taken, front[0, CHEEKS[far]]) > 0.9
    assert at(taken, front[0, CHEEKS[near]]) == 0
    assert at(inside, front[0, CHEEKS[near]]) > 0.9
    assert (taken <= inside).all()


def test_a_face_at_the_photos_own_pose_is_the_photos():
    assert far_half(30).region(seen_from(30), SIDE)[1].max() == 0


def test_neck_and_background_stay_the_photos():
    front = seen_from(0)
    inside, _ = far_half(30).region(front, SIDE)
    chin = front[0, TIED_LANDMARKS.index(152)]
    assert at(inside, chin + torch.tensor([0.0, 0.15])) == 0
    assert at(inside, torch.tensor([0.9, 0.0])) == 0
    open_mouth = front.clone()
    open_mouth[0, TIED_LANDMARKS.index(152), 1] += 0.15
    assert at(far_half(30).region(open_mouth, SIDE)[0], chin + torch.tensor([0.0, 0.1])) > 0.5


def test_more_is_taken_the_further_the_head_comes_to_the_front():
    shares = [float(far_half(35).region(seen_from(yaw), SIDE)[1].sum()) for yaw in (30, 20, 10, 0, -10)]
    assert shares == sorted(shares)
    assert shares[0] < 0.1 * shares[-1]


def test_a_mirrored_head_that_would_have_to_turn_too_far_is_not_taken():
    assert not far_half(50).wanted(seen_from(28))
    assert far_half(50).wanted(seen_from(0))


def test_both_sides_are_treated_alike():
    frame = seen_from(5)
    taken = far_half(30).region(frame, SIDE)[1]
    other = far_half(-30).region(mirrored(frame), SIDE)[1]
    torch.testing.assert_close(other, taken.flip(-1), atol=1e-3, rtol=0)


def test_the_mirrored_face_goes_where_the_frames_face_is():
    photo = Keypoints(torch.cat((seen_from(30), torch.rand(1, 16, 2)), 1), torch.eye(2).expand(1, 58, 2, 2).clone())
    turn = torch.tensor([[0.8, -0.3], [0.2, 1.1]])
    moved = photo.value @ turn.T + 0.05
    half = FarHalf(photo, photo, WITH_BODY)
    hair = [place for place in range(42, 58) if place not in WITH_BODY.body]
    told = moved.clone()
    told[:, 42:] += torch.tensor([0.1, 0.0])  # of what is not the face
    following = half.follow(Keypoints(told, photo.jacobian))
    torch.testing.assert_close(following.value[:, :42], moved[:, :42])
    torch.testing.assert_close(
        following.value[:, list(WITH_BODY.body)], moved[:, list(WITH_BODY.body)], atol=1e-4, rtol=0
    )
    torch.testing.assert_close(following.value[:, hair], moved[:, hair] + torch.tensor([0.05, 0.0]), atol=1e-4, rtol=0)
    torch.testing.assert_close(following.jacobian, turn.expand(1, 58, 2, 2), atol=1e-3, rtol=0)


def test_an_open_mouth_is_the_frames():
    half = far_half(30)
    frame = face(gap=0.1)
    torch.testing.assert_close(half.follow(Keypoints(frame)).value, frame)


def test_keypoints_fallen_together_give_numbers_all_the_same():
    nothing = Keypoints(torch.zeros(1, 42, 2))
    assert bool(FarHalf(nothing, nothing, ANATOMY).follow(Keypoints(face())).value.isfinite().all())
    inside, taken = far_half(30).region(nothing.value, SIDE)
    assert bool(inside.isfinite().all())
    assert bool(taken.isfinite().all())
