from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from motion_tracks import make_track

from fomm.config.motion import SmoothSettings
from fomm.geometry.keypoints import Keypoints
from fomm.track.smoothing import OneEuro, smooth
from fomm.track.track import MotionTrack

NOISE = 0.003  # 0.4 px of 256
BLINK = 0.04  # 5 px of 256


def clip(fps=25, seconds=12, head=True):
    """Eight keypoints on a nodding head; the first two close for three frames now and then. Clean, noisy, blinks."""
    frames = fps * seconds
    time = torch.arange(frames) / fps
    nod = torch.stack((0.15 * torch.sin(2.5 * time), 0.06 * torch.sin(5.5 * time + 1)), -1) * head
    clean = torch.linspace(-0.5, 0.5, 16).reshape(8, 2) + nod[:, None]  # [T, K, 2]
    blinks = torch.arange(20, frames - 20, 45)
    for offset, amount in ((-1, 0.6), (0, 1.0), (1, 0.6)):
        clean[blinks + offset, :2, 1] += BLINK * amount
    random = torch.Generator().manual_seed(3)
    noisy = clean + NOISE * torch.randn(clean.shape, generator=random)
    still = torch.ones(frames, dtype=torch.bool)
    for offset in range(-8, 9):
        still[blinks + offset] = False
    return clean, noisy, blinks, still


def as_track(value, fps=25):
    found = torch.ones(len(value), dtype=torch.bool)
    return MotionTrack(value, value[..., None] * torch.eye(2), Fraction(fps), 0, "detector-a", found)


def jitter(value, still):
    """Size of the frame-to-frame shaking: second differences away from the blinks."""
    return value.diff(n=2, dim=0)[still[1:-1]].square().mean().sqrt()


@pytest.mark.parametrize("fps", [25, 30, 60])
@pytest.mark.parametrize("head", [True, False])
def test_jitter_falls_to_a_quarter_and_blinks_keep_their_depth(fps, head):
    clean, noisy, blinks, still = clip(fps, head=head)
    calm = smooth(as_track(noisy, fps))
    assert jitter(calm.value - clean, still) < jitter(noisy - clean, still) / 4
    assert (calm.value - clean).square().mean() < 0.5 * (noisy - clean).square().mean()
    rest = clean[blinks, :2, 1] - BLINK
    depth = ((calm.value[blinks, :2, 1] - rest) / BLINK).mean()
    assert 0.9 < depth < 1.1
    assert jitter(calm.jacobian - clean[..., None] * torch.eye(2), still) < jitter(noisy - clean, still) / 4


def test_lips_that_never_rest_keep_moving():
    clean, noisy, _, _ = clip()
    time = torch.arange(len(clean)) / 25
    talk = 0.03 * torch.sin(31 * time) + 0.02 * torch.sin(20 * time + 1)  # 5 and 3 Hz
    spoken = noisy.clone()
    spoken[:, :2, 1] += talk[:, None]
    lips = smooth(as_track(spoken)).value[:, :2, 1] - clean[:, :2, 1]
    follows = (lips * talk[:, None]).mean() / talk.square().mean()
    assert 0.95 < follows < 1.05


def test_motion_without_noise_passes_nearly_untouched():
    clean, _, _, _ = clip()
    assert torch.allclose(smooth(as_track(clean)).value, clean, atol=NOISE / 4)


def test_a_camera_that_shakes_throughout_is_no_noise():
    """It takes all keypoints along at 5 and 8 Hz, and so it must the photo."""
    clean, noisy, _, _ = clip()
    time = torch.arange(len(clean))[:, None, None] / 25
    shake = 0.02 * torch.cat((torch.sin(31 * time), torch.sin(50 * time + 1)), dim=-1)
    calm = smooth(as_track(noisy + shake)).value - clean
    follows = (calm.mean(1) * shake[:, 0]).mean() / shake.square().mean()
    assert 0.98 < follows < 1.02


def test_nothing_lags_behind_a_jump():
    value = torch.zeros(40, 3, 2)
    value[20:] = 0.3
    value += 0.001 * torch.randn(value.shape, generator=torch.Generator().manual_seed(1))
    calm = smooth(as_track(value)).value
    assert (calm[19] - value[19]).abs().max() < 0.02
    assert (calm[20] - value[20]).abs().max() < 0.02


def test_it_can_be_switched_off_and_leaves_tiny_clips_alone():
    track = make_track(40)
    assert smooth(track, SmoothSettings(enabled=False)) is track
    assert smooth(make_track(6)).value.shape == (6, 5, 2)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 30), st.sampled_from([1, 12, 25, 120]), st.booleans())
def test_any_length_and_rate_keeps_its_shape_and_every_other_field(frames, fps, jacobian):
    track = make_track(frames, jacobian=jacobian, fps=Fraction(fps), reference=frames - 1)
    calm = smooth(track, SmoothSettings(window=0.5))
    assert calm.value.shape == track.value.shape
    assert calm.value.isfinite().all()
    assert (calm.jacobian is None) == (not jacobian)
    assert replace(calm, value=track.value).reference == frames - 1


def test_the_live_filter_calms_a_still_face_and_follows_a_jump():
    random = torch.Generator().manual_seed(2)
    noisy = NOISE * torch.randn(200, 5, 2, generator=random)
    noisy[150:] += 0.4
    live = OneEuro(fps=25)
    frames = [live(Keypoints(frame[None], frame[None, ..., None] * torch.eye(2))) for frame in noisy]
    value = torch.cat([frame.value for frame in frames])
    jacobian = torch.cat([frame.jacobian for frame in frames])
    assert value[20:150].diff(n=2, dim=0).square().mean() < noisy[20:150].diff(n=2, dim=0).square().mean() / 4
    assert torch.allclose(value[153], noisy[153], atol=0.05)
    assert torch.allclose(jacobian, value[..., None] * torch.eye(2), atol=1e-6)


def test_the_live_filter_knows_no_future():
    noisy = torch.randn(20, 3, 2, generator=torch.Generator().manual_seed(4))
    one, other = OneEuro(25), OneEuro(25)
    first = [one(Keypoints(frame[None])).value for frame in noisy]
    second = [other(Keypoints(frame[None])).value for frame in noisy[:10]]
    assert torch.equal(torch.cat(first[:10]), torch.cat(second))


def test_the_live_filter_takes_frames_at_uneven_times():
    ramp = torch.linspace(0, 1, 41)  # one second
    even, uneven = OneEuro(fps=40), OneEuro(fps=40)
    moments = [0, 1, 4, 5, 9, 12, 14, 20, 22, 27, 28, 33, 36, 40]
    for position in ramp:
        smooth_even = even(Keypoints(position.expand(1, 3, 2)))
    for before, moment in zip([0, *moments], moments, strict=False):
        elapsed = max(1, moment - before) / 40
        smooth_uneven = uneven(Keypoints(ramp[moment].expand(1, 3, 2)), elapsed)
    assert torch.allclose(smooth_uneven.value, smooth_even.value, atol=0.02)
