"""What drives the frames that are judged: the motion a user would see."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
import torch

from fomm.config.evaluate import EvaluateSettings
from fomm.evaluation.clips import open_clip
from fomm.evaluation.measures.landmarks import FivePoints
from fomm.evaluation.measures.tally import MODEL
from fomm.evaluation.reading import read_clip
from fomm.evaluation.reenact import Driven, judge_still
from fomm.evaluation.run import prepare

FRAMES = 12


@pytest.fixture(scope="module")
def talk(tmp_path_factory, make_talk):
    return make_talk(tmp_path_factory.mktemp("talk") / "ann.mp4", frames=FRAMES, audio=False)


def unrest(checkpoint, talk, monkeypatch, **smooth):
    """Return how much output changes from frame to frame while a driver stands still and its keypoints tremble."""
    monkeypatch.setattr("fomm.evaluation.run.best_landmarker", FivePoints)
    settings = EvaluateSettings.from_mapping({"frames": FRAMES, "smooth": smooth})
    tools = prepare(str(checkpoint), settings)
    clip = read_clip(open_clip(talk, None, tools.side, tools.pipeline.finder), tools)
    still = clip.track.value[:1].expand_as(clip.track.value)
    trembling = still + 0.02 * torch.randn(still.shape, generator=torch.Generator().manual_seed(1))
    jacobian = clip.track.jacobian[:1].expand_as(clip.track.jacobian).clone()
    track = dataclasses.replace(clip.track, value=trembling, jacobian=jacobian)
    driven = Driven(tools, clip.first, clip.guide[0], dataclasses.replace(clip, track=track), "first")
    frames = [made[MODEL].astype(int) for made in driven.frames()]
    return np.mean([np.abs(after - before).mean() for before, after in pairwise(frames)])


def test_jitter_is_taken_out_as_a_render_does_unless_told_not_to(tiny_checkpoint, talk, monkeypatch):
    bare = unrest(tiny_checkpoint, talk, monkeypatch, enabled=False)
    assert 0 < unrest(tiny_checkpoint, talk, monkeypatch) < 0.7 * bare


def test_a_driver_who_is_held_still_is_calmed_as_in_a_render(tiny_checkpoint, talk, monkeypatch):
    monkeypatch.setattr("fomm.evaluation.run.best_landmarker", FivePoints)
    change = {}
    for enabled in (True, False):
        settings = EvaluateSettings.from_mapping({"noise": 8.0, "smooth": {"enabled": enabled}})
        tools = prepare(str(tiny_checkpoint), settings)
        change[enabled] = judge_still(tools, read_clip(open_clip(talk, None, tools.side, tools.pipeline.finder), tools))
    assert 0 < change[True]["still"][MODEL] < 0.8 * change[False]["still"][MODEL]
