"""Where a model's edit directions are, and the photo in another mood."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import torch

from fomm.config.edit import EditSettings, MoodSettings
from fomm.errors import CheckpointError
from fomm.geometry.anatomy import Anatomy
from fomm.geometry.keypoints import Keypoints
from fomm.render.animator import Portrait
from fomm.retarget.edit import SUFFIX, UNTIED, Directions
from fomm.weights.locations import checkpoints_folder

if TYPE_CHECKING:
    from fomm.tasks.animate import Pipeline


def tied_anatomy(pipeline: Pipeline) -> Anatomy:
    """Return what the keypoints of a pipeline that can edit are tied to.

    Raises:
        CheckpointError: they are tied to nothing.
    """
    if pipeline.anatomy is None:
        raise CheckpointError(UNTIED)
    return pipeline.anatomy


def directions_of(pipeline: Pipeline) -> Directions:
    """Return the edit directions beside the pipeline's checkpoint, or shipped ones of the same keypoint detector.

    Raises:
        CheckpointError: its keypoints are not tied to a face, or directions are missing or of another model.
    """
    tied_anatomy(pipeline)
    beside = pipeline.checkpoint.with_suffix(SUFFIX)
    if not beside.is_file():  # a model adapted to one person keeps the detector of the model it came from
        for path in sorted(checkpoints_folder().glob(f"*{SUFFIX}")):
            with contextlib.suppress(CheckpointError):
                return Directions.load(path, pipeline.detector)
    return Directions.load(beside, pipeline.detector)


def keypoints_of(portrait: Portrait) -> Keypoints:
    """Return a photo's keypoints, `[1, K, 2]`, as edits need them: float32 on the CPU."""
    return portrait.keypoints.detach().to(torch.device("cpu")).to(torch.float32)


def start_of(pipeline: Pipeline, portrait: Portrait, mood: MoodSettings) -> Keypoints:
    """Return the keypoints that a motion of the photo starts from, `[1, K, 2]`: its own, in the wanted mood.

    Raises:
        CheckpointError: a mood is wanted that the model has no directions for.
    """
    if mood == MoodSettings():
        return portrait.keypoints
    edit = EditSettings(smile=mood.smile, brows=mood.brows)
    return directions_of(pipeline).apply(keypoints_of(portrait), edit, tied_anatomy(pipeline))
