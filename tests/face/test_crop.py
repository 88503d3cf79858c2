import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from fomm.errors import FaceError
from fomm.face.crop import FACE_CENTER_Y, FACE_SHARE, CropWindow
from fomm.face.locate import Face

RAMP = np.stack(np.broadcast_arrays(np.arange(64)[None] * 3, np.arange(48)[:, None] * 4, 99), -1).astype(np.uint8)


def test_a_window_of_whole_pixels_at_its_own_size_copies_them():
    assert np.array_equal(CropWindow(10, 5, 32).crop(RAMP, 32), RAMP[5:37, 10:42])


def test_a_window_beyond_the_picture_repeats_its_edge():
    cut = CropWindow(-8, -8, 32).crop(RAMP, 32)
    assert np.array_equal(cut[8:, 8:], RAMP[:24, :24])
    assert np.array_equal(cut[8:, :8], RAMP[:24, :1].repeat(8, axis=1))


def test_shrinking_averages_instead_of_skipping_pixels():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 200
    small = CropWindow(0, 0, 64).crop(stripes, 16)
    assert np.abs(small[:, 2:-2].astype(int) - 100).max() <= 6


@settings(deadline=None, max_examples=30)
@given(st.floats(-20, 40), st.floats(-20, 30), st.floats(24, 60))
def test_sampling_the_crop_through_the_grid_gives_the_photo_back(x, y, side):
    window = CropWindow(x, y, side)
    height, width = RAMP.shape[:2]
    crop = torch.from_numpy(window.crop(RAMP, 128).astype(np.float32)).permute(2, 0, 1)[None]
    grid = window.to_window_grid(height, width)[None]
    back = F.grid_sample(crop, grid, align_corners=False, padding_mode="border")[0].permute(1, 2, 0).numpy()
    x0, y0, x1, y1 = window.bounds(height, width)
    assert back.shape == (y1 - y0, x1 - x0, 3)
    inner = (slice(2, -2), slice(2, -2))
    assert np.abs(back - RAMP[y0:y1, x0:x1])[inner].max(initial=0) < 3


def test_the_grid_runs_from_edge_to_edge_of_the_window():
    grid = CropWindow(8, 4, 16).to_window_grid(48, 64)
    assert grid.shape == (16, 16, 2)
    assert grid[0, 0].tolist() == pytest.approx([-15 / 16, -15 / 16])
    assert grid[-1, 0].tolist() == pytest.approx([-15 / 16, 15 / 16])


def test_the_mask_fades_at_the_window_edge_but_not_where_the_photo_ends():
    mask = CropWindow(-10, 10, 30).edge_mask(48, 64, softness=0.2)
    assert mask.shape == (30, 20)
    assert mask[15, 0] == 1
    assert mask[15, 5] == 1
    assert mask[15, -1] < 0.05
    assert mask[0, 10] < 0.05
    assert mask[6, 10] == 1
    assert mask[-7, 10] < 0.7  # a neck bends over a longer way than hair
    assert mask[-13, 10] == 1


def test_the_mask_does_not_fade_toward_an_edge_of_the_photo_that_is_the_window_s_too():
    mask = CropWindow(0, 0, 30).edge_mask(30, 64, softness=0.2)
    assert mask[0, 0] == 1
    assert mask[-1, 0] == 1  # at the bottom, too
    assert mask[15, -1] < 0.05


def test_a_window_outside_the_picture_is_refused_with_both_places_named():
    with pytest.raises(FaceError, match="outside the 64x48 picture"):
        CropWindow(100, 0, 20).crop(RAMP, 16)


@pytest.mark.parametrize("numbers", [(0, 0, 0), (0, 0, -5), (float("nan"), 0, 10), (0, 0, float("inf"))])
def test_an_impossible_window_is_refused(numbers):
    with pytest.raises(FaceError, match="crop window"):
        CropWindow(*numbers)


def test_the_window_shows_the_face_as_the_training_frames_do_and_zoom_shows_it_larger():
    face = Face((100, 100, 140, 140), 1.0)
    window = CropWindow.around(face)
    assert face.size / window.side == pytest.approx(FACE_SHARE)
    assert (face.center[0] - window.x) / window.side == pytest.approx(0.5)
    assert (face.center[1] - window.y) / window.side == pytest.approx(FACE_CENTER_Y)
    assert CropWindow.around(face, zoom=1.25).side == pytest.approx(window.side / 1.25)
