from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fomm.errors import FaceError, SettingsError
from fomm.face.locate import Face, choose

SMALL_LEFT = Face((0, 40, 10, 52), 0.99)
BIG_MIDDLE = Face((30, 30, 60, 70), 0.95)
RIGHT = Face((80, 35, 95, 55), 0.97)
THREE = [BIG_MIDDLE, RIGHT, SMALL_LEFT]


def test_the_face_in_a_photograph_is_found_with_its_eyes_nose_and_mouth_in_place(finder, photo):
    (face,) = finder.find(photo)
    assert np.allclose(face.center, (223, 117), atol=8)
    assert 80 < face.size < 120
    left_eye, right_eye, nose, left_mouth, right_mouth = face.points
    assert np.allclose(left_eye, (205, 101), atol=6)
    assert np.allclose(right_eye, (246, 102), atol=6)
    assert left_eye[1] < nose[1] < left_mouth[1]
    assert left_mouth[0] < nose[0] < right_mouth[0]


def test_the_place_does_not_depend_on_the_resolution_or_the_shape_of_the_picture(finder, photo):
    (face,) = finder.find(photo[:, 100:400])
    (larger,) = finder.find(photo[:, 100:400].repeat(3, axis=0).repeat(3, axis=1))
    assert np.allclose(np.array(larger.box) / 3, face.box, atol=6)


def test_a_face_cut_by_the_edge_of_the_picture_is_found(finder, photo):
    (face,) = finder.find(photo[90:300, 100:400])
    assert face.center[0] == pytest.approx(123, abs=12)


def test_a_face_of_use_is_found_where_it_was_and_smaller_ones_are_not_looked_for(finder, photo):
    small = np.zeros((512, 1024, 3), np.uint8)
    small[:, :512], small[200:264, 700:764] = photo, photo[22:214:3, 128:320:3]
    every = finder.find(small)
    assert len(every) == 2
    largest = max(every, key=lambda face: face.size)
    assert finder.find(small, least=largest.size / 1024) == [largest]


@pytest.mark.parametrize("shape", [(240, 240), (7, 300), (1, 1), (40, 3)])
def test_pictures_without_a_face_give_none_whatever_their_size(finder, shape):
    assert finder.find(np.full((*shape, 3), 128, np.uint8)) == []


def test_two_people_are_both_found(finder, head):
    faces = finder.find(np.concatenate((head, head[:, ::-1]), axis=1))
    assert sorted(face.center[0] for face in faces) == pytest.approx([123, 357], abs=8)


def test_one_finder_serves_several_threads(finder, head):
    alone = finder.find(head)
    with ThreadPoolExecutor(4) as pool:
        assert all(faces == alone for faces in pool.map(lambda _: finder.find(head), range(8)))


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ("largest", BIG_MIDDLE),
        ("center", BIG_MIDDLE),
        ("left", SMALL_LEFT),
        ("right", RIGHT),
        ("1", SMALL_LEFT),
        (3, RIGHT),
    ],
)
def test_each_way_to_name_a_face_picks_it(which, expected):
    assert choose(THREE, which, (100, 100)) is expected


def test_a_face_that_does_not_exist_says_how_many_there_are():
    with pytest.raises(FaceError, match="number 4 does not exist: 3 found"):
        choose(THREE, "4", (100, 100))
    with pytest.raises(FaceError, match="No face"):
        choose([], "largest", (100, 100))


@pytest.mark.parametrize("which", ["biggest", "0", "-1", ""])
def test_an_unknown_name_lists_the_known_ones(which):
    with pytest.raises(SettingsError, match="largest, center, left, right"):
        choose(THREE, which, (100, 100))


def test_overlap_is_one_with_itself_and_zero_apart():
    assert BIG_MIDDLE.overlap(BIG_MIDDLE) == pytest.approx(1)
    assert BIG_MIDDLE.overlap(RIGHT) == 0
