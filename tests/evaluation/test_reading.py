"""Which points drive the baselines: found ones as on any clip, of one kind for the source and its driver."""

import copy
import dataclasses

import numpy as np
import pytest

from fomm.config.evaluate import EvaluateSettings
from fomm.evaluation.clips import find_entries, open_clip
from fomm.evaluation.measures.flow import judge_flow
from fomm.evaluation.measures.landmarks import FivePoints
from fomm.evaluation.reading import OWN_KEYPOINTS, TRUE_LANDMARKS, read_clip, with_like_guides
from fomm.evaluation.run import prepare

STEP = 4  # px that the labelled people slide to the right per frame
SETTINGS = EvaluateSettings(frames=6, every=2)


class Mesh(FivePoints):
    """A mesh that follows the slide, a little off; blind if told so."""

    name, mesh = "a mesh", True

    def __init__(self, blind=False):
        super().__init__()
        self.blind = blind
        self.numbers = np.random.default_rng(3)
        self.first = self.numbers.uniform(110, 180, (478, 2))
        self.count = 0

    def find(self, picture):
        if self.blind:
            return None
        self.count += 1
        slide = np.array((STEP * (self.count - 1), 0))
        points = self.first + slide + self.numbers.normal(0, 1.5, self.first.shape)
        return points * picture.shape[0] / 256


@pytest.fixture
def tools(tiny_checkpoint, monkeypatch):
    monkeypatch.setattr("fomm.evaluation.run.best_landmarker", FivePoints)
    return prepare(str(tiny_checkpoint), SETTINGS)


def relabelled(reading, truth):
    clip = copy.copy(reading.clip)
    clip.truth = truth
    return dataclasses.replace(reading, clip=clip)


def read(tools, labelled_set, landmarker):
    entry = find_entries(labelled_set, 1)[0]
    clip = open_clip(entry.path, entry.truth, tools.side, tools.pipeline.finder)
    return read_clip(clip, dataclasses.replace(tools, landmarker=landmarker))


def test_baselines_get_landmarks_that_are_found_even_where_true_ones_are_known(tools, labelled_set):
    clip = read(tools, labelled_set, Mesh())
    assert clip.guide_name == "landmarks of a mesh"
    assert clip.true_points.shape == (6, 468, 2)
    error = judge_flow(tools, clip, clip)["flow"]
    assert error["thin-plate, true landmarks"] < error["thin-plate"]
    assert error["copy"] == pytest.approx(8, abs=0.1)


def test_without_a_mesh_true_landmarks_drive_them_where_known(tools, labelled_set):
    assert read(tools, labelled_set, FivePoints()).guide_name == TRUE_LANDMARKS


def test_source_and_driver_are_driven_by_points_of_one_kind(tools, labelled_set):
    found, told = read(tools, labelled_set, Mesh()), read(tools, labelled_set, Mesh(blind=True))
    assert with_like_guides(tools, found, found) == (found, found)
    assert [clip.guide_name for clip in with_like_guides(tools, found, told)] == [TRUE_LANDMARKS] * 2
    both = with_like_guides(tools, relabelled(found, None), told)
    assert [clip.guide_name for clip in both] == [OWN_KEYPOINTS] * 2
    assert both[0].guide.shape == both[1].guide.shape


def test_flow_from_a_frame_that_was_not_read_is_passed_over(tools, labelled_set):
    clip = read(tools, labelled_set, FivePoints())
    late = relabelled(clip, dataclasses.replace(clip.clip.truth, source=np.full(6, 5)))
    short = dataclasses.replace(late, track=clip.track.slice(0, 4))
    assert judge_flow(tools, short, short) == {}
