from fractions import Fraction

import pytest
import torch

from fomm.errors import MotionError
from fomm.geometry.keypoints import Keypoints
from fomm.track.builder import TrackBuilder


def test_a_builder_collects_batches_of_any_precision_and_bridges_them(track):
    builder = TrackBuilder(Fraction(24), "detector-a", audio="talk.mp4", size=(640, 360))
    builder.append(track.keypoints(0, 5))
    double = Keypoints(track.value[5:9].double().requires_grad_(), track.jacobian[5:9].double())
    builder.append(double, [True, False, True, True])
    built = builder.build()
    assert len(builder) == len(built) == 9
    assert built.found.tolist() == [True] * 6 + [False] + [True] * 2
    assert torch.allclose(built.value[6], (track.value[5] + track.value[7]) / 2)
    assert torch.equal(built.value[8], track.value[8])
    assert (built.fps, built.audio, built.size) == (Fraction(24), "talk.mp4", (640, 360))
    assert not built.value.requires_grad


def test_a_builder_keeps_what_it_was_given_when_the_caller_reuses_the_buffer(track):
    value = track.value[:2].clone()
    builder = TrackBuilder(Fraction(25), "detector-a")
    builder.append(Keypoints(value))
    value.zero_()
    assert torch.equal(builder.build().value, track.value[:2])


def test_a_builder_without_frames_or_with_the_wrong_flags_says_so(track):
    builder = TrackBuilder(Fraction(25), "detector-a")
    with pytest.raises(MotionError, match="no frames"):
        builder.build()
    with pytest.raises(MotionError, match="2 found flags"):
        builder.append(track.keypoints(), [True, False])
