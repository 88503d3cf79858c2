"""A small fixed drive of the bundled model, and what each of its stages changes of it.

python tests/helpers/stage_drive.py    # after a change of frames that is meant: writes tests/model/golden/stages.json
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fomm.config.edit import EditSettings
from fomm.config.render import RenderSettings
from fomm.face.locate import FaceFinder
from fomm.face.windows import portrait_window
from fomm.geometry.anatomy import anatomy_of
from fomm.geometry.keypoints import Keypoints
from fomm.media.photo.image import read_image
from fomm.render.animator import Animator
from fomm.retarget.edit import SUFFIX, Directions
from fomm.retarget.gaze import look
from fomm.tasks.demo import demo_files
from fomm.weights.fingerprint import detector_fingerprint
from fomm.weights.loading import load_model

GOLDEN = Path(__file__).parents[1] / "model" / "golden" / "stages.json"
EDITS = {
    "aside, mouth open": EditSettings(yaw=12, mouth=0.9),
    "blink": EditSettings(blink=1.0, pitch=6),
    "smile": EditSettings(smile=0.6, yaw=-12, mouth=0.3),
}
GLANCE = "glance"
FRAMES = (*EDITS, GLANCE)
PORTRAITS = ("portrait", "smiling", "grey")


@dataclass(frozen=True)
class Drive:
    """What a portrait gives.

    Attributes:
        whole: the four frames with all stages, `[4, 3, 256, 256]` in grey levels.
        changes: by stage, mean absolute change over colours without it, `[4, 256, 256]` in grey levels.
        points: keypoints of the photo, `[K, 2]` in px.
    """

    whole: NDArray[np.float32]
    changes: dict[str, NDArray[np.float32]]
    points: NDArray[np.float32]


@lru_cache
def animator(precision: str = "float32") -> tuple[Animator, Directions]:
    """Return the bundled model, ready, and its edit directions."""
    loaded = load_model("compact-256")
    directions = Directions.load(loaded.info.path.with_suffix(SUFFIX), detector_fingerprint(loaded.model))
    return Animator(loaded.model, 256, RenderSettings(device="cpu", precision=precision)), directions


@lru_cache
def drive(portrait: str, precision: str = "float32", *, ablate: bool = True) -> Drive:
    """Make the four frames with all stages, and without each one."""
    made, _ = animator(precision)
    made.leave_out(())
    photo = read_image(demo_files()[0].parent / ("portrait-2.jpg" if portrait == "smiling" else "portrait.jpg"))
    if portrait == "grey":
        photo = np.repeat(np.round(photo.mean(-1, keepdims=True)).astype(np.uint8), 3, axis=-1)
    whole, points = _frames(photo, precision, ())
    changes = {}
    for stage in made.stages if ablate else ():
        changes[stage] = np.abs(_frames(photo, precision, (stage,))[0] - whole).mean(1)
    made.leave_out(())
    return Drive(whole, changes, points)


def _frames(
    photo: NDArray[np.uint8], precision: str, without: tuple[str, ...]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    made, directions = animator(precision)
    made.leave_out(without)
    portrait = made.portrait(photo, portrait_window(photo, FaceFinder()))
    source = Keypoints(portrait.keypoints.value.float(), portrait.keypoints.jacobian.float())
    anatomy = anatomy_of(load_model("compact-256").model.config)
    moved = [directions.apply(source, edit, anatomy) for edit in EDITS.values()]
    moved.append(Keypoints(look(source.value, anatomy, (1.0, 0.0)), source.jacobian))
    images = [part.image for part in made.frames(portrait, Keypoints.cat(moved))]
    return torch.cat(images).float().numpy() * 255, (source.value[0].numpy() + 1) * 128


def statistics() -> dict[str, dict[str, list[float]]]:
    """Return mean and deviation of every frame, and the mean change of every frame by stage, in grey levels."""
    found: dict[str, dict[str, list[float]]] = {}
    for portrait in PORTRAITS:
        driven = drive(portrait)
        found[portrait] = {
            "mean": [round(float(frame.mean()), 4) for frame in driven.whole],
            "deviation": [round(float(frame.std()), 4) for frame in driven.whole],
            **{stage: [round(float(x.mean()), 4) for x in change] for stage, change in driven.changes.items()},
        }
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(statistics(), indent=1) + "\n")
