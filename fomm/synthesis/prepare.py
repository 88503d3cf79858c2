"""Finds landmarks and mattes of new portraits with MediaPipe, an extra of about a gigabyte that only this needs.

What is found is kept beside each picture as `NAME.face.npz`: the 478 refined landmarks and the matte.
"""

from __future__ import annotations

import os
import warnings
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fomm.errors import FommWarning, MediaError, SettingsError
from fomm.media.photo.image import read_image
from fomm.synthesis.portraits import FACE_FILE, PortraitFolder

_SURE = 0.5  # the matte rises over this span of the segmentation's confidence, around its middle


def prepare(folder: PortraitFolder) -> PortraitFolder:
    """Return the folder with all its pictures prepared; those without a face are named in a warning and left out.

    Raises:
        SettingsError: pictures are not prepared, nothing else is there, and MediaPipe is not installed.
        MediaError: the folder has no portrait that can be used.
    """
    if folder.unprepared:
        try:
            solutions = import_module("mediapipe").solutions
        except (ImportError, AttributeError) as error:  # later releases come without the models
            sentence = (
                f"{len(folder.unprepared)} pictures in {folder.path} have no landmarks, such as "
                f"{folder.unprepared[0]}; to find them: pip install 'fomm[landmarks]'."
            )
            if not folder.names:
                raise SettingsError(sentence) from error
            warnings.warn(f"{sentence} They are left out.", FommWarning, stacklevel=2)
        else:
            _prepare_all(folder, solutions)
            folder = PortraitFolder(folder.path)
    if not folder.names:
        raise MediaError(f"{folder.path} has no usable portrait: pictures of one face each that look into the camera.")
    return folder


def _prepare_all(folder: PortraitFolder, solutions: Any) -> None:
    mesh = solutions.face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True, min_detection_confidence=0.3)
    segmentation = solutions.selfie_segmentation.SelfieSegmentation(model_selection=0)
    faceless = []
    with mesh, segmentation:
        for name in folder.unprepared:
            picture = read_image(folder.path / f"{name}.jpg")
            faces = mesh.process(picture).multi_face_landmarks
            if not faces:
                faceless.append(name)
                continue
            height, width = picture.shape[:2]
            points = [(mark.x * width, mark.y * height, -mark.z * width) for mark in faces[0].landmark]
            person = np.asarray(segmentation.process(picture).segmentation_mask)
            _keep(folder, name, np.array(points, np.float32), person)
    if faceless:
        warnings.warn(f"No face was found in {', '.join(faceless)}; left out.", FommWarning, stacklevel=3)


def _keep(folder: PortraitFolder, name: str, landmarks: NDArray[np.float32], person: NDArray[np.floating]) -> None:
    alpha = np.clip((person - 0.5) / _SURE + 0.5, 0, 1)
    file = folder.path / (name + FACE_FILE)
    partial = file.with_name(f".{file.name}.partial")
    with partial.open("wb") as target:
        np.savez_compressed(target, landmarks=landmarks, alpha=(255 * alpha).astype(np.uint8))
    os.replace(partial, file)
