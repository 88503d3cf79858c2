"""What a head uncovers is as fine as the photo beside it, as long as the wall stays."""

import numpy as np
import pytest
import torch

from fomm.config.refine import RefineSettings
from fomm.face.crop import CropWindow
from fomm.geometry.grids import coordinate_grid
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.motion import Motion
from fomm.model.interface import EncodedSource, GeneratedFrames
from fomm.parts.stage import Source
from fomm.render.animator import Portrait
from fomm.render.paste_back import PasteBack

SIDE, CELLS, PHOTO = 64, 16, 256
HOLE = (slice(6, 10), slice(6, 10))  # cells behind the person; they borrow from five columns to the right
INNER = (slice(108, 148), slice(108, 148))  # pixels of the photo well inside of it
BORROWED = (slice(108, 148), slice(188, 228))


@pytest.fixture
def portrait():
    photo = np.random.default_rng(5).integers(0, 256, (PHOTO, PHOTO, 3)).astype(np.uint8)
    photo[96:160, 96:160] = (200, 150, 120)  # the person
    window = CropWindow(0.0, 0.0, float(PHOTO))
    square = torch.from_numpy(window.crop(photo, SIDE).copy()).permute(2, 0, 1)[None].float() / 255
    places = torch.stack(torch.meshgrid(torch.arange(CELLS), torch.arange(CELLS), indexing="ij"), dim=-1)[None]
    places[0, HOLE[0], HOLE[1], 1] += 5
    return Portrait(
        photo, window, EncodedSource(square, (), Source(square, places=places)), Keypoints(torch.zeros(1, 1, 2))
    )


def uncovered(portrait, behind=1.0, shift=0.0, **settings):
    """A frame that shows the plate all over, as a model makes it: coarse."""
    square = portrait.encoded.image.clone()
    square[..., 24:40, 24:40] = square[..., 24:40, 44:60]
    grid = coordinate_grid(CELLS, CELLS, torch.zeros(()), corners=False) + torch.tensor((shift, 0.0))
    share = torch.full((1, 1, SIDE, SIDE), behind)
    made = GeneratedFrames(square, Motion(grid[None], corners=False), torch.zeros_like(share), behind=share)
    return PasteBack(portrait, RefineSettings(edge=0.0, **settings)).compose(made)[0].astype(float)


def test_it_is_the_texture_that_the_plate_was_made_of(portrait):
    frame = uncovered(portrait)
    assert np.abs(frame[INNER] - portrait.photo[BORROWED]).mean() < 12
    assert frame[INNER].std() > 0.9 * portrait.photo[BORROWED].std()


def test_half_of_it_is_seen_where_half_is_covered_and_none_of_a_wall_that_moves_or_without_detail(portrait):
    whole, half, none = (uncovered(portrait, share)[INNER] for share in (1.0, 0.5, 0.0))
    np.testing.assert_allclose((whole + none) / 2, half, atol=40)
    assert np.abs((whole + none) / 2 - half).mean() < 8  # but for what is too light or too dark
    assert none.std() < 0.5 * whole.std()
    np.testing.assert_array_equal(uncovered(portrait, detail=0.0)[INNER], none)
    moved = uncovered(portrait, shift=2 * 6 / PHOTO)[INNER]
    np.testing.assert_array_equal(moved, none)


def test_a_photo_no_finer_than_the_model_and_a_model_without_a_plate_have_nothing_to_add(portrait):
    coarse = Portrait(portrait.photo[::4, ::4].copy(), CropWindow(0.0, 0.0, 64.0), portrait.encoded, portrait.keypoints)
    np.testing.assert_array_equal(uncovered(coarse), uncovered(coarse, 0.0))
    source = EncodedSource(portrait.encoded.image, ())
    plain = Portrait(portrait.photo, portrait.window, source, portrait.keypoints)
    np.testing.assert_array_equal(uncovered(plain), uncovered(plain, 0.0))
