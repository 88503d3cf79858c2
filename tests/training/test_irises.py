"""Clips that know where irises are teach the gaze, those that do not teach the rest."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_training import compact_mapping

from fomm.config.training.augment import AugmentSettings
from fomm.config.training.stages import CompactConfig, MotionWeights
from fomm.model.compact import CompactModel
from fomm.training.augment.irises import see_irises
from fomm.training.augment.views import augment
from fomm.training.data.labelled_clips import PairedClips
from fomm.training.losses.motion import motion_losses

EYES = {33: (100, 100), 133: (120, 100), 159: (110, 96), 145: (110, 104)}  # outer, inner corner, upper, lower lid
EYES |= {263: (160, 100), 362: (140, 100), 386: (150, 96), 374: (150, 104)}
IRIS = np.array([(0, 0), (5, 0), (0, -5), (-5, 0), (0, 5)])


@pytest.fixture
def watching(labelled_clips, clip_cache):
    """Return a function: a sample in which only the eyes move, `step` pixels to the right, their lids that far open."""

    def sample(step, opening=8, known=True):
        clips = PairedClips(labelled_clips, "train", clip_cache)
        clips.landmarks[:] = clips.landmarks[:, :1]
        for point, (x, y) in EYES.items():
            lid = 100 if y == 100 else 100 + np.sign(y - 100) * opening / 2
            clips.landmarks[:, :, point] = (8 * x, 8 * lid)
        centres = np.array([(110, 100), (150, 100)])
        irises = (centres[:, None] + IRIS).reshape(10, 2) + np.arange(4)[:, None, None] * [step, 0]
        clips.irises[:] = 8 * irises if known else np.nan
        clips.flow[:] = 0
        still = AugmentSettings(scale=0, rotation=0, shift=0, moment=0, mirror=0, backdrop=0)
        return augment(clips.batch([(0, 1)]), still, 64, torch.Generator().manual_seed(1), self_driven=1)

    return sample


def test_points_on_the_irises_are_seen_while_the_eyes_are_open(watching):
    irises = see_irises(watching(step=2))
    assert irises.seen.all()
    torch.testing.assert_close(irises.driving - irises.source, torch.tensor([2 / 128, 0.0]).expand(1, 6, 2))
    assert irises.source[0, 0].tolist() == pytest.approx([110 / 128 - 1, 100 / 128 - 1])
    assert irises.source[0, 1, 0] > irises.source[0, 0, 0] > irises.source[0, 2, 0]


def test_irises_behind_lids_or_unknown_ones_are_not(watching):
    assert not see_irises(watching(step=2, opening=2)).seen.any()
    unknown = see_irises(watching(step=2, known=False))
    assert not unknown.seen.any()
    assert unknown.source.isfinite().all()


def test_a_gaze_that_the_flow_does_not_follow_costs(watching):
    model = _with_irises()
    still, moved = (float(_losses(model, watching(step))["landmark_flow"].detach()) for step in (0, 4))
    assert moved > still + 0.01
    shut = [float(_losses(model, watching(step, opening=1))["landmark_flow"].detach()) for step in (0, 4)]
    assert shut[0] == pytest.approx(shut[1])


def test_keypoints_are_tied_to_irises_where_those_are_known(watching):
    model = _with_irises()
    known, elsewhere, unknown = (watching(step=0), watching(step=0), watching(step=0, known=False))
    elsewhere = replace(elsewhere, irises=elsewhere.irises + 0.3)
    cost = [float(_losses(model, sample)["keypoints"].detach()) for sample in (known, elsewhere, unknown)]
    assert cost[0] != pytest.approx(cost[1], rel=1e-3)
    assert cost[2] < min(cost[:2])


def test_the_gradient_is_a_number_without_irises(watching):
    model = _with_irises()
    torch.stack(list(_losses(model, watching(step=0, known=False)).values())).sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.detector.parameters())


def _with_irises():
    torch.manual_seed(2)
    mapping = compact_mapping()
    mapping["model"]["tied_keypoints"] = 42
    return CompactModel(CompactConfig.from_mapping(mapping, where="test").model).eval()


def _losses(model, sample):
    torch.manual_seed(0)
    return motion_losses(model, sample, MotionWeights()).losses
