"""What is behind a person is continued from what is beside them: smooth colours, then texture."""

import numpy as np
import pytest
import torch

from fomm.source import background as plate_module
from fomm.source.background import find_places, inpainted_background, texture_places, with_texture

SIDE, PICTURE = 32, 128


def textured_plate(source, matte):
    plate = inpainted_background(source, matte)
    return with_texture(source, texture_places(plate, matte), plate)


@pytest.fixture
def matte():
    """A person amid the picture, from its lower edge up."""
    found = torch.zeros(1, 1, SIDE, SIDE)
    found[..., 10:, 12:20] = 1
    return found


def with_person(wall, matte):
    person = torch.nn.functional.interpolate(matte, size=PICTURE, mode="nearest")
    return torch.lerp(wall, torch.full_like(wall, 0.5), person)


def striped(period):
    rows = torch.arange(PICTURE) % period < period // 2
    return rows.float().mul(0.8).add(0.1)[:, None].expand(1, 3, PICTURE, PICTURE).clone()


def test_a_clean_plate_is_the_source_without_the_person(matte):
    wall = torch.linspace(0.2, 0.8, PICTURE).expand(1, 3, PICTURE, PICTURE).clone()
    plate = inpainted_background(with_person(wall, matte), matte)
    torch.testing.assert_close(plate[..., :32], wall[..., :32])
    assert (plate - wall).abs().max() < 0.15
    assert inpainted_background(wall, torch.ones_like(matte)).isfinite().all()


def test_stripes_go_on_behind_the_person(matte):
    wall = striped(16)
    source = with_person(wall, matte)
    smooth, textured = inpainted_background(source, matte), textured_plate(source, matte)
    behind = (slice(None), slice(None), slice(48, PICTURE), slice(48, 80))
    errors = [(plate - wall)[behind].abs().mean() for plate in (smooth, textured)]
    assert errors[1] < 0.4 * errors[0]
    torch.testing.assert_close(textured[..., :32], wall[..., :32])


def test_texture_behind_the_person_is_as_strong_as_beside(matte):
    grain = torch.rand(1, 3, PICTURE, PICTURE, generator=torch.Generator().manual_seed(2))
    source = with_person(grain, matte)
    smooth, textured = (plate(source, matte)[..., 60:, 56:72].std() for plate in (inpainted_background, textured_plate))
    assert textured > 0.6 * grain.std() > 3 * smooth


def test_a_plain_wall_goes_on_beside_a_hedge(matte):
    """Edges first, as in the paper, and the hedge on the left would have the whole hole."""
    grain = torch.rand(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(5))
    hedge = torch.nn.functional.interpolate(grain, size=PICTURE, mode="nearest").repeat(1, 3, 1, 1)
    wall = torch.where(torch.arange(PICTURE) < 60, hedge, torch.full_like(hedge, 0.95))
    plate = textured_plate(with_person(wall, matte), matte)
    beside_wall, beside_hedge = plate[..., 60:, 68:78], plate[..., 60:, 48:56]
    assert (beside_wall - 0.95).abs().mean() < 0.1
    assert beside_hedge.std() > 0.6 * hedge.std()


def test_every_cell_takes_its_pixels_from_a_known_one():
    colours = np.random.default_rng(1).random((SIDE, SIDE, 3), np.float32)
    hole = np.zeros((SIDE, SIDE), bool)
    hole[8:, 10:20] = True
    places = find_places(colours, hole)
    assert not hole[places[..., 0], places[..., 1]].any()
    rows, columns = np.nonzero(~hole)
    assert (places[rows, columns] == np.stack((rows, columns), 1)).all()


def test_order_is_as_if_every_cells_priority_were_told_anew_after_every_patch(monkeypatch):
    random = np.random.default_rng(3)
    colours = np.kron(random.random((SIDE // 4, SIDE // 4, 3)), np.ones((4, 4, 1))).astype(np.float32)
    hole = np.zeros((SIDE, SIDE), bool)
    hole[6:, 9:22] = True
    places = find_places(colours, hole)
    monkeypatch.setattr(plate_module, "_SIGHT", SIDE)
    np.testing.assert_array_equal(places, find_places(colours, hole))
    monkeypatch.setattr(plate_module, "_SIGHT", 0)
    assert (places != find_places(colours, hole)).any()


@pytest.mark.parametrize("left", [0, 4])
def test_a_close_up_keeps_the_smooth_plate(left):
    matte = torch.ones(1, 1, SIDE, SIDE)
    matte[..., :left] = 0
    source = torch.rand(1, 3, PICTURE, PICTURE, generator=torch.Generator().manual_seed(4))
    plate = textured_plate(source, matte)
    torch.testing.assert_close(plate, inpainted_background(source, matte))
    assert plate.isfinite().all()


def test_sources_do_not_mix(matte):
    sources = torch.cat((with_person(striped(16), matte), with_person(striped(32), matte)))
    both = textured_plate(sources, matte.expand(2, -1, -1, -1))
    for row in range(2):
        torch.testing.assert_close(both[row : row + 1], textured_plate(sources[row : row + 1], matte))


def test_a_hole_takes_its_texture_only_from_what_it_is_to_continue():
    cells = np.random.default_rng(5).random((24, 24, 3)).astype(np.float32)
    hole, known = np.zeros((24, 24), bool), np.zeros((24, 24), bool)
    hole[:6, 8:16], known[6:14, 8:16] = True, True
    places = find_places(cells, hole, known, patch_side=3)
    assert known[tuple(places[hole].T)].all()
    own = np.moveaxis(np.indices((24, 24)), 0, -1)
    assert np.array_equal(places[~hole], own[~hole])
    apart = hole.copy()
    apart[20:, 20:] = True  # a hole that nothing known touches stays as it is
    again = find_places(cells, apart, known, patch_side=3)
    assert np.array_equal(again[20:, 20:], own[20:, 20:])
    assert find_places(cells, hole, np.zeros_like(known)) is None
