"""Perceptual and identity distance on a backbone small enough to work out by hand; landmark detectors."""

from types import SimpleNamespace

import numpy as np
import pytest
import skimage.data
import skimage.transform
import torch
from torch.nn import functional as F

from fomm.evaluation.measures.features import FACE_SIDE, Features, aligned_face
from fomm.evaluation.measures.landmarks import FaceMesh, FivePoints


class Halves(torch.nn.Module):
    """Gives the picture itself, then halves of it."""

    def forward(self, image, depth):
        return [image if level == 0 else F.avg_pool2d(image, 2**level) for level in range(depth)]


@pytest.fixture
def features():
    return Features(Halves())


def test_perceptual_distance_is_relative_to_the_true_frame_and_zero_for_the_same(features):
    true = np.full((256, 256, 3), 100, np.uint8)
    brighter, darker = np.full_like(true, 120), np.full_like(true, 50)
    # Flat pictures differ by the same share at every depth and scale.
    assert features.perceptual([true, brighter, darker], true) == pytest.approx([0, 0.2, 0.5], abs=1e-5)


def test_identity_depends_on_the_look_and_not_on_brightness_or_place(features):
    face = np.zeros((FACE_SIDE, FACE_SIDE, 3), np.uint8)
    face[20:60, 20:60] = (200, 100, 50)
    moved, dimmer, other = np.roll(face, 24, axis=1), face // 2, face[:, :, ::-1]
    own, *others = features.identity([face, moved, dimmer, np.ascontiguousarray(other)])
    distance = [float(np.linalg.norm(own - description)) for description in others]
    assert distance[0] == pytest.approx(0, abs=1e-5)
    assert distance[1] == pytest.approx(0, abs=0.01)
    assert distance[2] > 0.5


def test_aligning_undoes_turn_size_and_place():
    photo = skimage.data.astronaut()[:256, 80:336]
    five = np.array(((122.0, 102), (164, 104), (141, 130), (120, 139), (163, 141)))
    move = skimage.transform.SimilarityTransform(scale=0.8, rotation=0.2, translation=(60, 5))
    turned = skimage.transform.warp(photo, move.inverse, order=3, preserve_range=True).round().astype(np.uint8)
    straight, again = aligned_face(photo, five), aligned_face(turned, move(five))
    inner = (slice(20, 92), slice(20, 92))
    assert straight.shape == (FACE_SIDE, FACE_SIDE, 3)
    assert np.abs(straight[inner].astype(float) - again[inner]).mean() < 8
    assert np.abs(straight[inner].astype(float) - np.roll(again[inner], 8, axis=1)).mean() > 16


def test_five_points_are_found_in_order_and_nothing_in_an_empty_picture():
    detector = FivePoints()
    points = detector.find(skimage.data.astronaut()[:256, 80:336].copy())
    left, right, nose, mouth_left, mouth_right = detector.five(points)
    assert left[0] < nose[0] < right[0]
    assert mouth_left[0] < mouth_right[0]
    assert left[1] < nose[1] < mouth_left[1]
    assert detector.find(np.zeros((128, 128, 3), np.uint8)) is None


@pytest.fixture
def package():
    """Stands in for MediaPipe: sees a face in every picture that is not black, landmark i at (i / 1000, 0.5)."""

    class Mesh:
        def __init__(self, **options):
            self.options = options

        def process(self, picture):
            points = [SimpleNamespace(x=i / 1000, y=0.5) for i in range(478)]
            faces = [SimpleNamespace(landmark=points)] if picture.any() else None
            return SimpleNamespace(multi_face_landmarks=faces)

    return SimpleNamespace(solutions=SimpleNamespace(face_mesh=SimpleNamespace(FaceMesh=Mesh)))


def test_the_mesh_comes_in_pixels_and_gives_five_points(package):
    mesh = FaceMesh(package)
    points = mesh.find(np.full((100, 200, 3), 9, np.uint8))
    assert points.shape == (478, 2)
    assert points[10] == pytest.approx((2, 50))
    five = mesh.five(points)
    assert five[0] == pytest.approx(((33 + 133) / 2 / 5, 50))
    assert five[2] == pytest.approx((1 / 5, 50))
    assert mesh.find(np.zeros((100, 200, 3), np.uint8)) is None
