"""Edits move the keypoints that they name, by as much as asked, and come only from a file that fits the model."""

import math
from dataclasses import replace

import pytest
import torch

from fomm.config.edit import EditSettings
from fomm.errors import CheckpointError, SettingsError
from fomm.geometry.anatomy import Anatomy
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import MEAN_FACE
from fomm.retarget.edit import STROKES, Directions
from fomm.retarget.turning import head_rotation

COUNT = 42
ANATOMY = Anatomy.of_tied(40)


@pytest.fixture
def photo():
    """Keypoints of a photo whose eyes are open."""
    value = 0.3 * torch.tensor(MEAN_FACE)[None, :, :2]
    for eye in ANATOMY.eyes:
        value[:, eye.upper] = value[:, eye.lower] + torch.tensor([0.0, -0.1])
    return Keypoints(value, torch.eye(2).expand(1, COUNT, 2, 2))


@pytest.fixture
def directions():
    """A rigid head two face sizes deep, and strokes that move everything a little to the right."""
    value = torch.zeros(len(STROKES), COUNT, 2)
    value[..., 0] = 0.1
    bend = torch.diag(torch.tensor([0.0, -2.0])).expand(len(STROKES), COUNT, 2, 2)
    turn = torch.tensor([1.0, 0.0, 0.0, 2.0]).repeat(COUNT, 1)
    return Directions(turn, torch.zeros(COUNT, 3), value, bend, "detector", "0" * 64)


def test_no_edit_leaves_the_photo_as_it_is(directions, photo):
    same = directions.apply(photo, EditSettings(), ANATOMY)
    assert torch.equal(same.value, photo.value)
    assert torch.equal(same.jacobian, photo.jacobian)


def test_rotations_go_the_way_they_say():
    nose, crown = torch.tensor([0.0, 0.0, 1.0]), torch.tensor([0.0, -1.0, 0.0])
    yaw, pitch, roll = head_rotation(torch.eye(3) * 0.2)
    assert float((yaw @ nose)[0]) > 0.1  # to the right of the picture
    assert float((pitch @ nose)[1]) < -0.1  # up
    assert float((roll @ crown)[0]) > 0.1


def test_a_roll_turns_the_face_without_bending_it(directions, photo):
    rolled = directions.apply(photo, EditSettings(roll=10), ANATOMY).value[0]
    before, after = torch.pdist(photo.value[0]), torch.pdist(rolled)
    assert torch.allclose(before, after, atol=1e-5)
    turned = math.radians(10)
    edge, was = rolled[0] - rolled[1], photo.value[0, 0] - photo.value[0, 1]
    angle = math.atan2(edge[1], edge[0]) - math.atan2(was[1], was[0])
    assert math.isclose(math.remainder(angle, math.tau), turned, abs_tol=1e-4)


def test_what_lies_deeper_moves_further_in_a_turn(directions, photo):
    deep = replace(
        directions, turn=directions.turn * torch.linspace(0.5, 2, COUNT)[:, None] ** torch.tensor([0, 0, 0, 1])
    )
    moved = deep.apply(photo, EditSettings(yaw=5), ANATOMY).value - photo.value
    assert float(moved[0, -1, 0]) > float(moved[0, 0, 0]) > 0


def test_strokes_grow_with_the_size_of_the_face(directions, photo):
    small = Keypoints(photo.value / 2, photo.jacobian)
    wide = directions.apply(photo, EditSettings(smile=1), ANATOMY).value - photo.value
    narrow = directions.apply(small, EditSettings(smile=1), ANATOMY).value - small.value
    assert torch.allclose(wide, narrow * 2, atol=1e-6)
    assert torch.allclose(directions.apply(photo, EditSettings(smile=0.5), ANATOMY).value - photo.value, wide / 2)


def test_a_smile_that_goes_covers_its_teeth(directions, photo):
    value = photo.value.clone()
    for column in ANATOMY.lips:
        for step, place in enumerate((column.upper_outer, column.upper_inner, column.lower_inner, column.lower_outer)):
            value[:, place] = torch.tensor([0.0, 0.05 * step])
    parting = directions.value.clone()
    for column in ANATOMY.lips:  # the stroke of a smile brings lips together, so backwards it parts them
        parting[STROKES.index("smile"), [column.lower_inner, column.lower_outer], 1] = -0.2
    less = replace(directions, value=parting).apply(Keypoints(value, photo.jacobian), EditSettings(smile=-0.5), ANATOMY)
    for column in ANATOMY.lips:
        assert float(column.gap(less.value)) == pytest.approx(0.025, abs=1e-4)  # half of what it was


def test_a_full_blink_shuts_every_eye_and_half_a_blink_half(directions, photo):
    shut = directions.apply(photo, EditSettings(blink=1), ANATOMY)
    half = directions.apply(photo, EditSettings(blink=0.5), ANATOMY)
    for eye in ANATOMY.eyes:
        gap = (photo.value[:, eye.upper] - photo.value[:, eye.lower]).norm()
        assert float((shut.value[:, eye.upper] - shut.value[:, eye.lower]).norm() / gap) < 0.1
        assert 0.45 < float((half.value[:, eye.upper] - half.value[:, eye.lower]).norm() / gap) < 0.6


def test_no_edit_folds_the_picture_over(directions, photo):
    bent = directions.apply(photo, EditSettings(blink=1, mouth=1, smile=1), ANATOMY).jacobian
    assert float(torch.linalg.det(bent).min()) > 0.1


def test_directions_survive_the_file(directions, tmp_path):
    path = tmp_path / "model.directions.safetensors"
    directions.save(path)
    loaded = Directions.load(path, "detector")
    assert torch.equal(loaded.value, directions.value)
    assert loaded.checkpoint == directions.checkpoint
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_directions_of_another_model_and_damaged_ones_are_refused(directions, photo, tmp_path):
    path = tmp_path / "model.directions.safetensors"
    with pytest.raises(CheckpointError, match="fomm directions"):
        Directions.load(path, "detector")
    directions.save(path)
    with pytest.raises(CheckpointError, match="another model"):
        Directions.load(path, "other")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(CheckpointError, match="damaged"):
        Directions.load(path, "detector")
    directions.save(path)
    older = path.read_bytes().replace(rb"\"schema\": \"2\"", rb"\"schema\": \"1\"")
    assert older != path.read_bytes()
    path.write_bytes(older)  # its blinks squeeze lids that the flow shuts now
    with pytest.raises(CheckpointError, match=r"another version .* learn them again"):
        Directions.load(path, "detector")
    replace(directions, turn=directions.turn[1:]).save(path)
    with pytest.raises(CheckpointError, match="damaged"):
        Directions.load(path, "detector")
    with pytest.raises(CheckpointError, match="keypoints"):
        directions.apply(Keypoints(photo.value[:, :40]), EditSettings(), ANATOMY)


def test_edits_out_of_range_are_refused():
    with pytest.raises(SettingsError, match="yaw"):
        EditSettings(yaw=90)


@pytest.mark.parametrize("aside", [-30, 20])
def test_a_photo_from_the_side_turns_as_a_solid(aside):
    """What a frontal face taught is used on a face that looks aside: it turns on about the same place."""
    whole = torch.tensor(MEAN_FACE)
    turn = torch.cat((torch.ones(COUNT, 1), torch.zeros(COUNT, 2), 2.0 + whole[:, 2:]), dim=1)
    value, bend = torch.zeros(len(STROKES), COUNT, 2), torch.zeros(len(STROKES), COUNT, 2, 2)
    directions = Directions(turn, torch.zeros(COUNT, 3), value, bend, "detector", "0" * 64)
    about = whole + torch.tensor([0.0, 0.0, 2.0])

    def seen_from(yaw):
        return 0.3 * (about @ head_rotation(torch.tensor([math.radians(yaw), 0.0, 0.0])).T)[None, :, :2]

    edited = directions.apply(Keypoints(seen_from(aside), None), EditSettings(yaw=12), Anatomy.of_tied(COUNT))
    torch.testing.assert_close(edited.value, seen_from(aside + 12), atol=2e-3, rtol=0)
