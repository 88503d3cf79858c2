"""Hidden places take the colour of what is behind or moves as they do, and what is visible stays itself."""

from dataclasses import replace

import pytest
import torch

from fomm.config.training.compact import CompactSettings
from fomm.errors import SettingsError
from fomm.geometry.grids import coordinate_grid
from fomm.geometry.motion import Motion
from fomm.model.compact import CompactModel
from fomm.networks.compact.generator import CompactGenerator
from fomm.parts.fill import fill_hidden

SIDE, PICTURE = 16, 64
WALL, HEAD = torch.tensor([0.2, 0.5, 0.9]), torch.tensor([0.8, 0.6, 0.4])


def scene(hidden, fast=slice(0, 0), step=0.2):
    """A picture that is wall, but head in the columns `fast`, which move by `step`; `hidden` columns of cells are."""
    shown = torch.ones(1, 1, SIDE, SIDE)
    shown[..., hidden] = 0
    displacement = torch.zeros(1, SIDE, SIDE, 2)
    displacement[:, :, fast, 0] = step
    flow = displacement + coordinate_grid(SIDE, SIDE, displacement, corners=False)
    picture = WALL.view(1, 3, 1, 1).repeat(1, 1, PICTURE, PICTURE)
    cell = PICTURE // SIDE
    picture[..., fast.start * cell : fast.stop * cell] = HEAD.view(1, 3, 1, 1)
    picture[..., hidden.start * cell : hidden.stop * cell] = 0.0  # whatever the source has there instead
    return picture, Motion(flow, shown=shown)


def test_a_picture_that_is_all_shown_stays():
    picture, motion = scene(slice(0, 0))
    picture = torch.rand_like(picture)
    torch.testing.assert_close(fill_hidden(picture, motion).image, picture)


@pytest.mark.parametrize("hidden", [slice(5, 7), slice(4, 11), slice(0, 9)])
def test_a_hole_in_the_wall_becomes_wall(hidden):
    picture, motion = scene(hidden)
    filled = fill_hidden(picture, motion).image
    middle = 4 * (hidden.start + hidden.stop) // 2
    torch.testing.assert_close(filled[0, :, 32, middle], WALL, atol=0.02, rtol=0)


def test_a_hole_beside_a_moving_head_becomes_wall_and_not_head():
    picture, motion = scene(slice(6, 10), fast=slice(10, 16))
    filled = fill_hidden(picture, motion).image
    torch.testing.assert_close(filled[0, :, 32, 32], WALL, atol=0.02, rtol=0)
    torch.testing.assert_close(filled[0, :, 32, 60], HEAD, atol=0.02, rtol=0)


def test_a_hole_that_moves_with_the_head_becomes_head():
    picture, motion = scene(slice(10, 12), fast=slice(10, 16))
    picture[..., 48:] = HEAD.view(1, 3, 1, 1)
    torch.testing.assert_close(fill_hidden(picture, motion).image[0, :, 32, 44], HEAD, atol=0.02, rtol=0)


def moved_scene(hidden, person):
    """A still head in the columns `person` before a wall, a hole in the columns `hidden`, and the background."""
    picture, motion = scene(hidden, fast=person, step=0.0)
    matte = torch.zeros(1, 1, SIDE, SIDE)
    matte[..., person] = 1
    return picture, replace(motion, person=matte), WALL.view(1, 3, 1, 1).repeat(1, 1, PICTURE, PICTURE)


def test_a_hole_between_wall_and_person_shows_the_clean_plate_though_nothing_moves():
    picture, motion, plate = moved_scene(slice(6, 10), person=slice(10, 16))
    torch.testing.assert_close(fill_hidden(picture, motion, plate).image[0, :, 32, 32], WALL, atol=0.02, rtol=0)
    tinted = fill_hidden(picture, replace(motion, person=None)).image[0, :, 32, 32]
    assert (tinted - WALL).abs().max() > 0.1  # which the colours around it cannot tell


def test_a_hole_amid_the_person_becomes_person():
    picture, motion, plate = moved_scene(slice(8, 10), person=slice(2, 16))
    picture[..., 40:] = HEAD.view(1, 3, 1, 1)
    torch.testing.assert_close(fill_hidden(picture, motion, plate).image[0, :, 32, 36], HEAD, atol=0.05, rtol=0)


def test_a_motion_with_an_edge_says_what_a_hole_is_of():
    """A hole between wall and person may be either: an ear that the source hides, or wall."""
    picture, motion, plate = moved_scene(slice(6, 10), person=slice(10, 16))
    front = torch.zeros(1, 1, 2 * SIDE, 2 * SIDE)  # finer than the field
    front[..., 16:] = 1  # from column 8 of cells on
    filled = fill_hidden(picture, replace(motion, front=front), plate)
    row, behind = filled.image[0, :, 32], filled.behind[0, 0, 32]
    torch.testing.assert_close(row[:, 28], WALL, atol=0.02, rtol=0)
    torch.testing.assert_close(row[:, 36], HEAD, atol=0.02, rtol=0)
    assert behind[28] > 0.95
    assert behind[[12, 36, 52]].max() < 0.05  # wall and person that are shown are no plate


def test_a_clean_plate_is_painted_over_less_once_training_is_over():
    picture, motion, plate = moved_scene(slice(6, 10), person=slice(10, 16))
    motion = replace(motion, front=torch.zeros(1, 1, SIDE, SIDE))
    filled = fill_hidden(picture, motion, plate)
    generator = CompactGenerator(4, 0, 4, fill=True, mouth=False, copying=0.0)
    said = torch.zeros(1, 16, PICTURE // 2, PICTURE // 2)  # half copied, everywhere
    learning, made = (generator.train(mode)._blend(said, motion, picture, filled).copied for mode in (True, False))
    assert (learning == 0.5).all()
    assert made[0, 0, 32, 32] == pytest.approx(0.65, abs=0.01)
    assert made[0, 0, 32, 4] == pytest.approx(0.5, abs=0.01)


def test_a_plate_without_a_matte_is_refused():
    picture, motion = scene(slice(4, 6))
    with pytest.raises(ValueError, match="of the person"):
        fill_hidden(picture, motion, picture)


def test_windows_of_any_size_and_pictures_without_anything_visible_have_colours():
    picture, motion = scene(slice(0, SIDE))
    assert fill_hidden(picture, motion).image.isfinite().all()
    odd = Motion(motion.flow[:, :10, :10], shown=torch.zeros(1, 1, 10, 10))
    assert fill_hidden(picture[..., :40, :40], odd).image.shape == (1, 3, 40, 40)


def test_a_model_that_fills_must_know_what_is_hidden_and_copies_no_source_there():
    small = CompactSettings(
        image_size=64, free_keypoints=0, motion_side=16, detector_width=4, motion_width=4, max_width=8, levels=2,
        generator_width=4, generator_blocks=0, hidden_margin=0.06, hidden_rim=1, hidden_fill=True,
    )  # fmt: skip
    with pytest.raises(SettingsError, match="hidden_margin"):
        CompactModel(replace(small, hidden_margin=0.0))
    torch.manual_seed(0)
    model = CompactModel(small).eval()
    picture, motion = scene(slice(4, 11))
    features = torch.zeros(1, 4, SIDE, SIDE)
    motion = replace(motion, occlusion=motion.shown, features=features)
    blend = model.generator.decode(picture, model.generator.encode(picture), motion)
    assert blend.visible[..., 30].max() < 0.01
    assert blend.copied[..., 30].min() > 0.5
    assert (blend.offered[..., 30] - WALL.view(1, 3, 1)).abs().max() < 0.02


def test_a_model_with_a_matte_offers_its_decoder_what_is_behind_the_person():
    small = CompactSettings(
        image_size=64, free_keypoints=0, motion_side=16, detector_width=4, motion_width=4, max_width=8, levels=2,
        generator_width=4, generator_blocks=0, hidden_margin=0.06, hidden_rim=1, hidden_fill=True, matte_width=4,
    )  # fmt: skip
    with pytest.raises(SettingsError, match="hidden_fill"):
        CompactModel(replace(small, hidden_fill=False))
    torch.manual_seed(0)
    model = CompactModel(small).eval()
    picture, motion, plate = moved_scene(slice(6, 10), person=slice(10, 16))
    with torch.no_grad():
        model.matte.head.weight.zero_()
        model.matte.head.bias.fill_(-20.0)  # nobody is there
    encoded = model.encode(picture)
    torch.testing.assert_close(encoded.known.background, picture)
    still = model.detect(picture)
    assert model.move(picture, still, still).person.max() < 1e-3
    made = model.animate(encoded, still, still)
    assert made.image.shape == made.behind.expand_as(picture).shape == picture.shape
    assert encoded.places.shape == (1, SIDE, SIDE, 2)
    motion = replace(motion, occlusion=motion.shown, features=torch.zeros(1, 4, SIDE, SIDE))
    blend = model.generator.decode(picture, encoded.features[1:4], motion, plate)
    assert blend.behind[..., 32].min() > 0.5
    assert blend.behind[..., 8].max() < 0.01
    offered = blend.offered
    assert (offered[..., 32] - WALL.view(1, 3, 1)).abs().max() < 0.02
