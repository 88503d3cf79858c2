"""Hats sit on heads: above the brows, over all hair there, and with whatever reaches beyond the head."""

import torch

from fomm.geometry.grids import coordinate_grid
from fomm.training.augment.hats import hats
from fomm.training.augment.rng import TorchRng

COUNT, SIDE = 64, 96


def drawn(person):
    """Hats on heads seen up to twice the face's window."""
    faces = 2 * coordinate_grid(SIDE, SIDE, torch.zeros(1), corners=False).expand(COUNT, -1, -1, -1)
    return faces, hats(faces, person.expand(COUNT, 1, SIDE, SIDE), TorchRng(torch.Generator().manual_seed(5)))


def test_hats_are_worn_above_the_brows_and_nowhere_else():
    faces, hat = drawn(torch.zeros(1))
    y = faces[..., 1][:, None]
    assert float(hat.worn[y > 0.2].max()) < 0.01  # never over nose and mouth
    areas = (hat.worn > 0.5).float().mean((1, 2, 3)) * 4  # parts of the face's window
    assert 0.05 < float(areas.min()) < float(areas.max()) < 0.9
    assert float(areas.std()) > 0.03  # of many sizes


def test_all_hair_above_the_seam_is_under_the_hat():
    hair = torch.zeros(1, 1, SIDE, SIDE)
    hair[..., : SIDE // 8, :] = 1  # higher than any hat goes
    _, hat = drawn(hair)
    assert float(hat.worn[:, :, : SIDE // 8].min()) > 0.99


def test_some_hats_have_a_brim_that_reaches_beyond_the_head():
    faces, hat = drawn(torch.zeros(1))
    aside = (faces[..., 0].abs() > 0.9)[:, None]
    wide = (hat.worn * aside).amax((1, 2, 3)) > 0.5
    assert 0.05 < float(wide.float().mean()) < 0.95


def test_light_falls_on_them_in_many_ways():
    _, hat = drawn(torch.zeros(1))
    assert 0.4 < float(hat.light.min()) < 0.7
    assert float(hat.light.max()) <= 1
