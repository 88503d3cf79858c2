"""Training's stand-in for the tracker: driving keypoints on the body agree with the true flow, nearly."""

import pytest
import torch
from torch.nn import functional as F

from fomm.nn.geometry import Keypoints, coordinate_grid
from fomm.training import followed as stand_in
from fomm.training.augment import AugmentSettings, augment
from fomm.training.clips import PairedClips

STILL = AugmentSettings(scale=0, rotation=0, shift=0, moment=0, mirror=0, backdrop=0)
TIED = 2


@pytest.fixture
def sample(labelled_clips, clip_cache):
    """A person that moves by 6 and by 18 px."""
    clips = PairedClips(labelled_clips, "train", clip_cache)
    return augment(clips.batch([(0, 1), (0, 3)]), STILL, 64, torch.Generator().manual_seed(1), self_driven=2)


def keypoints(sample, moment):
    """Two on the face, its top and chin, and three below it."""
    face = sample.landmarks[:, moment]
    low, high = face[..., 1].amax(1), face[..., 1].amin(1)
    middle = face[..., 0].mean(1)
    tied = torch.stack((torch.stack((middle, high), -1), torch.stack((middle, low), -1)), dim=1)
    free = torch.stack([torch.stack((middle + x, low + (1 - low) * 0.5), -1) for x in (-0.1, 0.0, 0.1)], dim=1)
    value = torch.cat((tied, free), dim=1)
    return Keypoints(value, torch.eye(2).expand(*value.shape, 2))


def strays(sample, source, driving):
    """Return how far the free keypoints are from where the true flow has them, in [-1, 1] units."""
    grid = coordinate_grid(64, 64, sample.flow, corners=False)
    shift = (sample.flow - grid).permute(0, 3, 1, 2)
    at = driving.value[:, TIED:]
    read = F.grid_sample(shift, at[:, :, None], align_corners=False)[..., 0].transpose(1, 2)
    return (at + read - source.value[:, TIED:]).norm(dim=-1)


def test_keypoints_on_the_body_agree_with_the_true_flow(sample, monkeypatch):
    monkeypatch.setattr(stand_in, "_MISSING", 0.0)
    torch.manual_seed(0)
    source = keypoints(sample, 0)
    found = Keypoints(keypoints(sample, 1).value + 0.1, source.jacobian)
    driving = stand_in.followed(found, source, sample, TIED)
    assert float(strays(sample, source, driving).mean()) < 0.02
    assert float(strays(sample, source, found).mean()) > 0.05
    assert torch.equal(driving.value[:, :TIED], found.value[:, :TIED])
    again = stand_in.followed(found, source, sample, TIED)
    assert not torch.equal(again.value, driving.value)  # a little off, another way each time


def test_now_and_then_nothing_is_followed(sample, monkeypatch):
    monkeypatch.setattr(stand_in, "_MISSING", 1.0)
    source = keypoints(sample, 0)
    found = Keypoints(keypoints(sample, 1).value + 0.1, source.jacobian)
    driving = stand_in.followed(found, source, sample, TIED)
    torch.testing.assert_close(driving.value, found.value)


def test_a_body_whose_flow_is_not_known_is_not_followed(sample, monkeypatch):
    monkeypatch.setattr(stand_in, "_MISSING", 0.0)
    sample.valid.zero_()
    source = keypoints(sample, 0)
    found = Keypoints(keypoints(sample, 1).value + 0.1, source.jacobian)
    torch.testing.assert_close(stand_in.followed(found, source, sample, TIED).value, found.value)
