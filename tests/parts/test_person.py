"""A head and its hair move as one, before a background that rests."""

import torch

from fomm.geometry.motion import PersonLayer
from fomm.parts.person import carried_person, silhouette
from fomm.source.fine_matte import fine_matte

SIDE = 64


def _square(left, right, side=SIDE):
    """Return a matte `[1, 1, side, side]` of somebody in the rows from a quarter on and these columns."""
    matte = torch.zeros(1, 1, side, side)
    matte[..., side // 4 :, left:right] = 1
    return matte


def _overlap(one, other):
    return (torch.minimum(one, other).sum() / torch.maximum(one, other).sum()).item()


def test_hair_that_the_network_takes_for_wall_goes_with_its_head():
    # A head in columns 16 to 47 goes 8 cells to the left. The network loses a crescent of it, and thinks that the
    # outer lock behind the crescent stays.
    moved = torch.full((1, 2, SIDE, SIDE), 0.0)
    moved[:, 0] = 2 * 8 / SIDE
    before = torch.full((1, 1, SIDE, SIDE), -6.0)
    before[..., 16:, 8:28] = 6.0
    moved[:, 0, :, 28:] = 0.0
    matte = _square(16, 48)
    alpha = silhouette(carried_person(moved, before, matte), matte)
    assert _overlap(alpha, _square(8, 40)) > 0.95
    torn = silhouette(moved, matte)  # what the network's own motions carry
    assert _overlap(torn, _square(8, 40)) < 0.85


def test_where_nobody_moves_the_silhouette_is_the_matte():
    matte = _square(16, 48)
    still = carried_person(torch.zeros(1, 2, SIDE, SIDE), torch.where(matte > 0, 6.0, -6.0), matte)
    assert still.abs().max() < 1e-5
    assert _overlap(silhouette(still, matte), matte) > 0.999


def test_layers_meet_in_colours_and_never_in_the_flow():
    layer = PersonLayer(torch.full((1, 2, SIDE, SIDE), 0.5), _square(0, 32, 256))
    flow = layer.flow_of_both()
    assert set(flow.unique().tolist()) == {0.0, 0.5}
    person, wall = torch.ones(1, 3, 256, 256), torch.zeros(1, 3, 256, 256)
    torch.testing.assert_close(layer.over(person, wall)[:, :1], layer.alpha)


def test_a_fine_matte_ends_where_the_picture_does():
    rows, columns = torch.meshgrid(torch.arange(256.0), torch.arange(256.0), indexing="ij")
    true = ((rows - 130).square() + (columns - 121).square() < 70**2).float()[None, None]
    noise = torch.randn(1, 3, 256, 256, generator=torch.Generator().manual_seed(1)) * 0.02
    picture = (torch.where(true > 0, 0.3, 0.7) + noise).clamp(0, 1)
    cells = torch.nn.functional.avg_pool2d(true, 4).round()
    blocks = torch.nn.functional.interpolate(cells, scale_factor=4.0, mode="bilinear", align_corners=False)
    fine = fine_matte(picture, cells)
    assert fine.shape == true.shape
    off, before = ((one > 0.5).float().sub(true).abs().sum() for one in (fine, blocks))
    assert off < 0.5 * before
