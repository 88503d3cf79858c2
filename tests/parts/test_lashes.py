"""Where an eye shuts, no pixel shows an eyeball: lashes and skin are drawn there."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from fomm.config.training.compact import CompactSettings
from fomm.errors import SettingsError
from fomm.geometry.grids import coordinate_grid
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import EYES, REGIONS
from fomm.model.compact import CompactModel
from fomm.parts.lashes import lash_map
from fomm.parts.lids import shut_lids

SIDE = 256
OPEN = 0.06
SKIN, LASHES, WHITE = torch.tensor([0.7, 0.5, 0.4]), torch.tensor([0.1, 0.05, 0.0]), torch.ones(3)


def eyes(*openings):
    """Keypoints whose eyes are 0.2 wide at (-0.2, 0) and (0.2, 0); the lower lids stay at y = 0.03."""
    value = torch.zeros(1, 42, 2)
    value[0, list(REGIONS["mouth"]), 1] = 0.3
    for (outer, inner, upper, lower), side, opening in zip(EYES, (-1, 1), openings, strict=True):
        value[0, [outer, inner]] = torch.tensor([[0.3 * side, 0.0], [0.1 * side, 0.0]])
        value[0, [upper, lower]] = torch.tensor([[0.2 * side, OPEN / 2 - opening], [0.2 * side, OPEN / 2]])
    return Keypoints(value)


def photo():
    """White eyeballs in skin, with dark lashes along the upper lids; and where the eyeballs are, `[SIDE, SIDE]`."""
    x, y = coordinate_grid(SIDE, SIDE, torch.zeros(1), corners=False).unbind(-1)
    room = (1 - ((x.abs() - 0.2) / 0.1).square()).clamp_min(0)
    ball = y.abs() < OPEN / 2 * room
    lashes = (y + OPEN / 2 * room).abs() < 0.006
    picture = torch.where(ball, WHITE[:, None, None], SKIN[:, None, None])
    return torch.where(lashes & (room > 0), LASHES[:, None, None], picture)[None], ball


def shown_ball(displacement):
    """How far each pixel shows what is inside of an eyeball, away from its rim."""
    _, ball = photo()
    core = 1 - F.max_pool2d(1 - ball[None, None].float(), 5, stride=1, padding=2)
    there = displacement.permute(0, 2, 3, 1) + coordinate_grid(SIDE, SIDE, displacement, corners=False)
    return F.grid_sample(core, there, align_corners=False)[0, 0]


def test_all_that_shows_an_eyeball_is_drawn_over_as_the_eye_shuts():
    still, picture = torch.zeros(1, 2, SIDE, SIDE), photo()[0]
    shut = shut_lids(still, eyes(0.0, 0.0), eyes(OPEN, OPEN))
    for displacement in (still, shut):  # whether or not the lids have come down
        drawn = lash_map(displacement, eyes(0.0, 0.0), eyes(OPEN, OPEN), picture, SIDE)
        seen = shown_ball(displacement) > 0.9
        assert seen.any()
        assert (drawn[0, 0][seen] > 0.95).all()
        away = coordinate_grid(SIDE, SIDE, still, corners=False)[..., 1].abs() > 0.08
        assert not drawn[0, 0][away].any()


def test_lashes_are_dark_and_meet_the_skin_below():
    drawn = lash_map(torch.zeros(1, 2, SIDE, SIDE), eyes(0.0, 0.0), eyes(OPEN, OPEN), photo()[0], SIDE)[0]
    column = int(1.2 / 2 * SIDE)
    rows = (drawn[0, :, column] > 0.5).nonzero().flatten()
    colours = drawn[1:, rows, column]  # [3, rows]
    torch.testing.assert_close(colours[:, 0], LASHES, atol=0.15, rtol=0)
    torch.testing.assert_close(colours[:, -1], SKIN, atol=0.05, rtol=0)
    assert (colours.diff() > -1e-3).all()


def test_open_eyes_are_left_alone_and_one_winks_by_itself():
    still, picture = torch.zeros(1, 2, SIDE, SIDE), photo()[0]
    assert lash_map(still, eyes(0.6 * OPEN, OPEN), eyes(OPEN, OPEN), picture, SIDE) is None
    assert lash_map(still, eyes(-0.01, 0.0), eyes(0.0, 0.005), picture, SIDE) is None  # shut in the photo already
    cover = lash_map(still, eyes(OPEN, 0.0), eyes(OPEN, OPEN), picture, SIDE)[0, 0]
    assert not cover[:, : SIDE // 2].any()
    assert cover[:, SIDE // 2 :].max() == 1


def test_a_model_draws_them_once_training_is_over():
    sizes = {"motion_side": 64, "levels": 2, "max_width": 8, "detector_width": 4, "motion_width": 4}
    settings = CompactSettings(tied_keypoints=42, generator_width=4, generator_blocks=0, **sizes)
    torch.manual_seed(1)
    plain = CompactModel(settings).eval()
    lashed = CompactModel(replace(settings, lashes=True)).eval()
    lashed.load_state_dict(plain.state_dict())
    free = torch.zeros(1, 4, 2)
    driving, source = (Keypoints(torch.cat((each.value, free), dim=1)) for each in (eyes(0.0, 0.0), eyes(OPEN, OPEN)))
    without, with_them = (model.animate(model.encode(photo()[0]), driving, source) for model in (plain, lashed))
    cover = with_them.motion.drawn[:, :1]
    full = (cover == 1).expand(-1, 3, -1, -1)
    assert full.any()
    torch.testing.assert_close(with_them.image[full], with_them.motion.drawn[:, 1:][full])
    assert not with_them.visible[cover == 1].any()
    away = (cover == 0).expand(-1, 3, -1, -1)
    torch.testing.assert_close(with_them.image[away], without.image[away])
    assert lashed.train().move(photo()[0], driving, source).drawn is None


def test_a_model_without_irises_cannot_have_them():
    with pytest.raises(SettingsError, match=r"model\.lashes"):
        CompactModel(CompactSettings(tied_keypoints=40, lashes=True))
