"""Measure whether heads stay whole: silhouettes against true mattes, and holes and left-behind locks in quick heads.

    python benchmarks/silhouette.py --clips DATA/clips --portraits DATA/portraits --track quick_head.safetensors

Clips are labelled and their test split shows held-out people; the two quickest clips of each of eight faces are driven
by their own frames from their first one, and the person in the result is compared with the true matte. The track is
played by every held-out portrait; the model's own matte of each result is then searched for gaps and loose pieces that
the photo does not have.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import describe
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import binary_closing, binary_fill_holes, binary_opening, label
from torch.nn import functional as F

from fomm.config.animate import AnimateSettings
from fomm.face.windows import portrait_window
from fomm.media.video import read_video
from fomm.render.animator import Animator, Portrait
from fomm.tasks.animate import Pipeline
from fomm.track.smoothing import smooth
from fomm.track.track import MotionTrack
from fomm.training.data.labelled_clips import FIELD_SIDE, LANDMARK_UNIT, read_truth, unpack

RESULT = Path(__file__).parent / "results" / "silhouette.json"
FACES, CLIPS, EVERY = 8, 2, 2
BROAD = 3  # cells of 64 across which a gap is closed: wider ones are no tear
Mask = NDArray[np.bool_]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--portraits", type=Path, required=True)
    parser.add_argument("--track", type=Path, required=True)
    parser.add_argument("--model", default="compact-256")
    parser.add_argument("--output", type=Path, default=RESULT)
    arguments = parser.parse_args()
    pipeline = Pipeline(arguments.model)
    result = {
        "machine": describe(),
        "clips": against_truth(pipeline._animator, arguments.clips),
        "track": whole_heads(pipeline, arguments.portraits, arguments.track),
    }
    arguments.output.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({part: result[part]["all"] for part in ("clips", "track")}, indent=1))


def against_truth(animator: Animator, clips: Path) -> dict[str, Any]:
    """Return intersection over union of the person with the true matte: mean and least of the frames of each clip."""
    found: dict[str, Any] = {}
    for name in quickest(clips):
        truth = read_truth(clips / "test" / f"{name}.npz")
        frames = list(read_video(clips / "test" / f"{name}.mp4"))
        with torch.inference_mode():
            picture = animator._tensor([frames[0]])
            portrait = Portrait(frames[0], None, animator._model.encode(picture), animator._model.detect(picture))  # type: ignore[arg-type]
        driven = range(0, len(frames), EVERY)
        made = animator.frames(portrait, animator.detect([frames[index] for index in driven]))
        fronts = torch.cat([F.adaptive_avg_pool2d(part.motion.front.float(), FIELD_SIDE) for part in made])  # type: ignore[union-attr]
        masks = [binary_fill_holes(unpack(truth["person"][index])) for index in driven]  # eyes and mouth are none
        found[name] = [overlap(front[0].numpy() > 1 / 2, mask) for front, mask in zip(fronts, masks, strict=True)]
    every = [value for values in found.values() for value in values]
    return {
        "all": {
            "frames": len(every),
            "mean": round(float(np.mean(every)), 4),
            "least": round(min(every), 4),
            "below .95": sum(value < 0.95 for value in every),
        },
        "least of each clip": {name: round(min(values), 4) for name, values in found.items()},
    }


def quickest(clips: Path) -> list[str]:
    """Return the clips of held-out people whose heads move most within a frame, two of each face."""
    index = json.loads((clips / "index.json").read_text())
    speed: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for name, entry in index.items():
        if entry["split"] == "test" and entry["portrait"].endswith("5"):
            landmarks = read_truth(clips / "test" / f"{name}.npz")["landmarks"].astype(np.float64) * LANDMARK_UNIT
            speed[entry["portrait"]].append((float(np.abs(np.diff(landmarks.mean(1), axis=0)).max()), name))
    best = {face: sorted(found, reverse=True)[:CLIPS] for face, found in speed.items() if len(found) >= CLIPS}
    faces = sorted(best, key=lambda face: -sum(step for step, _ in best[face]))[:FACES]
    return [name for face in faces for _, name in best[face]]


def overlap(one: Mask, other: Mask) -> float:
    return float((one & other).sum() / (one | other).sum())


def whole_heads(pipeline: Pipeline, portraits: Path, track: Path) -> dict[str, Any]:
    """Return how many cells of 64 x 64 are gaps in a head or loose pieces, beyond those of the photo itself."""
    settings, animator = AnimateSettings(), pipeline._animator
    motion = smooth(MotionTrack.load(track, pipeline.detector), settings.smooth)
    found: dict[str, list[int]] = {}
    for path in sorted(portraits.glob("*5.jpg")):
        photo = np.asarray(Image.open(path).convert("RGB"))
        portrait = animator.portrait(photo, portrait_window(photo, pipeline.finder, settings.face, animator.person))
        transfer = pipeline.transfer(portrait.keypoints, motion, settings)
        own = torn(animator, portrait.encoded.image)
        with torch.inference_mode():
            made = animator.frames(portrait, transfer.driving(0, len(motion)))
            pictures = torch.cat([part.image.float() for part in made])
        found[path.stem] = [max(0, torn(animator, picture[None]) - own) for picture in pictures]
    every = [count for counts in found.values() for count in counts]
    return {
        "all": {"frames": len(every), "cells": sum(every), "frames with 8 or more": sum(count >= 8 for count in every)},
        "cells of each portrait": {name: sum(counts) for name, counts in found.items()},
    }


@torch.inference_mode()
def torn(animator: Animator, picture: torch.Tensor) -> int:
    """Return cells of a picture `[1, 3, S, S]` that are gaps in the person or pieces apart from them."""
    matte = animator._model.find_person(picture)
    assert matte is not None
    person = matte[0, 0].numpy() > 1 / 2
    wide = np.pad(person, BROAD, mode="edge")
    closed = binary_closing(wide, iterations=BROAD)[BROAD:-BROAD, BROAD:-BROAD]
    pieces, _ = label(person)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    loose = person & (pieces != sizes.argmax())
    return int(binary_opening(closed & ~person, np.ones((2, 2), bool)).sum() + loose.sum())


if __name__ == "__main__":
    main()
