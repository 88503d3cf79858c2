"""Who is live: a few places, one visitor each, and only the newest camera frame of each.

A frame that was overtaken while it waited is dropped, so nothing queues up. A place is free again when its visitor
stops, leaves, or sends nothing for a while. Camera frames exist in memory only, one at a time.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path

from fomm.config.live import LiveSettings
from fomm.config.motion import TransferSettings
from fomm.errors import FommError, MediaError
from fomm.media.limits import MediaLimits
from fomm.media.photo.image import decode_image
from fomm.retarget.live import Recorder
from fomm.studio.session import Session
from fomm.tasks.animate import Pipeline
from fomm.tasks.live import LiveFrame, LivePortrait

MOST_BYTES = 1_000_000
"""Largest camera frame; 640 x 480 as JPEG takes a tenth of it."""

_REMEMBERED = 64  # faults of ended streams; a page asks again within a second

_LIMITS = MediaLimits(max_side=1920, max_pixels=1920 * 1080, max_image_bytes=MOST_BYTES)
_JPEG = b"\xff\xd8\xff"


class PlacesTakenError(FommError):
    """Everybody who may be live at once is."""


class LiveStream:
    """One visitor live with one photo; `LiveStreams.open` makes it.

    Attributes:
        key: known to the visitor's page only.
        photo: what they show.
        settings: how.
        fault: what ended it, None while it runs or when it was closed; all later frames are refused with it.
    """

    def __init__(
        self, session: Session, portrait: LivePortrait, photo: Path, settings: LiveSettings, clock: Callable[[], float]
    ) -> None:
        self.key = secrets.token_urlsafe(32)
        self.photo, self.settings = photo, settings
        self._session, self._portrait, self._clock = session, portrait, clock
        self._busy, self._making = threading.Lock(), threading.Lock()
        self._newest = self._shown = 0
        self._open = True
        self.fault: FommError | None = None
        self.used = clock()

    @property
    def running(self) -> bool:
        """Whether frames still leave."""
        return self._open

    def frame(self, data: bytes) -> LiveFrame | None:
        """Return the photo's next frame for a camera frame, or None when a newer one arrived meanwhile.

        Args:
            data: a JPEG.

        Raises:
            MediaError: it is not, or too large; the stream goes on.
            FommError: the stream is over.
        """
        self._newest += 1
        mine, self.used = self._newest, self._clock()
        if not data.startswith(_JPEG):
            raise MediaError("A camera frame must be a JPEG; reload the page.")
        with self._busy:
            if mine != self._newest:
                return None
            camera = decode_image(data, "The camera's frame", _LIMITS)
            with self._ending():
                self._session.used = time.monotonic()
                seen = self._portrait.see(camera, self._clock())
        with self._making:  # while the next camera frame is looked at
            if mine < self._shown:
                return None
            self._shown = mine
            with self._ending():
                return self._portrait.show(seen)

    def calibrate(self) -> None:
        """Take the next frames' pose as the photo's.

        Raises:
            MotionError: a recording is running.
        """
        with self._busy:
            self._portrait.calibrate()

    def adjust(self, transfer: TransferSettings) -> None:
        """Carry motion over in another way."""
        with self._busy:
            self._portrait.adjust(transfer)

    def record(self) -> None:
        """Begin to record.

        Raises:
            MotionError: nobody is calibrated.
        """
        with self._busy:
            self._portrait.record()

    def stop_recording(self) -> tuple[Recorder, LiveSettings] | None:
        """End the recording and return it, None when there is none."""
        with self._busy:
            return self._portrait.stop_recording()

    def close(self) -> None:
        """End it; a frame that is being made does not leave any more."""
        self._portrait.close()  # before waiting: the frame in the making is refused at the exit
        with self._busy, self._making:
            self._end()

    @contextlib.contextmanager
    def _ending(self) -> Iterator[None]:
        """End the stream if what is done fails; frames under way then fail with the first reason, not with "closed"."""
        try:
            yield
        except BaseException as error:
            if self._open and isinstance(error, FommError):
                self.fault = error
            self._end()
            if self.fault is None or self.fault is error:
                raise
            raise self.fault from error

    def _end(self) -> None:
        self._open = False
        self._portrait.close()
        self._session.farewells.discard(self.close)


class LiveStreams:
    """The places of one studio.

    Args:
        pipeline: model, face finder and ledger.
        places: how many visitors may be live at once.
        idle_seconds: who sends no frame for this long loses their place.
        clock: tells seconds.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        places: int,
        idle_seconds: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pipeline, self._places = pipeline, places
        self._idle, self._clock = idle_seconds, clock
        self._streams: dict[str, LiveStream] = {}
        self._owners: dict[Session, str] = {}
        self._faults: OrderedDict[str, tuple[FommError, Path]] = OrderedDict()
        self._guard = threading.Lock()

    def __len__(self) -> int:
        self._sweep()
        return len(self._streams)

    def open(self, session: Session, photo: Path, settings: LiveSettings) -> LiveStream:
        """Begin to show a photo live; a stream the visitor has already ends.

        Raises:
            PlacesTakenError: everybody who may be live at once is.
            FommError: no consent for live use, an unreadable photo or none with a face.
        """
        earlier = self.of(session)
        if earlier is not None:
            earlier.close()
        with self._guard:  # held while the photo is encoded, so that no two visitors get the last place
            self._sweep()
            if len(self._streams) >= self._places:
                raise PlacesTakenError("All live places are taken; try again in a moment.")
            portrait = LivePortrait(self._pipeline, photo, settings)
            stream = LiveStream(session, portrait, photo, settings, self._clock)
            self._streams[stream.key] = stream
            self._owners[session] = stream.key
            session.farewells.add(stream.close)
            return stream

    def get(self, key: str) -> LiveStream | None:
        """Return the running stream with that key."""
        self._sweep()
        return self._streams.get(key)

    def last_words(self, key: str) -> tuple[FommError, Path] | None:
        """Return what ended the stream with that key, and its photo, if it failed lately.

        A page sends its next camera frame before the answer to the last has come, so the one that finds the stream gone
        may be answered first, and has to tell why as well.
        """
        self._sweep()
        return self._faults.get(key)

    def of(self, session: Session) -> LiveStream | None:
        """Return the visitor's running stream."""
        return self.get(self._owners.get(session, ""))

    def _sweep(self) -> None:
        """Forget streams that are over and close those that nobody feeds."""
        now = self._clock()
        for key, stream in list(self._streams.items()):
            if stream.running and now - stream.used > self._idle:
                stream.close()
            if not stream.running:
                self._streams.pop(key, None)
                if stream.fault is not None:
                    self._faults[key] = (stream.fault, stream.photo)
                while len(self._faults) > _REMEMBERED:
                    self._faults.popitem(last=False)
        for session, key in list(self._owners.items()):
            if key not in self._streams:
                self._owners.pop(session, None)
