"""Following one face through a whole clip, and telling a cut from a walk, a fade and a gap."""

import numpy as np
import pytest

from fomm.config.face import FaceSettings
from fomm.face.shots import watch_whole


@pytest.fixture(scope="session")
def small(head):
    return head[::2, ::2]  # 120 x 120, the face at 61, 58


def placed(small, x, y=0, light=1.0):
    canvas = np.full((130, 480, 3), 128, np.uint8)
    left, right = max(x, 0), min(x + 120, 480)
    if left < right:
        canvas[y : y + 120, left:right] = small[:, left - x : right - x]
    return (canvas * light).astype(np.uint8)


def watched(frames, finder, first, step=2):
    return watch_whole(iter(frames), finder, FaceSettings(), first, step)


def test_a_walker_is_followed_without_a_cut(finder, small):
    frames = [placed(small, x) for x in range(0, 360, 18)]
    (first,) = finder.find(frames[0])
    seen = watched(frames, finder, first)
    assert seen.cuts == []
    assert all(seen.shown)
    for index, found in seen.faces.items():
        assert found.center[0] == pytest.approx(61 + 18 * index, abs=8)


def test_a_cut_to_another_framing_is_told_from_a_fade(finder, small):
    (first,) = finder.find(placed(small, 0))
    other = np.full((130, 480, 3), 30, np.uint8)
    other[:120, 330:450] = small[:, ::-1]
    seen = watched([placed(small, 0)] * 5 + [other] * 6, finder, first)
    assert seen.cuts == [5]
    assert all(seen.shown)
    assert seen.faces[10].center[0] > 330
    faded = [placed(small, 0, light=light) for light in (1, 1, 0.5, 0, 0, 0, 0.5, 1, 1)]
    assert watched(faded, finder, first).cuts == []


def test_frames_without_the_face_are_not_shown_and_it_is_found_again_elsewhere(finder, small):
    places = [0, 0, *range(-24, -145, -24), *[480] * 4, *range(456, 335, -24), 350, 350]  # out on the left, in again
    frames = [placed(small, x) for x in places]
    (first,) = finder.find(frames[0])
    seen = watched(frames, finder, first)
    assert seen.cuts == []
    assert seen.shown[:2] == [True] * 2
    assert not any(seen.shown[5:13])
    assert seen.shown[-2:] == [True] * 2
    assert seen.faces[max(seen.faces)].center[0] == pytest.approx(350 + 61, abs=8)


def test_somebody_who_is_suddenly_elsewhere_is_in_another_shot(finder, small):
    (first,) = finder.find(placed(small, 0))
    seen = watched([placed(small, 0)] * 4 + [placed(small, 480)] * 6 + [placed(small, 350)] * 4, finder, first)
    assert seen.shown == [True] * 3 + [False] * 7 + [True] * 4
    assert seen.cuts == [10]
