"""Where the compact model's keypoints belong, and how they swap when a picture is mirrored.

Tied keypoints follow face landmarks, free ones places beside the face. Indices of landmarks are those of the public
face-mesh topology (MediaPipe): 468 points on the skin, then five for each iris, its centre first. "Left" and "right"
are the image's.
"""

from __future__ import annotations

_MIRRORED_PAIRS: dict[str, tuple[tuple[int, int], ...]] = {
    "mouth": ((61, 291), (39, 269), (181, 405), (81, 311), (178, 402)),
    "eyes": ((33, 263), (133, 362), (159, 386), (145, 374)),
    "brows": ((70, 300), (105, 334), (107, 336)),
    "nose": ((98, 327),),
    "outline": ((234, 454), (172, 397)),
    "cheeks": ((50, 280),),
    "irises": ((468, 473),),
}
_ON_THE_AXIS: dict[str, tuple[int, ...]] = {"mouth": (0, 17, 13, 14), "nose": (1, 168), "outline": (10, 152)}


def _ordered() -> tuple[tuple[int, ...], tuple[int, ...], dict[str, tuple[int, ...]]]:
    """Lay out all tied landmarks, region after region; return landmarks, mirror permutation and regions."""
    landmarks: list[int] = []
    mirror: list[int] = []
    regions: dict[str, tuple[int, ...]] = {}
    for region, pairs in _MIRRORED_PAIRS.items():
        begin = len(landmarks)
        for left, right in pairs:
            mirror += [len(landmarks) + 1, len(landmarks)]
            landmarks += [left, right]
        for single in _ON_THE_AXIS.get(region, ()):
            mirror.append(len(landmarks))
            landmarks.append(single)
        regions[region] = tuple(range(begin, len(landmarks)))
    return tuple(landmarks), tuple(mirror), regions


TIED_LANDMARKS, MIRROR, REGIONS = _ordered()
"""Landmark of each tied keypoint, the keypoint it becomes in a mirrored picture, and keypoints by region."""

_HALF_OF_A_FACE = {
    61: (-0.56, 0.67, -0.09), 39: (-0.33, 0.58, 0.28), 181: (-0.33, 0.93, 0.13), 81: (-0.26, 0.68, 0.19),
    178: (-0.26, 0.80, 0.13), 0: (0.0, 0.57, 0.43), 17: (0.0, 1.03, 0.23), 13: (0.0, 0.69, 0.31),
    14: (0.0, 0.85, 0.23), 33: (-0.87, -0.60, -0.14), 133: (-0.34, -0.56, 0.01), 159: (-0.65, -0.67, 0.02),
    145: (-0.62, -0.54, 0.01), 70: (-1.10, -0.89, -0.19), 105: (-0.79, -1.04, 0.13), 107: (-0.28, -0.98, 0.34),
    98: (-0.37, 0.26, 0.25), 1: (0.0, 0.22, 0.75), 168: (0.0, -0.67, 0.33), 234: (-1.32, -0.28, -1.21),
    172: (-1.05, 0.88, -0.96), 10: (0.0, -1.60, 0.24), 152: (0.0, 1.62, -0.20), 50: (-0.96, 0.01, -0.06),
    468: (-0.63, -0.61, 0.02),
}  # fmt: skip


def _whole_face() -> tuple[tuple[float, float, float], ...]:
    """Return `_HALF_OF_A_FACE` with its mirror image, in the order of `TIED_LANDMARKS`."""
    places = []
    for landmark, twin in zip(TIED_LANDMARKS, (TIED_LANDMARKS[other] for other in MIRROR), strict=True):
        x, y, z = _HALF_OF_A_FACE[landmark if landmark in _HALF_OF_A_FACE else twin]
        places.append((x if landmark in _HALF_OF_A_FACE else -x, y, z))
    return tuple(places)


MEAN_FACE = _whole_face()
"""Where each tied keypoint lies on a mean face seen from the front: x to the right, y down, z towards the viewer, in
face sizes (`Anatomy.size`) from their centre. Learnt from the true landmarks of 452 training clips: the solid that,
turned and seen from afar, explains them best (residual .06), with both halves made alike: `benchmarks/mean_face.py`."""

SKIN = 468
"""Landmarks on the skin; those from here on are the irises'."""

IRISES = 10
"""Landmarks of both irises: for each one the centre, then right, top, left and bottom of its rim."""

LIPS: tuple[int, ...] = (
    61,
    146,
    91,
    181,
    84,
    17,
    314,
    405,
    321,
    375,
    291,
    185,
    40,
    39,
    37,
    0,
    267,
    269,
    270,
    409,
    78,
    95,
    88,
    178,
    87,
)
LIPS += (14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415)
LIDS: tuple[int, ...] = (33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173)
LIDS += (263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398)
"""Landmarks of the mesh along both lips, and along all four eyelids."""

EYE_LANDMARKS = ((33, 133, 159, 145), (263, 362, 386, 374))
"""For both eyes, the landmarks of outer corner, inner corner, upper lid and lower lid."""

EYES = tuple(tuple(TIED_LANDMARKS.index(landmark) for landmark in eye) for eye in EYE_LANDMARKS)
"""The tied keypoints of the same."""

FREE_PLACES = (
    *((-0.75, 0.85), (0.75, 0.85), (0.0, 0.85), (0.0, -0.7)),  # shoulders, chest, top of the hair
    *((-0.45, 0.65), (0.45, 0.65), (-0.4, 1.0), (0.4, 1.0)),  # both sides of the neck, both sides of the chest
    *((-0.35, -0.6), (0.35, -0.6), (-0.5, -0.1), (0.5, -0.1)),  # hair above the temples, hair beside the eyes
    *((-0.55, 0.4), (0.55, 0.4), (-1.05, 0.95), (1.05, 0.95)),  # long hair beside the chin, outer shoulders
)
"""Where training keeps the free keypoints; (x, y) in face heights from the face's centre."""


def mirror_order(tied: int, free: int) -> tuple[int, ...]:
    """Return for each keypoint which one it becomes in a mirrored picture, `tied + free` of them.

    Raises:
        ValueError: one of a mirrored pair is missing, or there is no place for so many.
    """
    places = FREE_PLACES[:free]
    mirrored = [(-x, y) for x, y in places]
    pairs = (*MIRROR[:tied], *(tied + places.index(place) for place in mirrored if place in places))
    if sorted(pairs) != list(range(tied + free)):
        raise ValueError(f"{tied} tied and {free} free keypoints are not the two halves of a face and a body.")
    return pairs
