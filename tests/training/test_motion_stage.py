"""What the motion stage's losses weigh."""

import pytest
import torch

from fomm.config.training.augment import AugmentSettings
from fomm.errors import SettingsError
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.motion import Motion
from fomm.training.augment.views import augment
from fomm.training.data.labelled_clips import PairedClips
from fomm.training.losses.motion import even_weights, invertible_loss, silhouette_loss

STILL = AugmentSettings(scale=0, rotation=0, shift=0, moment=0, mirror=0, backdrop=0)


@pytest.fixture
def sample(labelled_clips, clip_cache):
    """A person at rest, one that moves 6 px and one that moves 18."""
    clips = PairedClips(labelled_clips, "train", clip_cache)
    return augment(clips.batch([(0, 0), (0, 1), (0, 3)]), STILL, 64, torch.Generator().manual_seed(1), self_driven=3)


def test_all_samples_weigh_alike_unless_asked_otherwise(sample):
    torch.testing.assert_close(even_weights(sample, 0.0), torch.ones(3))


def test_small_moves_weigh_more_the_more_even_it_shall_be(sample):
    rest, near, far = even_weights(sample, 1.0)
    steps = torch.tensor([0.0, 6.0, 18.0]) / 128 + 0.02
    torch.testing.assert_close(near / far, steps[2] / steps[1], rtol=0.02, atol=0)
    torch.testing.assert_close(rest / near, steps[1] / steps[0], rtol=0.02, atol=0)
    half = even_weights(sample, 0.5)
    torch.testing.assert_close(half[1] / half[2], (near / far).sqrt())
    torch.testing.assert_close(half.mean(), torch.tensor(1.0))


def turned(determinant):
    """Return one keypoint whose Jacobian has this determinant."""
    return Keypoints(torch.zeros(1, 1, 2), torch.tensor([[[[1.0, 0.3], [0.2, determinant + 0.06]]]]))


def test_jacobians_that_can_be_inverted_cost_nothing():
    assert invertible_loss(turned(0.5)) == 0
    assert invertible_loss(turned(0.01)) == pytest.approx(0.09, abs=1e-4)


@pytest.mark.parametrize("determinant", [0.02, 0.0, -0.4])
def test_a_jacobian_is_led_away_from_zero_always_to_the_same_side(determinant):
    keypoint = turned(determinant)
    keypoint.jacobian.requires_grad_(True)
    invertible_loss(keypoint).backward()
    downhill = keypoint.jacobian - 0.1 * keypoint.jacobian.grad
    assert torch.linalg.det(downhill)[0, 0] > determinant


def in_front(share):
    """Return a motion at rest in which these parts of the frame, `[B, H, W]`, are before the background."""
    return Motion(torch.zeros(len(share), 4, 4, 2), front=share[:, None])


def test_a_silhouette_costs_the_less_the_better_it_fits_the_person(sample):
    person = sample.person[:, 1]
    fine = person.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)  # a model's edge may be finer
    right = silhouette_loss(sample, in_front(fine.clamp(0.01, 0.99)))
    astray = silhouette_loss(sample, in_front(fine.roll(8, dims=2).clamp(0.01, 0.99)))
    nowhere = silhouette_loss(sample, in_front(torch.full_like(fine, 0.01)))
    assert right < 0.1 * astray < 0.1 * nowhere


def test_a_model_that_blends_softly_has_no_silhouette_to_train(sample):
    with pytest.raises(SettingsError, match=r"model\.edge"):
        silhouette_loss(sample, Motion(torch.zeros(3, 4, 4, 2)))
