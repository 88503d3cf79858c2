"""How a portrait is posed, checked on vertices: lids close, lips part, the head turns, the trunk stays."""

import numpy as np
import pytest
from toy_portraits import NAMES

from fomm.synthesis.head.mesh import build_head, soft_landmarks
from fomm.synthesis.head.pose import Pose
from fomm.synthesis.head.rig import build_rig, shut_lips
from fomm.synthesis.head.topology import CHIN, EYES, LANDMARKS, LOWER_LIP_INNER, NOSE_TIP, UPPER_LIP_INNER
from fomm.synthesis.head.units import place_units, read_units


def _pose(turn=(0.0, 0.0, 0.0), **strengths):
    expression = np.zeros(len(NAMES), np.float32)
    for name, strength in strengths.items():
        expression[NAMES.index(name)] = strength
    zero = np.zeros(3, np.float32)
    return Pose(expression, np.array(turn, np.float32), zero[:2], zero, 0.0)


@pytest.fixture(scope="module")
def portrait(toys):
    return toys.folder.load("a_1")


@pytest.fixture(scope="module")
def rig(toys, portrait):
    units = read_units(toys.units)
    mesh = build_head(portrait, units.triangles)
    return build_rig(mesh, units, place_units(units, portrait.landmarks[:LANDMARKS]), focus=8.0)


def _gap(points, upper, lower):
    return points[list(lower), 1] - points[list(upper), 1]


def test_at_rest_everything_is_where_the_portrait_has_it(rig, portrait):
    still = _pose()
    seen = rig.turn(rig.shape(still), rig.mesh.head, still)
    np.testing.assert_allclose(seen[:LANDMARKS, :2], portrait.landmarks[:LANDMARKS, :2], atol=0.6)  # lips are shut
    np.testing.assert_allclose(seen[LANDMARKS:, :2], rig.mesh.vertices[LANDMARKS:, :2], atol=0.6)


def test_a_full_blink_closes_the_eye_and_half_a_blink_half_closes_it(rig):
    eye = EYES[1]
    open_gap = _gap(rig.shape(_pose()), eye.upper, eye.lower)[1:-1]
    half = _gap(rig.shape(_pose(eyeBlinkLeft=0.5)), eye.upper, eye.lower)[1:-1]
    shut = _gap(rig.shape(_pose(eyeBlinkLeft=1.0)), eye.upper, eye.lower)[1:-1]
    assert (shut <= 0.02 * open_gap).all()
    assert np.mean(half / open_gap) == pytest.approx(0.5, abs=0.08)
    other = EYES[0]
    np.testing.assert_array_equal(
        _gap(rig.shape(_pose(eyeBlinkLeft=1.0)), other.upper, other.lower),
        _gap(rig.shape(_pose()), other.upper, other.lower),
    )


def test_eyes_open_wider_than_in_the_portrait(rig):
    eye = EYES[0]
    assert (
        _gap(rig.shape(_pose(eyeWideRight=1.0)), eye.upper, eye.lower)[3]
        > 1.2 * _gap(rig.shape(_pose()), eye.upper, eye.lower)[3]
    )


def test_the_jaw_opens_the_mouth_and_takes_the_chin_along(rig):
    still, wide = rig.shape(_pose()), rig.shape(_pose(jawOpen=1.0))
    width = rig.mesh.face_width
    middle = len(UPPER_LIP_INNER) // 2
    assert _gap(wide, UPPER_LIP_INNER, LOWER_LIP_INNER)[middle] > 0.15 * width
    assert wide[CHIN, 1] - still[CHIN, 1] > 0.1 * width
    below = still[LANDMARKS:, 1] > still[CHIN, 1] + 0.5 * width
    np.testing.assert_allclose(wide[LANDMARKS:][below], still[LANDMARKS:][below], atol=0.5)


def test_parted_lips_are_brought_together(portrait):
    face = soft_landmarks(portrait)
    middle = len(UPPER_LIP_INNER) // 2
    inner = list(LOWER_LIP_INNER[1:-1])
    face[inner, 1] += 5 * np.hanning(len(inner) + 2)[1:-1]
    shut = face + shut_lips(face, portrait.face_width)
    assert abs(_gap(shut, UPPER_LIP_INNER, LOWER_LIP_INNER)[middle]) < 0.1


def test_a_turn_moves_the_head_and_leaves_the_trunk(rig):
    turned, still = _pose(turn=(0.6, 0, 0)), _pose()
    before = rig.turn(rig.shape(still), rig.mesh.head, still)
    after = rig.turn(rig.shape(turned), rig.mesh.head, turned)
    width = rig.mesh.face_width
    assert after[NOSE_TIP, 0] - before[NOSE_TIP, 0] > 0.2 * width
    trunk = rig.mesh.head < 0.01
    assert trunk.sum() > 20
    assert np.abs(after[trunk] - before[trunk])[:, :2].max() < 0.15 * width


def test_hair_and_neck_stretch_but_do_not_tear(rig):
    """Neighbours stay neighbours: between head and trunk no edge grows to several times its length."""
    turned, still = _pose(turn=(0.6, 0.2, 0.1)), _pose()
    corners = rig.mesh.triangles[(rig.mesh.triangles >= LANDMARKS).all(1)]
    lengths = [
        np.linalg.norm(np.diff(rig.turn(rig.shape(pose), rig.mesh.head, pose)[corners], axis=1), axis=2)
        for pose in (still, turned)
    ]
    assert (lengths[1] / lengths[0]).max() < 3


def test_the_back_of_the_head_is_behind_the_face(rig):
    back = np.unique(rig.mesh.back)
    assert rig.rest[back, 2].max() < rig.rest[list(UPPER_LIP_INNER), 2].min()
