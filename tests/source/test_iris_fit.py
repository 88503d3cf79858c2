"""Irises are found in a photo's pixels where keypoints are off, and left where there is nothing to see."""

import pytest
import torch

from fomm.geometry.eye_shape import EyeShapes
from fomm.geometry.grids import coordinate_grid
from fomm.geometry.landmarks import EYES, REGIONS
from fomm.source.iris_fit import RADIUS, fit_irises

SIDE, HALF = 256, 0.12
SKIN, WHITE = (torch.tensor(colour).view(3, 1, 1) for colour in ((0.6, 0.4, 0.3), (0.8, 0.78, 0.76)))


def eyes(opening):
    value = torch.zeros(1, 42, 2)
    value[0, list(REGIONS["mouth"]), 1] = 0.6
    for (outer, inner, upper, lower), side in zip(EYES, (-1, 1), strict=True):
        value[0, [outer, inner]] = torch.tensor([[(0.3 + HALF) * side, 0.0], [(0.3 - HALF) * side, 0.0]])
        value[0, [upper, lower]] = torch.tensor([[0.3, -opening / 2 * HALF], [0.3, opening / 2 * HALF]])
        value[0, [upper, lower], 0] *= side
    return EyeShapes.of(value)


def photo(shapes, middles, radius, iris):
    """Eyes with irises of that radius at those middles `[2 eyes, 2]`, all in half widths of an eye."""
    x, y = shapes.places(coordinate_grid(SIDE, SIDE, torch.zeros(1), corners=False))
    ball = (shapes.inside(x, y) > 0).any(1)
    x, y = (each[0] - middles[:, axis, None, None] for axis, each in enumerate((x, y)))
    rim = ((radius - torch.hypot(x, y)) * HALF * SIDE / 2 + 0.5).clamp(0, 1).amax(0)
    return torch.where(ball, torch.lerp(WHITE, torch.tensor(iris).view(3, 1, 1), rim), SKIN)[None]


@pytest.mark.parametrize("opening", [0.5, 0.8])  # lids hide more and less of them
@pytest.mark.parametrize("radius", [0.34, 0.4, 0.46])
@pytest.mark.parametrize("iris", [(0.1, 0.06, 0.05), (0.4, 0.5, 0.6)])  # brown and blue
def test_irises_are_found_where_they_are_and_as_large(opening, radius, iris):
    shapes = eyes(opening)
    middles = torch.tensor([[0.12, -0.06], [-0.1, 0.05]])
    found, size = fit_irises(shapes, torch.zeros(1, 2, 2), photo(shapes, middles, radius, iris))
    assert (found[0] - middles)[:, 0].abs().max() < 0.04
    assert (found[0] - middles)[:, 1].abs().max() < 0.09  # lids hide what would tell
    assert (size - radius).abs().max() < 0.05


def test_keypoints_stay_where_no_rim_is_seen():
    said = torch.tensor([[[0.1, -0.05], [0.2, 0.0]]])
    for picture in (SKIN.expand(1, 3, SIDE, SIDE), torch.zeros(1, 3, SIDE, SIDE)):
        found, size = fit_irises(eyes(0.7), said, picture)
        torch.testing.assert_close(found, said)
        torch.testing.assert_close(size, torch.full((1, 2), RADIUS))
