"""One photo, live: camera frames in, marked frames out, and a recording that leaves as a signed file.

The photo is encoded once. Frames have 512 px on the short side whatever the photo's size, so that their cost is known
and the watermark lasts. A recording keeps the motion, not the frames: it is rendered again at the photo's own
resolution, smoothed with the future known, and leaves through the same release as every other file.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fomm.config.live import LiveSettings
from fomm.config.motion import TransferSettings
from fomm.face.crop import CropWindow
from fomm.face.windows import portrait_window
from fomm.geometry.keypoints import Keypoints
from fomm.render.paste_back import PasteBack
from fomm.render.worker_pool import WorkerPool
from fomm.retarget.live import Recorder
from fomm.tasks.animate import Pipeline
from fomm.tasks.directions import start_of
from fomm.tasks.doors import face_area
from fomm.tasks.live_driver import LiveDriver
from fomm.tasks.sealed import sealed
from fomm.tasks.tracking import naming
from fomm.trust.release.film import LiveRelease

SIDE = 512
_WIDEST = 16 / 9  # of a live frame; of a longer photo the part around the face is shown


@dataclass(frozen=True)
class LiveFrame:
    """One frame, ready to leave.

    Attributes:
        jpeg: the marked picture.
        hint: what the driver should know, see `LiveDriver.hint`.
        recorded: seconds recorded so far, None while nothing is.
        seconds: what computing it took.
    """

    jpeg: bytes
    hint: str
    recorded: float | None
    seconds: float


@dataclass(frozen=True)
class SeenFrame:
    """A camera frame that was looked at: keypoints that move the photo, what to tell the driver, seconds it took."""

    driving: Keypoints
    hint: str
    recorded: float | None
    seconds: float


class LivePortrait:
    """A consented photo that follows a camera.

    A frame has two halves, `see` and `show`. One thread may look at a camera frame while another makes the frame
    before it; otherwise one thread at a time may use the portrait.

    Args:
        pipeline: model, face finder and ledger.
        photo: the photo; its consent must cover live use.
        settings: how.

    Attributes:
        output_id: of this session, in registry and watermark.
        size: (width, height) of the frames in pixels.

    Raises:
        FommError: no consent, an unreadable photo or none with a face, in one sentence.
    """

    def __init__(self, pipeline: Pipeline, photo: Path, settings: LiveSettings) -> None:
        self._settings = settings
        authorisation = pipeline.authorise(photo, settings, "live")
        with naming(photo):
            window = portrait_window(
                authorisation.image,
                pipeline.finder,
                settings.face,
                pipeline._animator.person,
                authorisation.photo.size,
            )
        picture, window = stage(authorisation.image, window, settings.view)
        self._animator = pipeline._animator
        self._portrait = pipeline._animator.portrait(picture, window, authorisation)
        self._paste = PasteBack(self._portrait, replace(settings.refine, crop_only=False))
        self._release = LiveRelease(
            authorisation,
            self._paste.size,
            label=settings.label,
            provenance=pipeline.provenance(photo, None, settings, composite=True),
            face_box=face_area(window, settings),
        )
        self.output_id, self.size = self._release.output_id, self._release.size
        self._pool = WorkerPool.halves()
        self._driver = LiveDriver(pipeline, start_of(pipeline, self._portrait, settings.mood), settings)

    def frame(self, camera: NDArray[np.uint8], now: float) -> LiveFrame:
        """Return the photo as the driver is now.

        Args:
            camera: uint8 [H, W, 3] RGB.
            now: its time in seconds, rising.

        Raises:
            ConsentError: the consent was revoked or ended; the session is over.
            OutputError: the session is over.
        """
        return self.show(self.see(camera, now))

    def see(self, camera: NDArray[np.uint8], now: float) -> SeenFrame:
        """Look at a camera frame, the first half of `frame`."""
        return self._pool.run(lambda frame: self._look(frame, now), camera)

    def show(self, seen: SeenFrame) -> LiveFrame:
        """Make and mark the photo's frame, the second half of `frame`; in the order in which they were seen.

        Raises:
            ConsentError, OutputError: as `frame`.
        """
        return self._pool.run(self._make, seen)

    def _look(self, camera: NDArray[np.uint8], now: float) -> SeenFrame:
        begun = time.perf_counter()
        driving = self._driver.see(camera, now)
        recorder = self._driver.recorder
        recorded = None if recorder is None else recorder.seconds
        return SeenFrame(driving, self._driver.hint, recorded, time.perf_counter() - begun)

    def _make(self, seen: SeenFrame) -> LiveFrame:
        begun = time.perf_counter()
        made = next(self._animator.frames(self._portrait, seen.driving))
        jpeg = self._release.send(sealed(self._paste, made))
        return LiveFrame(jpeg, seen.hint, seen.recorded, seen.seconds + time.perf_counter() - begun)

    def calibrate(self) -> None:
        """Take the driver's next frames as the pose that the photo has.

        Raises:
            MotionError: a recording is running.
        """
        self._driver.calibrate()

    def adjust(self, transfer: TransferSettings) -> None:
        """Carry motion over in another way from the next frame on."""
        self._settings = replace(self._settings, transfer=transfer)
        self._driver.adjust(transfer)

    def record(self) -> None:
        """Begin to record.

        Raises:
            MotionError: nobody is calibrated.
        """
        self._driver.record(self._settings.record_seconds)

    def stop_recording(self) -> tuple[Recorder, LiveSettings] | None:
        """End the recording and return it with the settings it was seen under, for `release_recording`."""
        recorder, self._driver.recorder = self._driver.recorder, None
        return None if recorder is None else (recorder, self._settings)

    def close(self) -> None:
        """End the session; no frame leaves it any more."""
        self._release.close()


def stage(photo: NDArray[np.uint8], window: CropWindow, view: str) -> tuple[NDArray[np.uint8], CropWindow]:
    """Return the part of a photo that is shown live, at its live size, and the window in it.

    Args:
        photo: uint8 [H, W, 3].
        window: the face's window in it.
        view: "photo" for as much as a 16:9 frame holds, "face" for the window alone.

    Returns:
        uint8 [h, w, 3] with 512 px on the short side, and the window in its pixels.
    """
    height, width = photo.shape[:2]
    if view == "face":
        x0, y0, x1, y1 = window.bounds(height, width)
    else:
        x0, x1 = _around(window.x + window.side / 2, width, height)
        y0, y1 = _around(window.y + window.side / 2, height, width)
    scale = SIDE / min(x1 - x0, y1 - y0)
    size = round((x1 - x0) * scale), round((y1 - y0) * scale)
    shown = Image.fromarray(photo[y0:y1, x0:x1]).resize(size, Image.Resampling.LANCZOS)
    return np.asarray(shown), CropWindow((window.x - x0) * scale, (window.y - y0) * scale, window.side * scale)


def _around(centre: float, length: int, other: int) -> tuple[int, int]:
    """Return where a side of the photo is cut, so that it is at most 16/9 of the other one."""
    kept = min(length, round(other * _WIDEST))
    start = min(max(0, round(centre - kept / 2)), length - kept)
    return start, start + kept
