"""What a source is encoded as: the wall behind a person is copied from the wall, without what hangs beside them."""

import pytest
import torch

from fomm.config.training.compact import CompactSettings
from fomm.model.compact import CompactModel

SIDE, CELLS = 128, 32


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    sizes = {"image_size": SIDE, "motion_side": CELLS, "max_width": 8, "levels": 2, "generator_blocks": 1}
    hidden = {"hidden_margin": 0.06, "hidden_fill": True, "matte_width": 4}
    return CompactModel(CompactSettings(tied_keypoints=5, free_keypoints=1, **sizes, **hidden)).eval()


@pytest.fixture
def matte(model, monkeypatch):
    """A dark person's left half in the middle, as the matte sees it, whatever else is in the picture."""
    seen = torch.zeros(1, 1, CELLS, CELLS)
    seen[..., 8:, 6:18] = 1
    monkeypatch.setattr(model, "find_person", lambda source: seen)
    return seen


def portrait(matte, wall=0.8, noise=0.0):
    source = wall + noise * (torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) - 0.5)
    source[matte.repeat_interleave(4, 2).repeat_interleave(4, 3).expand_as(source) > 0] = 0.2
    return source


def behind(model, source, matte):
    """Return what the background shows where the matte has the person, `[N]`."""
    with torch.no_grad():
        background = model.encode(source).known.background
    inside = torch.nn.functional.interpolate(matte, scale_factor=background.shape[2] // CELLS) > 0
    return background[inside.expand_as(background)]


def test_an_earring_that_the_matte_missed_is_not_repeated_behind_the_head(model, matte):
    source = portrait(matte)
    plain = behind(model, source, matte)
    source[..., 65:75, 72:83] = 0.05
    assert float(plain.min()) > 0.7
    assert float(behind(model, source, matte).min()) > 0.7


def test_the_matte_that_moves_with_the_person_stays_the_models_own(model, matte):
    source = portrait(matte)
    source[..., 65:75, 72:83] = 0.05
    with torch.no_grad():
        assert torch.equal(model.encode(source).known.matte, matte)


def test_a_patterned_wall_goes_on_behind_the_head(model, matte):
    source = portrait(matte, wall=0.5, noise=0.6)
    beside = source[..., 80:]
    assert float(behind(model, source, matte).std()) > 0.7 * float(beside.std())
