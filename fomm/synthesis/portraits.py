"""A folder of portraits: pictures, mattes, painted-out backgrounds and landmarks; and who is held out.

`NAME.jpg`, `NAME_alpha.png` (matte of the person), `NAME_background.jpg` (the picture without the person) and
`landmarks.npz` with `[478, 3]` landmarks by name: x right and y down in pixels, z in the same scale, larger is nearer.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fomm.errors import MediaError
from fomm.media.image import read_image
from fomm.synthesis.topology import LEFT_EDGE, RIGHT_EDGE

HELD_OUT_DIGIT = "5"
_MOST_TURNED = np.radians(20.0)


@dataclass(frozen=True)
class Portrait:
    """One portrait.

    Attributes:
        name: such as "female_12".
        image: uint8 `[H, W, 3]`.
        alpha: how much of a pixel is the person, float32 `[H, W]` in [0, 1].
        background: the picture without the person, uint8 `[H, W, 3]`.
        landmarks: `[478, 3]`.
    """

    name: str
    image: NDArray[np.uint8]
    alpha: NDArray[np.float32]
    background: NDArray[np.uint8]
    landmarks: NDArray[np.float64]

    @property
    def face_width(self) -> float:
        """Return the distance between the two edges of the face in pixels, in space."""
        return float(np.linalg.norm(self.landmarks[LEFT_EDGE] - self.landmarks[RIGHT_EDGE]))


class PortraitFolder:
    """All portraits of a folder that have landmarks, a matte and a background, and look into the camera.

    Attributes:
        path: the folder.
        names: usable portraits, sorted.
        shown: those that training clips may show, as face, blend partner or background.
        held_out: the others, whose number ends in 5.

    Raises:
        MediaError: the folder has no portraits or no landmarks.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._landmarks = _read_landmarks(path / "landmarks.npz")
        self.names = tuple(sorted(name for name in self._landmarks if self._complete(name)))
        if not self.names:
            raise MediaError(
                f"{path} has no usable portraits; each needs NAME.jpg, NAME_alpha.png, NAME_background.jpg and its "
                "landmarks in landmarks.npz, and must look into the camera."
            )
        self.shown = tuple(name for name in self.names if not is_held_out(name))
        self.held_out = tuple(name for name in self.names if is_held_out(name))

    def load(self, name: str) -> Portrait:
        """Read one portrait.

        Raises:
            MediaError: one of its files is missing, damaged or of another size.
        """
        image = read_image(self.path / f"{name}.jpg")
        alpha = read_image(self.path / f"{name}_alpha.png")[..., 0]
        background = read_image(self.path / f"{name}_background.jpg")
        if not image.shape[:2] == alpha.shape == background.shape[:2]:
            raise MediaError(f"The picture, matte and background of {self.path / name} differ in size; make them anew.")
        return Portrait(name, image, (alpha / 255).astype(np.float32), background, self._landmarks[name])

    def _complete(self, name: str) -> bool:
        files = (f"{name}.jpg", f"{name}_alpha.png", f"{name}_background.jpg")
        return (
            all((self.path / file).is_file() for file in files) and abs(own_yaw(self._landmarks[name])) < _MOST_TURNED
        )


def is_held_out(name: str) -> bool:
    """Say whether training clips must never show this portrait."""
    return name.endswith(HELD_OUT_DIGIT)


def own_yaw(landmarks: NDArray[np.floating]) -> float:
    """Return how far the portrait looks aside, in radians."""
    across = landmarks[RIGHT_EDGE] - landmarks[LEFT_EDGE]
    return float(np.arctan2(across[2], across[0]))


def _read_landmarks(path: Path) -> dict[str, NDArray[np.float64]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            found = {name: archive[name].astype(np.float64) for name in archive.files}
        if any(points.shape != (478, 3) for points in found.values()):
            raise ValueError("an entry is not [478, 3]")
    except FileNotFoundError as error:
        raise MediaError(f"{path} does not exist; PORTRAITS must be a folder of portraits with landmarks.") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise MediaError(f"{path} does not hold landmarks ({error}); make it anew.") from error
    return found
