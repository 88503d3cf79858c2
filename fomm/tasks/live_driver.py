"""The person before the camera: found, calibrated, followed and recorded, frame by frame.

The window is fixed when the driver calibrates, as a clip's is: one that followed the face would take the head's motion
out of the result. The reference is the median of the next few frames, so that a blink does not become the resting
pose. From then on the face is looked for now and then; while it is away the photo keeps its last pose.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from fomm.config.animate import AnimateSettings
from fomm.config.motion import TransferSettings
from fomm.errors import MotionError
from fomm.face.crop import CropWindow
from fomm.face.locate import choose
from fomm.face.watch import FaceWatcher
from fomm.face.windows import DrivingWindow
from fomm.geometry.keypoints import Keypoints
from fomm.retarget.live import Recorder, RestingPose, still
from fomm.retarget.transfer import Transfer
from fomm.tasks.animate import Pipeline
from fomm.tasks.tracking import surface_tracker
from fomm.track.smoothing import OneEuro
from fomm.track.surface import SurfaceTracker

Frame = NDArray[np.uint8]
NOBODY, AWAY, CALIBRATING = "nobody", "away", "calibrating"
"""No face has been seen yet; the followed face is not in its window; hold still."""

_REFERENCE_FRAMES = 5
_LOOK_EVERY = 0.5  # seconds between two looks for the face
_SEARCH_SIDE, _SMALLEST = 320, 0.12  # of a whole camera frame: a driver sits near
_ROOM = 0.9  # zoom of the window, so that the head can travel
_USUAL_FPS = 15.0


@dataclass
class _Calibrated:
    """What a calibration settles."""

    reference: Keypoints
    transfer: Transfer
    rest: RestingPose
    steady: OneEuro
    pose: Keypoints


class LiveDriver:
    """Turns camera frames into the keypoints that move one photo.

    Args:
        pipeline: finds faces and keypoints.
        source: keypoints of the photo, `[1, K, 2]`.
        settings: whom to follow and how motion is carried over.

    Attributes:
        recorder: keeps the motion while there is one.
    """

    def __init__(self, pipeline: Pipeline, source: Keypoints, settings: AnimateSettings) -> None:
        self._pipeline = pipeline
        self._source = source.detach().to(torch.device("cpu")).to(torch.float32)
        self._settings = settings
        self.recorder: Recorder | None = None
        self._watched: tuple[CropWindow, FaceWatcher, SurfaceTracker] | None = None
        self._size: tuple[int, ...] = ()
        self._first: list[Keypoints] = []
        self._state: _Calibrated | None = None
        self._found = False
        self._looked = self._before = -math.inf

    @property
    def hint(self) -> str:
        """What the driver should know: NOBODY, AWAY, CALIBRATING, how their resting pose drifted, or nothing."""
        if self._watched is None:
            return NOBODY
        if not self._found:
            return AWAY
        return CALIBRATING if self._state is None else self._state.rest.drift()

    def calibrate(self) -> None:
        """Take the pose of the next frames as the reference.

        Raises:
            MotionError: a recording is running, which has one reference only.
        """
        if self.recorder is not None:
            raise MotionError("Stop the recording before you calibrate.")
        self._watched = self._state = None

    def adjust(self, transfer: TransferSettings) -> None:
        """Carry motion over in another way from the next frame on."""
        self._settings = replace(self._settings, transfer=transfer)
        if self._state is not None:
            self._state.transfer = self._transfer(self._state.reference)

    def record(self, max_seconds: float) -> None:
        """Begin to keep the motion.

        Raises:
            MotionError: nobody is calibrated.
        """
        if self._state is None:
            raise MotionError("Calibrate before you record.")
        self.recorder = Recorder(self._state.reference, self._pipeline.detector, max_seconds)

    def see(self, frame: Frame, now: float) -> Keypoints:
        """Return the keypoints that move the photo, `[1, K, 2]`, for a camera frame `uint8 [H, W, 3]`.

        Args:
            frame: of any size, the same from frame to frame; another size calibrates anew.
            now: its time in seconds, rising.
        """
        if self._size != frame.shape:
            self._size, self._watched, self._state, self.recorder = frame.shape, None, None, None
        self._watched = self._watched or self._find(frame, now)
        if self._watched is None:
            return self._source
        window, watcher, surface = self._watched
        square = window.crop(frame, self._pipeline._animator.image_size)
        if now - self._looked >= _LOOK_EVERY:
            self._found, self._looked = watcher.sees(square), now
        keypoints = surface.follow([square], self._pipeline._animator.detect([square]), [self._found])
        elapsed, self._before = max(now - self._before, 1e-3), now
        if self._state is None:
            return self._collect(keypoints)
        if self.recorder is not None:
            self.recorder.add(keypoints, self._found, now)
        if self._found:
            self._state.pose = self._state.steady(keypoints, elapsed)
            self._state.rest.add(self._state.pose.value, now)
        return self._state.transfer.carry(self._state.pose)

    def _find(self, frame: Frame, now: float) -> tuple[CropWindow, FaceWatcher, SurfaceTracker] | None:
        """Fix the window around the driver's face; where none was seen, it is not looked for in every frame."""
        if not self._found and now - self._looked < _LOOK_EVERY:
            return None
        self._looked = now
        faces = self._pipeline.finder.find(frame, side=_SEARCH_SIDE, smallest=_SMALLEST)
        self._found = bool(faces)
        if not faces:
            return None
        face = choose(faces, self._settings.face.driving_face, (frame.shape[1], frame.shape[0]))
        window = CropWindow.around(face, _ROOM)
        self._first = []
        watcher = FaceWatcher(self._pipeline.finder, DrivingWindow(window, face))
        return window, watcher, surface_tracker(self._pipeline._animator)

    def _collect(self, keypoints: Keypoints) -> Keypoints:
        """Gather the frames whose median is the reference; the photo rests meanwhile."""
        if not self._found:
            self._first = []
            return self._source
        self._first.append(keypoints)
        if len(self._first) == _REFERENCE_FRAMES:
            every = Keypoints.cat(self._first)
            turned = every.jacobian
            reference = Keypoints(
                every.value.median(dim=0, keepdim=True).values,
                None if turned is None else turned.median(dim=0, keepdim=True).values,
            )
            anatomy = self._pipeline.anatomy
            rest = RestingPose(reference.value, anatomy.face if anatomy else None)
            steady = OneEuro(_USUAL_FPS)
            self._state = _Calibrated(reference, self._transfer(reference), rest, steady, reference)
        return self._source

    def _transfer(self, reference: Keypoints) -> Transfer:
        """Return the way from the driver's keypoints to the photo's."""
        settings = replace(self._settings.transfer, reference="first")
        track = still(reference, self._pipeline.detector)
        return Transfer(self._source, track, settings, self._pipeline.anatomy)
