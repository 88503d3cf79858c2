"""A folder of portraits: pictures, mattes and landmarks; and who is held out.

`NAME.jpg`, `NAME_alpha.png` (matte of the person) and `landmarks.npz` with `[478, 3]` landmarks by name: x right and y
down in pixels, z in the same scale, larger is nearer. Instead of the last two a portrait may have `NAME.face.npz` with
`landmarks` and `alpha`, which `fomm.synthesis.prepare` makes.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fomm.errors import MediaError
from fomm.media.photo.image import read_image
from fomm.synthesis.head.topology import LEFT_EDGE, RIGHT_EDGE
from fomm.trust.consent.portraits import PortraitLeave

HELD_OUT_DIGIT = "5"
FACE_FILE = ".face.npz"
_MOST_TURNED = np.radians(20.0)


@dataclass(frozen=True)
class Portrait:
    """One portrait.

    Attributes:
        name: such as "female_12".
        image: uint8 `[H, W, 3]`.
        alpha: how much of a pixel is the person, float32 `[H, W]` in [0, 1].
        landmarks: `[478, 3]`.
    """

    name: str
    image: NDArray[np.uint8]
    alpha: NDArray[np.float32]
    landmarks: NDArray[np.float64]

    @property
    def face_width(self) -> float:
        """Return the distance between the two edges of the face in pixels, in space."""
        return float(np.linalg.norm(self.landmarks[LEFT_EDGE] - self.landmarks[RIGHT_EDGE]))


class PortraitFolder:
    """All portraits of a folder that have landmarks and a matte, and look into the camera.

    Attributes:
        path: the folder.
        names: usable portraits, sorted.
        shown: those that training clips may show, as face, blend partner or background.
        held_out: the others, whose number ends in 5.
        unprepared: pictures without landmarks or matte.
        leave: what reads the pictures; None reads them without asking, to measure and to look.

    Raises:
        MediaError: the folder does not exist or its landmarks are damaged.
    """

    def __init__(self, path: Path, leave: PortraitLeave | None = None) -> None:
        if not path.is_dir():
            raise MediaError(f"{path} is not a folder; PORTRAITS must be a folder of portraits.")
        self.path, self.leave = path, leave
        shared = path / "landmarks.npz"
        landmarks = _read_arrays(shared) if shared.is_file() else {}
        matted = {name: landmarks[name] for name in landmarks if (path / f"{name}_alpha.png").is_file()}
        own = {file.name.removesuffix(FACE_FILE): file for file in path.glob(f"*{FACE_FILE}")}
        self._landmarks = matted | {name: _read_arrays(own[name])["landmarks"] for name in own if name not in matted}
        for name, points in self._landmarks.items():
            if points.shape != (478, 3):
                raise MediaError(f"{path} has landmarks {list(points.shape)} for {name} instead of [478, 3].")
        pictures = [file.stem for file in path.glob("*.jpg") if not file.stem.endswith("_background")]
        self.unprepared = tuple(sorted(name for name in pictures if name not in self._landmarks))
        self.names = tuple(
            sorted(
                name
                for name in pictures
                if name in self._landmarks and abs(own_yaw(self._landmarks[name])) < _MOST_TURNED
            )
        )
        self.shown = tuple(name for name in self.names if not is_held_out(name))
        self.held_out = tuple(name for name in self.names if is_held_out(name))

    def picture(self, name: str) -> Path:
        """Return the path of a portrait's picture."""
        return self.path / f"{name}.jpg"

    def load(self, name: str) -> Portrait:
        """Read one portrait.

        Raises:
            ConsentError: its picture is not the one that was recorded.
            MediaError: one of its files is missing, damaged or of another size.
        """
        path = self.picture(name)
        image = self.leave.read(name, path) if self.leave else read_image(path)
        matte = self.path / f"{name}_alpha.png"
        alpha = read_image(matte)[..., 0] if matte.is_file() else _read_arrays(self.path / (name + FACE_FILE))["alpha"]
        if image.shape[:2] != alpha.shape:
            raise MediaError(f"The picture and the matte of {self.path / name} differ in size; make the matte anew.")
        return Portrait(name, image, (alpha / 255).astype(np.float32), self._landmarks[name].astype(np.float64))


def is_held_out(name: str) -> bool:
    """Say whether training clips must never show this portrait."""
    return name.endswith(HELD_OUT_DIGIT)


def own_yaw(landmarks: NDArray[np.floating]) -> float:
    """Return how far the portrait looks aside, in radians."""
    across = landmarks[RIGHT_EDGE] - landmarks[LEFT_EDGE]
    return float(np.arctan2(across[2], across[0]))


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise MediaError(f"{path} is damaged ({error}); make it anew.") from error
