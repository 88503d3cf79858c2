"""Paste-back: what stays still stays the photo's own pixels, what moves moves by the right number of them."""

import numpy as np
import pytest
import torch

from fomm.config.refine import RefineSettings
from fomm.face.crop import CropWindow
from fomm.geometry.grids import coordinate_grid
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.motion import Motion
from fomm.model.interface import EncodedSource, GeneratedFrames
from fomm.render.animator import Portrait
from fomm.render.paste_back import PasteBack
from fomm.source.canvas import Canvas

SIDE, MOTION_SIDE = 64, 16
WINDOWS = {
    "inside": ((101, 120), CropWindow(20.0, 10.0, 70.0)),
    "fractional": ((101, 120), CropWindow(20.4, 10.7, 70.3)),
    "beyond two edges": ((101, 120), CropWindow(-15.5, 40.25, 90.0)),
    "beyond all edges": ((51, 75), CropWindow(-10.0, -20.0, 99.0)),
    "smaller than the model": ((101, 120), CropWindow(50.0, 30.0, 31.0)),
    "larger than the model": ((257, 301), CropWindow(30.0, 10.0, 230.5)),
}


def noisy_photo(height, width):
    """A photo with detail at every scale: what survives only if the photo's own pixels are used."""
    noise = np.random.default_rng(3).integers(0, 256, (height, width, 3))
    y, x = np.mgrid[0:height, 0:width]
    smooth = 127 + 100 * np.sin(x / 17)[..., None] * np.cos(y / 13)[..., None]
    return np.clip(0.5 * noise + 0.5 * smooth, 0, 255).astype(np.uint8)


def portrait_of(photo, window):
    square = torch.from_numpy(window.crop(photo, SIDE).copy()).permute(2, 0, 1)[None].float() / 255  # [1, 3, S, S]
    return Portrait(photo, window, EncodedSource(square, ()), Keypoints(torch.zeros(1, 1, 2)))


def frames_of(portrait, shift=(0.0, 0.0), *, visible=1.0, corners=False, batch=1):
    """Frames of a model that moves everything by `shift`, in window coordinates, and copies the source."""
    grid = coordinate_grid(MOTION_SIDE, MOTION_SIDE, torch.zeros(()), corners=corners)
    flow = (grid + torch.tensor(shift)).expand(batch, -1, -1, -1)
    edge = coordinate_grid(SIDE, SIDE, torch.zeros(()), corners=False)[None] + torch.tensor(shift)
    image = torch.nn.functional.grid_sample(portrait.encoded.image, edge, padding_mode="border", align_corners=False)
    share = torch.full((batch, 1, SIDE, SIDE), visible)
    return GeneratedFrames(image.expand(batch, -1, -1, -1), Motion(flow, corners=corners), share)


@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize("name", WINDOWS)
def test_no_motion_gives_the_photo_itself(name, corners):
    size, window = WINDOWS[name]
    photo = noisy_photo(*size)
    portrait = portrait_of(photo, window)
    frame = PasteBack(portrait, RefineSettings()).compose(frames_of(portrait, corners=corners))
    assert frame.shape == (1, *photo.shape)
    assert frame.dtype == np.uint8
    assert np.abs(frame[0].astype(int) - photo).max() <= 1


@pytest.mark.parametrize("name", WINDOWS)
def test_nothing_outside_the_window_changes(name):
    (height, width), window = WINDOWS[name]
    photo = noisy_photo(height, width)
    portrait = portrait_of(photo, window)
    frame = PasteBack(portrait, RefineSettings(edge=0.0)).compose(frames_of(portrait, (0.3, -0.2), visible=0.4))[0]
    y, x = np.mgrid[0:height, 0:width] + 0.5  # pixel centres
    inside = (abs(x - window.x - window.side / 2) < window.side / 2 + 0.5) & (
        abs(y - window.y - window.side / 2) < window.side / 2 + 0.5
    )
    assert np.array_equal(frame[~inside], photo[~inside])
    assert not np.array_equal(frame[inside], photo[inside])


@pytest.mark.parametrize("name", ["inside", "beyond two edges", "larger than the model"])
@pytest.mark.parametrize("pixels", [(6, 0), (0, -5), (-7, 4)])
def test_photo_moves_by_the_right_number_of_its_own_pixels(name, pixels):
    (height, width), window = WINDOWS[name]
    photo = noisy_photo(height, width)
    portrait = portrait_of(photo, window)
    shift = (2 * pixels[0] / window.side, 2 * pixels[1] / window.side)
    frame = PasteBack(portrait, RefineSettings(edge=0.05)).compose(frames_of(portrait, shift))[0]
    # A backward flow of +6 px takes the content of the pixel 6 to the right: the picture moves 6 px to the left.
    expected = np.roll(photo, (-pixels[1], -pixels[0]), axis=(0, 1))
    x0, y0, x1, y1 = window.bounds(height, width)
    margin = int(window.side * 0.06) + 10  # clear of the soft edge and of what moved in from outside
    area = np.s_[y0 + margin : y1 - margin, x0 + margin : x1 - margin]
    assert frame[area].size > 500
    error = np.abs(frame[area].astype(int) - expected[area])
    assert error.mean() < 2
    assert np.abs(photo[area].astype(int) - expected[area]).mean() > 20


def test_made_up_content_replaces_the_photo_where_nothing_is_visible():
    photo = noisy_photo(101, 120)
    portrait = portrait_of(photo, CropWindow(20.0, 10.0, 70.0))
    made = frames_of(portrait, visible=0.0)
    red = torch.zeros_like(made.image)
    red[:, 0] = 1.0
    frame = PasteBack(portrait, RefineSettings()).compose(GeneratedFrames(red, made.motion, made.visible))[0]
    assert frame[45, 55].tolist() == [255, 0, 0]
    assert frame[5, 5].tolist() == photo[5, 5].tolist()


def test_fine_content_does_not_alias_in_a_coarser_photo():
    photo = np.full((60, 60, 3), 127, np.uint8)
    portrait = portrait_of(photo, CropWindow(10.0, 10.0, 40.0))
    made = frames_of(portrait, visible=0.0)
    stripes = (torch.arange(SIDE) % 2).float().expand_as(made.image)
    frame = PasteBack(portrait, RefineSettings()).compose(GeneratedFrames(stripes, made.motion, made.visible))[0]
    assert np.abs(frame[20:40, 20:40].astype(int) - 127).max() < 40


def test_soft_edge_has_no_step():
    photo = np.full((100, 100, 3), 40, np.uint8)
    portrait = portrait_of(photo, CropWindow(10.0, 10.0, 80.0))
    made = frames_of(portrait, visible=0.0)
    white = GeneratedFrames(torch.ones_like(made.image), made.motion, made.visible)
    row = PasteBack(portrait, RefineSettings(edge=0.5)).compose(white)[0][50, :, 0].astype(int)
    assert row[5] == 40
    assert row[50] == 255
    assert np.abs(np.diff(row)).max() < 30
    hard = PasteBack(portrait, RefineSettings(edge=0.0)).compose(white)[0][50, :, 0].astype(int)
    assert np.abs(np.diff(hard)).max() > 200


def test_what_reaches_over_the_edge_bends_and_does_not_show_twice():
    photo = np.zeros((160, 200, 3), np.uint8)
    photo[:, 100:] = 255
    window = CropWindow(40.0, 20.0, 120.0)
    portrait = portrait_of(photo, window)
    frame = PasteBack(portrait, RefineSettings(edge=0.2)).compose(frames_of(portrait, (2 * 8 / window.side, 0.0)))[0]
    begins = [int(np.argmax(row > 127)) for row in frame[..., 0]]
    assert (begins[80], begins[10], begins[150]) == (92, 100, 100)  # moved in the window's middle, at rest beyond it
    half_lit = (frame[:, 85:106, 0] > 40) & (frame[:, 85:106, 0] < 215)
    assert half_lit.sum(axis=1).max() <= 4


def test_detail_setting_takes_the_fine_detail_away():
    photo = noisy_photo(257, 301)
    portrait = portrait_of(photo, CropWindow(30.0, 10.0, 230.0))
    made = frames_of(portrait)
    centre = np.s_[90:160, 110:180]
    soft = PasteBack(portrait, RefineSettings(detail=0.0)).compose(made)[0][centre]
    sharp = PasteBack(portrait, RefineSettings(detail=1.0)).compose(made)[0][centre]
    assert soft.std() < 0.8 * sharp.std()


def test_a_batch_is_composed_frame_by_frame():
    photo = noisy_photo(101, 120)
    portrait = portrait_of(photo, CropWindow(20.0, 10.0, 70.0))
    paste = PasteBack(portrait, RefineSettings())
    one, other = frames_of(portrait, (0.1, 0.0)), frames_of(portrait, (0.0, 0.2), visible=0.5)
    both = GeneratedFrames(
        torch.cat((one.image, other.image)),
        Motion(torch.cat((one.motion.flow, other.motion.flow))),
        torch.cat((one.visible, other.visible)),
    )
    together = paste.compose(both)
    assert np.array_equal(together[0], paste.compose(one)[0])
    assert np.array_equal(together[1], paste.compose(other)[0])
    assert not np.array_equal(together[0], together[1])


def test_visibility_of_any_resolution_is_understood():
    photo = noisy_photo(101, 120)
    portrait = portrait_of(photo, CropWindow(20.0, 10.0, 70.0))
    made = frames_of(portrait)
    coarse = GeneratedFrames(made.image, made.motion, torch.ones(1, 1, MOTION_SIDE, MOTION_SIDE))
    assert np.abs(PasteBack(portrait, RefineSettings()).compose(coarse)[0].astype(int) - photo).max() <= 1


def test_crop_only_gives_the_plain_square():
    photo = noisy_photo(101, 120)
    portrait = portrait_of(photo, CropWindow(20.0, 10.0, 70.0))
    paste = PasteBack(portrait, RefineSettings(crop_only=True))
    made = frames_of(portrait, batch=3)
    frames = paste.compose(made)
    assert paste.size == (SIDE, SIDE)
    assert frames.shape == (3, SIDE, SIDE, 3)
    wanted = (made.image * 255).round().permute(0, 2, 3, 1).numpy()
    assert np.array_equal(frames, wanted.astype(np.uint8))


def test_the_photo_is_never_written_to():
    photo = noisy_photo(101, 120)
    photo.flags.writeable = False  # as an authorised photo is
    portrait = portrait_of(photo, CropWindow(0.0, 0.0, 120.0))
    before = photo.copy()
    paste = PasteBack(portrait, RefineSettings())
    assert paste.size == (120, 101)
    first, second = paste.compose(frames_of(portrait, (0.2, 0.1))), paste.compose(frames_of(portrait, (0.2, 0.1)))
    assert np.array_equal(photo, before)
    assert np.array_equal(first, second)


def test_what_is_made_up_beyond_the_photo_moves_into_it():
    (height, width), window = (90, 80), CropWindow(0.0, -20.0, 80.0)
    tall = noisy_photo(20 + height, width)  # of which the photo has all but 20 rows
    photo = np.ascontiguousarray(tall[20:])
    square = torch.from_numpy(CropWindow(0.0, 0.0, 80.0).crop(tall, SIDE).copy()).permute(2, 0, 1)[None].float() / 255
    canvas = Canvas(tall, CropWindow(0.0, 0.0, 80.0), top=20)
    portrait = Portrait(photo, window, EncodedSource(square, ()), Keypoints(torch.zeros(1, 1, 2)), continued=canvas)
    paste = PasteBack(portrait, RefineSettings(edge=0.0))
    still = paste.compose(frames_of(portrait))[0]
    assert paste.size == (width, height)
    assert np.abs(still.astype(int) - photo).max() <= 1
    moved = paste.compose(frames_of(portrait, (0.0, -10 / 40)))[0]  # all goes down by 10 px
    inner = (slice(2, 50), slice(4, -4))
    assert np.abs(moved.astype(int) - tall[10 : 10 + height])[inner].max() <= 3
