import pytest

from fomm.face.crop import CropWindow
from fomm.face.locate import FaceFinder
from fomm.face.watch import FaceWatcher
from fomm.face.windows import DrivingWindow, steady_window


class CountingFinder(FaceFinder):
    """Counts how often it is asked."""

    looks = 0

    def find(self, image, **options):
        self.looks += 1
        return super().find(image, **options)


@pytest.fixture
def counting():
    return CountingFinder()


def clip(shows, head, blank):
    return [head if flag else blank for flag in shows]


@pytest.mark.parametrize("length", [1, 2, 4, 5, 11, 12])
@pytest.mark.parametrize("gap", [None, (0, 3), (4, 8), (5, 7), (9, 12)])
def test_frames_without_the_face_are_marked_exactly_for_gaps_longer_than_the_interval(length, gap, head, blank, finder):
    shows = [gap is None or not gap[0] <= index < gap[1] for index in range(length)]
    driving = steady_window([head], finder)
    flags = [flag for _, flag in FaceWatcher(finder, driving, interval=2).watch(crops(driving, shows, head, blank))]
    assert flags == shows


def crops(driving, shows, head, blank):
    return [driving.window.crop(frame, 128) for frame in clip(shows, head, blank)]


def test_a_clip_that_always_shows_the_face_is_looked_at_rarely(head, blank, counting):
    driving = steady_window([head], counting)
    counting.looks = 0
    frames = crops(driving, [True] * 17, head, blank)
    passed = list(FaceWatcher(counting, driving, interval=8).watch(iter(frames)))
    assert [frame is original for (frame, _), original in zip(passed, frames, strict=True)] == [True] * 17
    assert all(flag for _, flag in passed)
    assert counting.looks == 3


def test_frames_stream_through_without_waiting_for_the_end(head, blank, finder):
    driving = steady_window([head], finder)

    def endless():
        frame = driving.window.crop(head, 128)
        while True:
            yield frame

    stream = FaceWatcher(finder, driving, interval=4).watch(endless())
    assert [next(stream)[1] for _ in range(9)] == [True] * 9


@pytest.mark.parametrize("interval", [0, 3])
def test_without_a_face_to_follow_or_an_interval_every_frame_counts(interval, head, blank, counting):
    face = steady_window([head], counting).face if interval == 0 else None
    counting.looks = 0
    driving = DrivingWindow(CropWindow(0, 0, 240), face)
    flags = [flag for _, flag in FaceWatcher(counting, driving, interval).watch([blank] * 7)]
    assert flags == [True] * 7
    assert counting.looks == 0
