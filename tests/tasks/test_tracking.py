"""Motion tracks of clips, and the fingerprint that ties them to a detector."""

from fractions import Fraction

import pytest
import torch

from fomm.config.training.compact import CompactSettings
from fomm.errors import MotionError
from fomm.model.compact import CompactModel
from fomm.tasks.tracking import naming
from fomm.weights.fingerprint import detector_fingerprint


def test_track_keeps_time_sound_and_size(pipeline, talk, motion):
    assert len(motion) == 20
    assert motion.fps == Fraction(30000, 1001)
    assert motion.audio == str(talk)
    assert motion.size == (160, 160)
    assert motion.detector == pipeline.detector
    assert bool(motion.found.all())
    assert float(motion.value.std(dim=0).max()) > 0.001  # the face moves


def test_max_seconds_counts_in_the_clips_own_time(pipeline, talk, motion, motion_file, settings):
    for driving in (talk, motion_file):
        short = pipeline.track(driving, settings(max_seconds=0.4))
        assert torch.equal(short.value, motion.value[:12])
    assert len(pipeline.track(motion_file, settings(max_seconds=99.0))) == 20


def test_zoom_changes_what_the_detector_sees(pipeline, talk, motion, settings):
    near = pipeline.track(talk, settings(face={"zoom": 1.4}, max_seconds=0.1))
    assert not torch.allclose(near.value, motion.value[:3], atol=1e-3)


def test_fingerprint_changes_with_the_detector_only():
    torch.manual_seed(0)
    model = CompactModel(CompactSettings(image_size=64, motion_side=16, levels=2, max_width=8))
    before = detector_fingerprint(model)
    with torch.no_grad():
        model.generator.paint.bias.add_(1)
    assert detector_fingerprint(model) == before
    with torch.no_grad():
        model.detector.heatmap.bias.add_(1)
    assert detector_fingerprint(model) != before


def test_complaints_name_the_file(tmp_path):
    with pytest.raises(MotionError, match=r"a\.mp4: no face here"), naming(tmp_path / "a.mp4"):
        raise MotionError("no face here")
