"""The picture measures against maths written out again here, pixel by pixel."""

import numpy as np
import pytest
from scipy.ndimage import correlate1d

from fomm.evaluation.measures.pictures import BEST_PSNR, Flicker, l1, psnr, squared_error, ssim


@pytest.fixture
def pair():
    numbers = np.random.default_rng(0)
    true = numbers.integers(0, 256, (24, 20, 3)).astype(np.uint8)
    made = np.clip(true + numbers.normal(0, 30, true.shape), 0, 255).astype(np.uint8)
    return made, true


def test_l1_and_psnr_are_the_textbook_formulas(pair):
    made, true = (picture.astype(float) / 255 for picture in pair)
    assert l1(*pair) == pytest.approx(np.mean(np.abs(made - true)))
    assert psnr(squared_error(*pair)) == pytest.approx(-10 * np.log10(np.mean((made - true) ** 2)))


def test_equal_pictures_get_the_best_marks(pair):
    assert l1(pair[0], pair[0]) == 0
    assert psnr(squared_error(pair[0], pair[0])) == BEST_PSNR
    assert ssim(pair[0], pair[0]) == pytest.approx(1)


def test_ssim_is_wangs_formula(pair):
    x, y = (picture.astype(float) for picture in pair)
    kernel = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)  # 11 x 11, as in the paper
    kernel /= kernel.sum()

    def blur(z):
        return correlate1d(correlate1d(z, kernel, axis=0, mode="reflect"), kernel, axis=1, mode="reflect")

    mx, my = blur(x), blur(y)
    vx, vy, vxy = blur(x * x) - mx**2, blur(y * y) - my**2, blur(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    index = (2 * mx * my + c1) * (2 * vxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    assert ssim(*pair) == pytest.approx(index[5:-5, 5:-5].mean(), abs=1e-4)  # where the window fits


def test_flicker_sees_what_comes_and_goes_and_nothing_else():
    numbers = np.random.default_rng(1)
    clip = numbers.integers(40, 200, (6, 8, 8, 3)).astype(np.uint8)  # true frames may change as they like

    def flicker(errors):
        measure = Flicker()
        for true, error in zip(clip, errors, strict=True):
            measure.add(true + np.uint8(error), true)
        return measure.value

    assert flicker([0] * 6) == 0
    assert flicker([0, 2, 4, 6, 8, 10]) == 0  # an error that grows steadily
    assert flicker([0, 3, 0, 3, 0, 3]) == 6  # one that blinks: |0 - 2 * 3 + 0|


def test_flicker_needs_three_frames():
    measure, frame = Flicker(), np.zeros((4, 4, 3), np.uint8)
    measure.add(frame, frame)
    measure.add(frame, frame)
    assert measure.value is None
