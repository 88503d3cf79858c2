"""One share and one time left over all passes, told honestly: it never falls, and it gets to the end."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fomm.tasks.progress import PASSES, Reached, WholeJob, passes_of


def run(frames, *, track=0.01, render=0.02, passes=PASSES, told=True):
    """Report a job frame by frame, with so many seconds a frame, and return everything that was answered."""
    job, now, answers = WholeJob(passes, 0.0), 0.0, []
    for name, pace in (("track", track), ("render", render)):
        if name not in passes:
            continue
        for done in range(1, frames + 1):
            now += pace
            total = frames if told or name == "render" else None
            answers.append((now, job.report(name, done, total, now)))
        if not told and name == "track":
            answers.append((now, job.report(name, frames, frames, now)))
    return answers


@given(
    st.integers(1, 60),
    st.floats(0.001, 1.0),
    st.floats(0.001, 1.0),
    st.booleans(),
    st.sampled_from([PASSES, PASSES[1:], PASSES[:1]]),
)
def test_the_share_never_falls_and_is_whole_at_the_end_alone(frames, track, render, told, passes):
    answers = [answer for _, answer in run(frames, track=track, render=render, told=told, passes=passes)]
    shares = [answer.share for answer in answers if answer.share is not None]
    assert shares == sorted(shares)
    assert all(0 <= share <= 1 for share in shares)
    assert answers[-1].share == 1
    assert answers[-1].seconds_left in (0, None)
    assert sum(share == 1 for share in shares) == 1 if told or passes != PASSES[:1] else shares[-1] == 1


def test_the_time_left_is_that_of_both_passes_once_both_are_measured():
    answers = run(100, track=0.01, render=0.05)
    end = answers[-1][0]
    for now, answer in answers[110:]:
        assert answer.seconds_left == pytest.approx(end - now, abs=0.01)
    for now, answer in answers[150:]:  # until then it waits for the truth: the second pass is slower than was guessed
        assert answer.share == pytest.approx(now / end, abs=0.02)
    now, early = answers[50]
    assert early.stage == "track"
    assert early.seconds_left > 0.01 * 100  # more than the rest of this pass: the other is to come
    assert early.share < 0.5


def test_a_motion_track_needs_one_pass():
    assert passes_of(Path("talk.safetensors")) == ("render",)
    assert passes_of(Path("talk.mp4")) == PASSES
    halfway = run(100, passes=PASSES[1:])[49][1]
    assert halfway.share == pytest.approx(0.5, abs=0.02)
    assert halfway.fps == pytest.approx(50)


def test_nothing_is_made_up_where_the_length_is_unknown():
    answers = [answer for _, answer in run(30, told=False)]
    for answer in answers[:30]:
        assert answer.share is None
        assert answer.seconds_left is None
    assert answers[29].fps == pytest.approx(100)
    assert answers[31].share is not None  # the first pass told how many there are


def test_a_pass_that_is_left_out_or_not_foretold_does_no_harm():
    job = WholeJob(PASSES, 0.0)
    job.report("render", 1, 10, 1.0)
    assert job.report("render", 10, 10, 2.0).share == 1
    job = WholeJob((), 0.0)
    assert job.report("measure", 0, 2, 0.0) == Reached("measure", 0, 2)
    assert job.report("measure", 2, 2, 1.0).share == 1
