"""Training's stand-in for the tracker: driving keypoints off the face agree with the true flow, nearly."""

import pytest
import torch
from torch.nn import functional as F

from fomm.config.training.augment import AugmentSettings
from fomm.geometry.grids import coordinate_grid
from fomm.geometry.keypoints import Keypoints
from fomm.training.augment import followed as stand_in
from fomm.training.augment.views import augment
from fomm.training.data.labelled_clips import PairedClips

STILL = AugmentSettings(scale=0, rotation=0, shift=0, moment=0, mirror=0, backdrop=0)
TIED = 2


@pytest.fixture
def sample(labelled_clips, clip_cache):
    """A person that moves by 6 and by 18 px."""
    clips = PairedClips(labelled_clips, "train", clip_cache)
    return augment(clips.batch([(0, 1), (0, 3)]), STILL, 64, torch.Generator().manual_seed(1), self_driven=2)


@pytest.fixture
def never_missing(monkeypatch):
    monkeypatch.setattr(stand_in, "_MISSING", 0.0)
    monkeypatch.setattr(stand_in, "_ASTRAY", 0.0)


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


@pytest.mark.usefixtures("never_missing")
def test_keypoints_on_the_body_agree_with_the_true_flow(sample):
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


@pytest.mark.usefixtures("never_missing")
def test_a_body_whose_flow_is_not_known_is_not_followed(sample):
    sample.valid.zero_()
    source = keypoints(sample, 0)
    found = Keypoints(keypoints(sample, 1).value + 0.1, source.jacobian)
    torch.testing.assert_close(stand_in.followed(found, source, sample, TIED).value, found.value)


def affine_flow(matrix, shift):
    """Return the flow of a whole picture that moved by `x -> matrix x + shift`, and the map back."""
    grid = coordinate_grid(64, 64, torch.zeros(1), corners=False)
    back = torch.linalg.inv(matrix)
    return ((grid - shift) @ back.T)[None]


def test_a_surface_that_turns_and_stretches_is_found_exactly():
    matrix, shift = torch.tensor([[1.1, -0.2], [0.15, 0.9]]), torch.tensor([0.05, -0.1])
    points = torch.tensor([[[0.0, 0.1], [-0.4, 0.3], [0.5, -0.5]]])
    place, local, _ = stand_in.surface_motion(points, affine_flow(matrix, shift), torch.ones(1, 64, 64))
    torch.testing.assert_close(place[0], points[0] @ matrix.T + shift, atol=1e-3, rtol=0)
    torch.testing.assert_close(local[0], matrix.expand(3, 2, 2), atol=0.02, rtol=0)


def test_a_hidden_keypoint_goes_where_its_surroundings_go():
    matrix, shift = torch.eye(2), torch.tensor([0.1, 0.0])
    known = torch.ones(1, 64, 64)
    known[:, :, 40:] = 0  # the right is hidden, whatever the flow says there
    flow = affine_flow(matrix, shift)
    flow[:, :, 40:] = float("nan")
    points = torch.tensor([[[0.35, 0.0]]])
    place, _, _ = stand_in.surface_motion(points, flow, known)
    torch.testing.assert_close(place[0], points[0] + shift, atol=5e-3, rtol=0)


@pytest.mark.usefixtures("never_missing")
def test_a_keypoint_far_from_all_that_is_known_is_not_followed(sample):
    source = keypoints(sample, 0)
    source.value[:, TIED] = torch.tensor((0.9, -0.9))  # on the wall
    found = Keypoints(keypoints(sample, 1).value + 0.1, source.jacobian)
    driving = stand_in.followed(found, source, sample, TIED)
    left_alone = (driving.value == found.value).all(-1)
    assert bool(left_alone[:, TIED].all())
    assert not bool(left_alone[:, TIED + 1 :].any())


def test_a_single_keypoint_is_missing_now_and_then(sample, monkeypatch):
    monkeypatch.setattr(stand_in, "_MISSING", 0.0)
    monkeypatch.setattr(stand_in, "_ASTRAY", 0.5)
    source = keypoints(sample, 0)
    found = Keypoints(keypoints(sample, 1).value + 0.1, source.jacobian)
    torch.manual_seed(3)
    left = [stand_in.followed(found, source, sample, TIED).value[:, TIED:] == found.value[:, TIED:] for _ in range(8)]
    share = torch.stack(left).all(-1).float().mean()
    assert 0.2 < float(share) < 0.8


@pytest.mark.usefixtures("never_missing")
def test_followed_keypoints_do_not_depend_on_mixed_precision(sample):
    source = keypoints(sample, 0)
    found = Keypoints(keypoints(sample, 1).value + 0.1, source.jacobian)
    torch.manual_seed(0)
    plain = stand_in.followed(found, source, sample, TIED)
    torch.manual_seed(0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = stand_in.followed(found, source, sample, TIED)
    torch.testing.assert_close(mixed.value, plain.value)
    torch.testing.assert_close(mixed.jacobian, plain.jacobian)
