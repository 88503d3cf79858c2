"""What the judge makes of frames when landmarks are missing, moved, or those of somebody else."""

from types import SimpleNamespace

import numpy as np
import pytest

from fomm.config.evaluate import EvaluateSettings
from fomm.evaluation.labelled import read_clip_truth
from fomm.evaluation.measures.judge import Judge
from fomm.evaluation.measures.tally import MEASURES, Tally

SIDE = 64
FIVE = np.array(((22.0, 24), (42, 24), (32, 34), (26, 44), (38, 44)))


class Corner:
    """Reads a face's place off the first pixel; black means no face."""

    mesh = False

    def find(self, picture):
        shift = picture[0, 0, 0]
        return None if shift == 0 else FIVE + np.array((float(shift) - 1, 0))

    def five(self, points):
        return points


class Mean:
    """Describes a face by its mean colour."""

    def identity(self, faces):
        colours = np.stack([face.reshape(-1, 3).mean(0) for face in faces])
        return colours / np.linalg.norm(colours, axis=1, keepdims=True)

    def perceptual(self, made, true):
        return [0.0] * len(made)


def picture(shift, colour=(90, 90, 90)):
    made = np.full((SIDE, SIDE, 3), colour, np.uint8)
    made[0, 0, 0] = shift
    return made


def reading(frames):
    found = [Corner().find(frame) for frame in frames]
    clip = SimpleNamespace(truth=None)
    return SimpleNamespace(first=frames[0], landmarks=found, seen={}, curves={}, clip=clip)


def tools(features=None):
    settings = EvaluateSettings(every=1)
    return SimpleNamespace(side=SIDE, landmarker=Corner(), features=features, settings=settings, reads_expression=False)


def test_a_missing_face_counts_as_missing_and_not_as_far_away():
    frames = [picture(1)] * 4
    judge = Judge(tools(), reading(frames), reading(frames))
    judge.look(1, {"model": picture(3)}, frames[1])
    judge.look(2, {"model": picture(0)}, frames[2])
    summary = judge.summary()
    assert summary["akd"]["model"] == pytest.approx(2 * 256 / SIDE)  # two pixels of 64 are eight of 256
    assert summary["missing"]["model"] == 0.5


def test_a_frame_in_which_nothing_moved_does_not_decide_the_psnr_of_a_clip():
    frames = [picture(1)] * 4
    judge = Judge(tools(), reading(frames), reading(frames))
    judge.look(1, {"model": frames[1]}, frames[1])
    judge.look(2, {"model": frames[2] + np.uint8(10)}, frames[2])
    assert judge.summary()["psnr"]["model"] == pytest.approx(10 * np.log10(255**2 / 50))  # mean of 0 and 100


def test_a_moment_without_a_face_in_the_true_frame_tells_nothing():
    frames = [picture(1), picture(0), picture(1)]
    judge = Judge(tools(), reading(frames), reading(frames))
    judge.look(1, {"model": picture(3)}, frames[1])
    assert not {"akd", "missing"} & set(judge.summary())


def test_whose_face_it_is_decides_what_is_closer():
    red, blue = (200, 30, 30), (30, 30, 200)
    source, driver = reading([picture(1, red)] * 3), reading([picture(1, blue)] * 3)
    judge = Judge(tools(Mean()), source, driver)
    for moment in (1, 2):
        made = {"model": picture(1, (180, 40, 40)), "copy": source.first, "thin-plate": picture(1, (60, 40, 190))}
        judge.look(moment, made, None, picture(1, blue))
    summary = judge.summary()
    assert summary["closer"] == {"model": 1, "copy": 1, "thin-plate": 0}
    assert summary["identity"]["copy"] == 0 < summary["identity"]["model"] < summary["identity"]["thin-plate"]
    assert "l1" not in summary


def test_means_leave_out_what_is_not_known_and_keep_the_order_of_the_tables():
    tally = Tally()
    tally.add("ssim", "model", 0.5)
    tally.add("l1", "model", None)
    tally.add("l1", "copy", float("nan"))
    tally.add("l1", "copy", 1.0, weight=1)
    tally.add("l1", "copy", 4.0, weight=3)
    assert tally.summary() == {"l1": {"copy": 3.25}, "ssim": {"model": 0.5}}
    assert list(tally.summary()) == ["l1", "ssim"]


@pytest.mark.parametrize(
    ("measure", "better", "worse"),
    [("l1", 0.1, 0.2), ("psnr", 30.0, 20.0), ("eyes_depth", 1.1, 0.8), ("eyes_depth", 0.9, 1.3)],
)
def test_comparisons_know_which_way_is_better(measure, better, worse):
    compare = MEASURES[measure].compare
    assert (compare(better, worse), compare(worse, better), compare(better, better)) == ("+", "-", "=")


def test_true_flow_and_landmarks_are_read_in_the_units_of_the_frame(labelled_set):
    truth = read_clip_truth(labelled_set / "test" / "1a.npz")
    flow = truth.flow(3)
    assert flow.source == 0
    assert flow.displacement[..., 0] == pytest.approx(-3 * 4 / 128)
    assert flow.displacement[..., 1] == pytest.approx(0)
    assert flow.weights["all"].all()
    assert 0 < flow.weights["mouth"].mean() < 1
    step = truth.landmarks[3] - truth.landmarks[0]
    assert step[:, 0] == pytest.approx(3 * 4 / 128, abs=1e-3)
