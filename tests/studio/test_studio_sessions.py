"""Visitors' folders and their renders: private, stoppable, gone afterwards."""

import threading
import time

import pytest

from fomm.studio.session import SessionEndedError, Sessions
from fomm.studio.work import StoppedError, Work


@pytest.fixture
def sessions():
    sessions = Sessions()
    yield sessions
    sessions.close_all()
    assert not sessions.folders.exists()


def test_what_one_visitor_leaves_goes_and_the_others_stays(sessions):
    ours, theirs = sessions.get("ours"), sessions.get("theirs")
    made = ours.new_path("made.mp4")
    made.write_bytes(b"x")
    kept = theirs.new_path("made.mp4")
    kept.write_bytes(b"y")
    shared, own = (sessions.uploads / name for name in ("shared.png", "own.png"))
    for upload in (shared, own):
        upload.touch()
    ours.uploads |= {shared, own}
    theirs.uploads.add(shared)
    sessions.close("ours")
    assert not made.exists()
    assert not own.exists()
    assert kept.exists()
    assert shared.exists()
    assert len(sessions) == 1


def test_idle_visitors_are_forgotten():
    sessions = Sessions(idle_seconds=0.05)
    folder = sessions.get("idle").folder
    time.sleep(0.1)
    sessions.get("new")
    assert not folder.exists()
    sessions.close_all()


def test_results_are_remembered_and_old_ones_forgotten(sessions):
    session, made = sessions.get("a"), []
    for key in [*range(8), 7, 0]:
        session.remember(key, lambda key=key: made.append(key) or key)
    assert made == [*range(8), 0]


def test_work_tells_how_far_it_is_and_gives_its_result(sessions):
    def count(progress):
        for done in range(1, 6):
            progress("render", done, 5)
            time.sleep(0.02)
        return "done"

    work = Work(sessions.get("a"), count)
    steps = list(work.watch(every=0.01))
    assert work.result() == "done"
    assert steps[-1].total == 5
    assert steps[-1].fps > 0


def test_stopping_ends_work_between_two_frames(sessions):
    session, begun = sessions.get("a"), threading.Event()

    def forever(progress):
        for done in range(10_000):
            progress("render", done, None)
            begun.set()
            time.sleep(0.01)

    work = Work(session, forever)
    begun.wait(5)
    session.stop()
    list(work.watch(every=0.01))
    with pytest.raises(StoppedError):
        work.result()
    assert not session.works


def test_whoever_stops_watching_stops_the_work(sessions):
    session = sessions.get("a")

    def forever(progress):
        while True:
            progress("render", 1, None)
            time.sleep(0.01)

    work = Work(session, forever)
    watching = work.watch(every=0.01)
    next(watching)
    watching.close()
    work.join(5)
    assert not session.works


def test_what_was_stopped_stays_stopped_when_the_next_begins(sessions):
    session, begun, go = sessions.get("a"), threading.Event(), threading.Event()

    def slow(progress):
        begun.set()
        go.wait(5)
        progress("render", 1, None)
        return "finished all the same"

    first = Work(session, slow)
    begun.wait(5)
    session.stop()
    second = Work(session, lambda progress: "done")
    go.set()
    list(first.watch(every=0.01))
    list(second.watch(every=0.01))
    with pytest.raises(StoppedError):
        first.result()
    assert second.result() == "done"


def test_nothing_begins_for_a_visitor_who_left(sessions):
    session = sessions.get("a")
    sessions.close("a")
    with pytest.raises(SessionEndedError, match="reload the page"):
        Work(session, lambda progress: None)
    with pytest.raises(SessionEndedError):
        session.new_path("made.mp4")


def test_visitors_come_and_go_at_once(sessions):
    """Idle sessions are looked for while others begin: neither may trip over the other."""
    keys, failed = [str(number) for number in range(200)], []

    def visit(own):
        try:
            for key in own:
                sessions.get(key)
                sessions.close(key)
        except Exception as error:
            failed.append(error)

    visitors = [threading.Thread(target=visit, args=(keys[start::8],)) for start in range(8)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert failed == []
    assert len(sessions) == 0
