import math
from dataclasses import replace

import pytest
import torch
from faces import ANATOMY, face
from hypothesis import given, settings
from hypothesis import strategies as st
from motion_tracks import make_track

from fomm.config.motion import ANYWHERE, TransferSettings
from fomm.errors import MotionError, SettingsError
from fomm.geometry.anatomy import Anatomy
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import TIED_LANDMARKS
from fomm.retarget.scale import hull_area
from fomm.retarget.transfer import Transfer

CORNERS = [TIED_LANDMARKS.index(landmark) for landmark in (61, 291)]
SQUARE = torch.tensor([[-0.2, -0.2], [0.2, -0.2], [0.2, 0.2], [-0.2, 0.2], [0.0, 0.05]])


def photo(seed=7):
    return make_track(1, seed=seed).keypoints()


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.integers(0, 11), st.booleans(), st.floats(0, 2))
def test_the_reference_frame_leaves_the_photo_as_it_is(seed, reference, adapt, strength):
    source = photo(seed)
    options = TransferSettings(reference=str(reference), adapt_scale=adapt, strength=strength)
    still = Transfer(source, make_track(seed=seed + 1), options).driving(reference, reference + 1)
    assert torch.equal(still.value, source.value)
    assert torch.allclose(still.jacobian, source.jacobian, atol=1e-4)


def test_a_clip_of_the_photo_itself_moves_it_exactly_as_it_moved():
    track = make_track()
    moved = Transfer(track.keypoints(3, 4), track).driving()
    assert torch.allclose(moved.value, track.value, atol=1e-6)
    assert torch.allclose(moved.jacobian, track.jacobian, atol=1e-4)


def test_the_scale_is_the_root_of_the_hull_areas_and_multiplies_every_step():
    source = Keypoints(SQUARE[None] * 1.5 + 0.1)
    steps = torch.tensor([[0.0, 0.0], [0.1, 0.0], [-0.05, 0.2]])
    track = replace(make_track(3, jacobian=False), value=SQUARE + steps[:, None])
    transfer = Transfer(source, track, TransferSettings(reference="first"))
    assert hull_area(SQUARE) == pytest.approx(0.16)
    assert transfer.scale == pytest.approx(math.sqrt(0.36 / 0.16))
    assert torch.allclose(transfer.driving().value, source.value + 1.5 * steps[:, None], atol=1e-6)
    plain = Transfer(source, track, TransferSettings(reference="first", adapt_scale=False))
    assert torch.allclose(plain.driving().value, source.value + steps[:, None], atol=1e-6)


def test_jacobians_turn_the_photos_by_what_the_driver_turned():
    source, track = photo(), make_track()
    moved = Transfer(source, track, TransferSettings(reference="0")).driving()
    for frame in range(12):
        expected = track.jacobian[frame] @ torch.linalg.inv(track.jacobian[0]) @ source.jacobian[0]
        assert torch.allclose(moved.jacobian[frame], expected, atol=1e-4)


def test_strength_multiplies_the_motion():
    source, track = photo(), make_track()

    def moved(strength, mode="relative"):
        return Transfer(source, track, TransferSettings(reference="0", strength=strength, mode=mode)).driving()

    for mode in ("relative", "absolute"):
        none, half, full, double = (moved(strength, mode) for strength in (0, 0.5, 1, 2))
        assert torch.allclose(none.value, source.value.expand_as(none.value), atol=1e-6)
        assert torch.allclose(none.jacobian, source.jacobian.expand_as(none.jacobian), atol=1e-6)
        assert torch.allclose(half.value - none.value, (full.value - none.value) / 2, atol=1e-6)
        assert torch.allclose(double.value - none.value, (full.value - none.value) * 2, atol=1e-5)


def test_absolute_motion_is_the_drivers_own():
    track = make_track()
    moved = Transfer(photo(), track, TransferSettings(mode="absolute")).driving()
    assert torch.equal(moved.value, track.value)
    assert torch.equal(moved.jacobian, track.jacobian)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 11), st.integers(1, 12))
def test_a_slice_is_the_same_part_of_the_whole(start, length):
    transfer = Transfer(photo(), make_track())
    part, whole = transfer.driving(start, start + length), transfer.driving()[start : start + length]
    assert torch.equal(part.value, whole.value)
    assert torch.equal(part.jacobian, whole.jacobian)


def test_first_skips_frames_without_the_face_and_stored_takes_the_tracks_own():
    found = torch.arange(12) >= 2
    track = make_track(found=found, reference=6)
    assert Transfer(photo(), track, TransferSettings(reference="first")).reference == 2
    assert Transfer(photo(), track, TransferSettings(reference="stored")).reference == 6


def test_keypoints_in_a_line_or_a_collapsed_jacobian_do_not_break_the_render():
    line = torch.linspace(-1, 1, 5)[:, None].expand(5, 2)
    track = replace(make_track(), value=line.expand(12, 5, 2) + torch.arange(12)[:, None, None] / 100)
    flat = track.jacobian.clone()
    flat[0, 2] = 0
    moved = Transfer(photo(), replace(track, jacobian=flat), TransferSettings(reference="0"))
    assert moved.scale == 1
    assert moved.driving().jacobian.isfinite().all()
    assert hull_area(torch.zeros(2, 2)) == 0


@pytest.mark.parametrize("source", [make_track(1, keypoints=4), make_track(1, jacobian=False), make_track(2)])
def test_a_photo_and_a_track_of_different_models_are_refused(source):
    with pytest.raises(MotionError, match="same model"):
        Transfer(source.keypoints(), make_track())


def test_an_unknown_reference_is_refused():
    with pytest.raises(MotionError, match="12 frames"):
        Transfer(photo(), make_track(), TransferSettings(reference="12"))
    with pytest.raises(SettingsError, match="best, first, stored"):
        TransferSettings(reference="last")


def test_live_keypoints_move_the_photo_as_a_tracks_do():
    source, track = photo(), make_track()
    transfer = Transfer(source, track.slice(0, 1), TransferSettings(reference="first"))
    whole = Transfer(source, track, TransferSettings(reference="0")).driving(5, 6)
    live = transfer.carry(track.keypoints(5, 6))
    assert torch.equal(live.value, whole.value)
    assert torch.equal(live.jacobian, whole.jacobian)


@pytest.mark.parametrize("angle", [-0.5, 0.2, 1.0])
def test_a_tilted_photo_speaks_along_its_own_face(angle):
    upright, speaking = face(gap=0.02), face(gap=0.15)
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    track = replace(make_track(2, keypoints=42, jacobian=False), value=torch.cat((upright, speaking)))
    options = TransferSettings(reference="0")
    straight = Transfer(Keypoints(upright), track, options, ANATOMY).driving()
    tilted = Transfer(Keypoints(upright @ turn.T), track, options, ANATOMY).driving()
    torch.testing.assert_close(tilted.value, straight.value @ turn.T, atol=1e-5, rtol=0)


def test_a_driver_who_goes_aside_takes_a_tilted_photo_aside():
    """Where the picture is, up is up: heads move in the picture, whatever way a face is tilted."""
    start, turn = face(), torch.tensor([[0.9, -0.43], [0.43, 0.9]])
    track = replace(make_track(2, keypoints=42, jacobian=False), value=torch.cat((start, start + 0.1)))
    photo = start @ turn.T
    made = Transfer(Keypoints(photo), track, TransferSettings(reference="0"), ANATOMY).driving()
    torch.testing.assert_close(made.value[1:], photo + 0.1, atol=3e-3, rtol=0)


def walked(step, **options):
    """How far face and body of a photo go when the driver goes a step and nods, with a body of 16 free keypoints."""
    body = torch.rand(1, 16, 2, generator=torch.Generator().manual_seed(2)) - 0.5
    start = torch.cat((face(), body), dim=1)
    there = start + torch.tensor(step)
    there[:, :42, 1] += 0.03
    track = replace(make_track(2, keypoints=58, jacobian=False), value=torch.cat((start, there)))
    anatomy = Anatomy.of_tied(42, 16)
    made = Transfer(Keypoints(start), track, TransferSettings(reference="0", **options), anatomy).driving().value
    gone = made[1] - start[0]
    return gone[:42].mean(0), gone[list(anatomy.body)].mean(0)


def test_who_walks_off_does_not_pull_the_head_out_of_the_collar():
    head, body = walked((0.6, -0.3), roam=0.15)
    assert body.norm() == pytest.approx(0.15, abs=0.005)
    assert float(body[0] / body[1]) == pytest.approx(-2, abs=1e-3)
    torch.testing.assert_close(head - body, torch.tensor((0.0, 0.03)), atol=1e-5, rtol=0)


def test_a_body_that_sways_goes_with_the_driver_and_anywhere_is_anywhere():
    torch.testing.assert_close(walked((0.05, 0.03), roam=0.15)[1], torch.tensor((0.05, 0.03)), atol=1e-5, rtol=0)
    torch.testing.assert_close(walked((0.6, -0.3), roam=ANYWHERE)[1], torch.tensor((0.6, -0.3)), atol=1e-5, rtol=0)
    assert walked((0.6, -0.3), roam=0.0)[1].norm() < 1e-5


def smile(value, by=0.05):
    """Both corners of the mouth go outward."""
    smiling = value.clone()
    smiling[:, CORNERS, 0] += torch.tensor([-by, by])
    return smiling


@pytest.mark.parametrize("angle", [0.0, 0.4])
def test_on_the_far_half_of_a_turned_face_an_expression_is_narrower(angle):
    driver, photo = face(), face()
    far = photo[0, :, 0] < 0
    photo[0, far, 0] *= 0.5
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    track = replace(make_track(2, keypoints=42, jacobian=False), value=torch.cat((driver, smile(driver))))
    made = Transfer(Keypoints(photo @ turn.T), track, TransferSettings(reference="0"), ANATOMY).driving()
    gone = (made.value[1] - photo[0] @ turn.T) @ turn
    left, right = gone[CORNERS, 0]
    assert float(-left / right) == pytest.approx(0.69, abs=0.02)  # less what faces differ by


def test_a_smile_on_a_face_turned_like_the_drivers_is_the_drivers_smile():
    driver = face()
    track = replace(make_track(2, keypoints=42, jacobian=False), value=torch.cat((driver, smile(driver))))
    made = Transfer(Keypoints(driver), track, TransferSettings(reference="0"), ANATOMY).driving()
    torch.testing.assert_close(made.value[1:], smile(driver), atol=1e-5, rtol=0)
