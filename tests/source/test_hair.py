"""Which cells of a head are hair: what its top can be continued with."""

import numpy as np
import pytest
import torch

from fomm.geometry.landmarks import MEAN_FACE, TIED_LANDMARKS
from fomm.source.hair import FaceOval, hair_cells

CELLS = 32
SKIN, HAIR = np.array((0.8, 0.6, 0.5)), np.array((0.2, 0.15, 0.1))
OVAL = FaceOval((0.0, 0.1), (0.35, 0.5), -0.05)


def head(hair, hairline=0.95):
    """Colours and cells of a head whose hair begins at a part of the oval's half axes."""
    y, x = (np.mgrid[0:CELLS, 0:CELLS] + 0.5) / CELLS * 2 - 1
    way = np.hypot(x / 0.35, (y - 0.1) / 0.5)
    grain = np.random.default_rng(1).normal(0, 0.02, (CELLS, CELLS, 3))
    colours = np.where((way < hairline)[..., None], SKIN, hair) + grain
    return colours.astype(np.float32), way < 1.7, way, y


@pytest.mark.parametrize("hairline", [0.92, 1.0, 1.2])
def test_hair_is_told_from_the_forehead_wherever_it_begins(hairline):
    colours, person, way, y = head(HAIR, hairline)
    found = hair_cells(colours, person, OVAL)
    above = person & (y < OVAL.brows)
    assert found.any()
    assert not found[~above].any()
    assert np.array_equal(found, above & (way >= hairline))


def test_a_head_of_one_colour_goes_on_with_that():
    colours, person, _, y = head(SKIN)
    bare = person & (y < -0.3)  # next to nothing of it is outside of the oval
    assert np.array_equal(hair_cells(colours, bare & (np.abs(y) < 0.36), OVAL), bare & (np.abs(y) < 0.36))
    assert hair_cells(colours, person, OVAL).any()


def test_the_oval_is_read_from_the_outline_of_the_face():
    keypoints = torch.tensor(MEAN_FACE)[:, :2] * 0.3 + torch.tensor((0.1, -0.2))
    oval = FaceOval.of(keypoints, len(TIED_LANDMARKS))
    assert oval.centre == pytest.approx((0.1, -0.2 + 0.3 * (1.62 - 1.60) / 2), abs=0.01)
    assert oval.half == pytest.approx((0.3 * 1.32, 0.3 * 1.61), abs=0.01)
    assert oval.brows == pytest.approx(-0.2 - 0.3 * 1.04, abs=0.01)
    assert FaceOval.of(keypoints[:5], 5) is None
