"""What hangs beside a person is no wall to copy from; the wall itself is, however restless."""

import pytest
import torch

from fomm.source.background import inpainted_background, texture_places, with_texture
from fomm.source.matte_refinement import refined_matte

SIDE, CELLS = 128, 32


def scene(wall=0.8, noise=0.0):
    """A wall, and a dark person on the left half of its middle: a source `[1, 3, 128, 128]` and its matte."""
    generator = torch.Generator().manual_seed(0)
    source = wall + noise * (torch.rand(1, 3, SIDE, SIDE, generator=generator) - 0.5)
    matte = torch.zeros(1, 1, CELLS, CELLS)
    matte[..., 8:, 6:18] = 1
    source[matte.repeat_interleave(4, 2).repeat_interleave(4, 3).expand_as(source) > 0] = 0.2
    return source, matte


def paint(source, rows, columns, level=0.05):
    """Paint cells of the source, a pixel short of their edges."""
    source[..., 4 * rows.start + 1 : 4 * rows.stop - 1, 4 * columns.start : 4 * columns.stop - 1] = level
    return source


def added(source, matte):
    return (refined_matte(source, matte) > matte)[0, 0]


def plate_of(source, matte):
    smooth = inpainted_background(source, matte)
    return with_texture(source, texture_places(smooth, matte), smooth)


def test_an_earring_beside_the_person_is_theirs_and_the_plate_shows_none():
    source, matte = scene()
    paint(source, slice(16, 19), slice(18, 21))
    found = added(source, matte)
    assert found[16:19, 18:21].all()
    assert found.sum() <= 15  # it, and the cells where it hangs
    assert plate_of(source, matte).min() < 0.1
    assert plate_of(source, refined_matte(source, matte)).min() > 0.7


def test_a_thing_on_the_wall_stays_the_walls():
    source, matte = scene()
    assert not added(paint(source, slice(16, 19), slice(26, 28)), matte).any()


def test_a_veil_is_too_large_to_be_left_out_of_the_plate():
    source, matte = scene()
    assert not added(paint(source, slice(8, 32), slice(18, 23)), matte).any()


def test_a_plain_wall_is_left_alone():
    assert not added(*scene()).any()


def test_a_restless_wall_is_left_alone():
    assert not added(*scene(wall=0.5, noise=0.6)).any()


def test_a_strand_that_the_matte_doubts_is_followed_to_its_end():
    source, matte = scene()
    matte[..., 12:13, 18:30] = 0.3
    paint(source, slice(12, 13), slice(18, 30))
    assert added(source, matte)[12, 19:29].all()


def test_where_hardly_any_wall_is_seen_nothing_is_told_of_it():
    source, matte = scene()
    matte[..., :, :31] = 1
    assert torch.equal(refined_matte(paint(source, slice(16, 19), slice(31, 32)), matte), matte)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_pictures_of_a_batch_do_not_mix(order):
    pairs = [scene(), scene()]
    paint(pairs[0][0], slice(16, 19), slice(18, 21))
    both = refined_matte(*(torch.cat([pairs[i][k] for i in order]) for k in (0, 1)))
    for row, i in enumerate(order):
        assert torch.equal(both[row], refined_matte(*pairs[i])[0])


def test_a_frame_that_goes_on_behind_the_head_is_the_walls():
    source, matte = scene()
    assert added(paint(source.clone(), slice(10, 11), slice(18, 22)), matte)[10, 18:22].all()
    assert not added(paint(source.clone(), slice(10, 11), slice(18, 31)), matte).any()
