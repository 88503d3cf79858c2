"""Every stage of the bundled model acts where it should, and as much as when frames were last looked at."""

import json

import numpy as np
import pytest
import torch
from stage_drive import FRAMES, GLANCE, GOLDEN, PORTRAITS, animator, drive

from fomm.config.render import RenderSettings
from fomm.config.training.compact import CompactSettings
from fomm.errors import SettingsError
from fomm.geometry.landmarks import EYES, REGIONS
from fomm.parts.sequence import StageSequence
from fomm.tasks.animate import Pipeline

EXPECTED = json.loads(GOLDEN.read_text())
EYE_STAGES, MOUTH_STAGES = ("lids", "irises", "eyeballs", "lashes"), ("own-teeth", "tongue", "teeth")
BLINK = FRAMES.index("blink")
CLEAR = 2.0  # grey levels


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("portrait", PORTRAITS)
def test_frames_and_what_stages_change_of_them_are_as_they_were(portrait):
    driven = drive(portrait)
    whole = {"mean": driven.whole.mean((1, 2, 3)), "deviation": driven.whole.std((1, 2, 3))}
    for name, found in {**whole, **{stage: x.mean((1, 2)) for stage, x in driven.changes.items()}}.items():
        np.testing.assert_allclose(found, EXPECTED[portrait][name], rtol=0.02, atol=0.004, err_msg=name)
    assert {*driven.changes, "mean", "deviation"} == set(EXPECTED[portrait])


def test_bfloat16_makes_nearly_the_same_frames():
    apart = np.abs(drive("portrait", "bfloat16", ablate=False).whole - drive("portrait").whole)
    assert 0 < apart.mean() < 1.5


@pytest.mark.parametrize("stage", animator()[0].stages)
def test_every_stage_changes_frames(stage):
    if stage == "mirrored-half":  # of heads that look aside: see test_mirrored_half_frames
        return
    assert max(drive(portrait).changes[stage].max() for portrait in PORTRAITS) > CLEAR


@pytest.mark.parametrize("portrait", PORTRAITS[:2])
def test_stages_of_eyes_and_mouth_act_there_alone(portrait):
    driven = drive(portrait)
    eyes, mouth = (driven.points[list(places)] for places in ([k for eye in EYES for k in eye], REGIONS["mouth"]))
    for stages, points in ((EYE_STAGES, eyes), (MOUTH_STAGES, mouth)):
        low, high = points.min(0) - 30, points.max(0) + 30  # px: heads turn, and jaws fall
        for stage in stages:
            _, y, x = np.nonzero(driven.changes[stage] > CLEAR)
            assert ((x >= low[0]) & (x <= high[0]) & (y >= low[1]) & (y <= high[1])).all(), stage


def test_stages_act_when_it_is_their_turn():
    changes = {stage: x.max((1, 2)) > CLEAR for stage, x in drive("portrait").changes.items()}
    assert changes["lashes"].tolist() == [number == BLINK for number in range(len(FRAMES))]
    assert changes["eyeballs"].tolist() == [frame == GLANCE for frame in FRAMES]
    assert changes["lids"][BLINK]
    assert changes["teeth"][0]
    assert not changes["own-teeth"].any()  # the mouth of this photo is shut
    assert drive("smiling").changes["own-teeth"][0].max() > CLEAR
    assert not changes["tone"].any()
    assert drive("grey").changes["tone"].max() > CLEAR


def test_a_grey_photo_stays_grey_by_one_stage():
    whole = drive("grey").whole
    assert (whole.max(1) - whole.min(1)).max() < CLEAR


def test_a_stage_that_is_not_there_is_named_with_the_nearest_one():
    with pytest.raises(SettingsError, match=r"no stage 'lashs'.*did you mean lashes\?.*matte-refinement"):
        animator()[0].leave_out(("lashs",))
    with pytest.raises(SettingsError, match="no stage 'background'"):  # the networks need it
        animator()[0].leave_out(("background",))


def test_training_rests_the_stages_that_it_could_not_learn_from():
    stages = StageSequence.of(CompactSettings(tied_keypoints=42, mouth_map=True, teeth=True, lashes=True))
    acting = [stage.name for stage in stages._acting(learning=True)]
    assert acting == ["lids", "irises", "lips"]


def test_a_setting_leaves_stages_out_of_a_pipeline():
    whole, less = (Pipeline(render=RenderSettings(device="cpu", without=names)) for names in ("", "lashes, tongue"))
    assert set(whole._animator._model.stages.names) - set(less._animator._model.stages.names) == {"lashes", "tongue"}
