import pytest
import torch

from fomm.config.training.paper_views import AugmentationParams
from fomm.training.augment.pairs import augment_pair


def augment(pair, seed=0, **params):
    return augment_pair(pair, AugmentationParams.from_mapping(params), torch.Generator().manual_seed(seed))


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2, 3, 16, 16, generator=generator) * 0.6 + 0.2


def test_nothing_asked_nothing_changed(pair):
    assert torch.equal(augment(pair), pair)


def test_flips_mirror_and_reverse_both_frames(pair):
    both = {"horizontal_flip": True, "time_flip": True}
    results = [augment(pair, seed, flip_param=both) for seed in range(20)]
    expected = [pair, pair.flip(3), pair.flip(0), pair.flip(0).flip(3)]
    found = {next(i for i, e in enumerate(expected) if torch.equal(e, result)) for result in results}
    assert found == {0, 1, 2, 3}


def test_both_frames_change_alike(pair):
    same = torch.stack((pair[0], pair[0]))
    jitter = {"brightness": 0.3, "contrast": 0.3, "saturation": 0.3, "hue": 0.2}
    result = augment(same, jitter_param=jitter, rotation_param={"degrees": 20}, resize_param={"ratio": [0.8, 1.2]})
    assert torch.equal(result[0], result[1])
    assert not torch.equal(augment(same, jitter_param=jitter), same)


def test_hue_moves_colour_but_not_grey(pair):
    grey = pair.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    assert torch.allclose(augment(grey, jitter_param={"hue": 0.5}), grey, atol=1e-4)
    assert not torch.allclose(augment(pair, jitter_param={"hue": 0.5}), pair, atol=1e-2)


def test_crop_pads_what_is_too_small(pair):
    assert augment(pair, crop_param={"size": [8, 12]}).shape == (2, 3, 8, 12)
    padded = augment(pair, crop_param={"size": [20, 16]})
    assert torch.equal(padded[:, :, 2:18], pair)
    assert torch.equal(padded[:, :, 0], pair[:, :, 0])


def test_half_a_turn_is_a_flip_of_both_axes(pair, monkeypatch):
    monkeypatch.setattr("fomm.training.augment.pairs._number", lambda low, high, generator: high)
    assert torch.allclose(augment(pair, rotation_param={"degrees": 180}), pair.flip(2, 3), atol=1e-4)
