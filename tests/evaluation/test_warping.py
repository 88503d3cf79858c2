"""The warping error sees colours that do not stay with what moves, on a picture that slides by a known step."""

import numpy as np
import pytest
from scipy.ndimage import zoom

from fomm.evaluation.labelled import ClipTruth
from fomm.evaluation.measures.warping import WarpingError

SIDE, LENGTH, STEP = 256, 5, 4  # px, frames, px to the right a frame


def slide(moment):
    """A smooth random picture, moved on."""
    coarse = np.random.default_rng(3).uniform(60, 190, (18, 20, 3))
    wide = np.clip(zoom(coarse, (16, 16, 1), order=3), 20, 230).astype(np.uint8)
    return wide[:SIDE, 40 - STEP * moment : 40 - STEP * moment + SIDE]


def truth(valid=True):
    """What is known of the slide: every frame's flow points to the frame before it."""
    source = np.maximum(np.arange(LENGTH) - 1, 0)
    flow = np.zeros((LENGTH, 64, 64, 2), np.int16)
    flow[1:, ..., 0] = -4 * STEP  # quarter pixels
    known = np.zeros((LENGTH, 64, 64), bool)
    known[:, :, 8:] = valid  # the frame's left end comes from beyond it
    return ClipTruth(np.zeros((LENGTH, 468, 2)), source, flow, np.packbits(known, axis=-1))


def judged(made, known=None):
    warping = WarpingError(known or truth())
    for moment in range(1, LENGTH):
        warping.add(moment, {"model": made(moment)})
    return warping.values().get("model")


def test_colours_that_go_with_the_motion_have_no_error():
    assert judged(slide) < 0.5


def test_an_error_that_goes_with_the_motion_has_none_either():
    assert judged(lambda moment: slide(moment) // 2) < 0.5


def test_a_picture_that_stands_still_does_not_follow():
    standing = np.abs(slide(1).astype(int) - slide(0))[:, 32:].mean()
    assert standing > 2
    assert judged(lambda moment: slide(0)) == pytest.approx(standing, rel=0.1)


def test_what_comes_and_goes_has_its_whole_strength():
    assert judged(lambda moment: slide(moment) + np.uint8(10 * (moment % 2))) == pytest.approx(10, abs=0.5)


def test_pairs_that_are_not_known_tell_nothing():
    assert judged(slide, truth(valid=False)) is None
    warping = WarpingError(truth())
    warping.add(1, {"model": slide(1)})  # its flow points to a frame that was not made
    assert warping.values() == {}
