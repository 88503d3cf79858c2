"""Whole frames read from a pipe on a thread, at most a few ahead of whoever uses them.

Decoding overlaps with the caller's work, and memory stays at a handful of frames however long the clip is.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
_AHEAD_BYTES = 64 * 2**20
_AHEAD_FRAMES = 16


class Prefetch:
    """Iterates over the frames of a pipe, reading ahead on a thread.

    Args:
        pipe: raw RGB bytes, frame after frame; closed by the thread at its end.
        shape: `(H, W, 3)` of one frame.
    """

    def __init__(self, pipe: IO[bytes], shape: tuple[int, int, int]) -> None:
        ahead = max(2, min(_AHEAD_FRAMES, _AHEAD_BYTES // int(np.prod(shape))))
        self._queue: queue.Queue[Frame | None] = queue.Queue(ahead)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=_pump, args=(pipe, shape, self._queue, self._stop), daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Frame]:
        while (frame := self._queue.get()) is not None:
            yield frame

    def close(self) -> None:
        """Let the thread end (its pipe must be at its end) and wait for it."""
        self._stop.set()
        while self._thread.is_alive():
            try:
                self._queue.get(timeout=0.05)  # makes room for a thread that is waiting to hand over
            except queue.Empty:
                continue


def _pump(
    pipe: IO[bytes], shape: tuple[int, int, int], frames: queue.Queue[Frame | None], stop: threading.Event
) -> None:
    with pipe:
        while not stop.is_set():
            frame = np.empty(shape, np.uint8)  # [H, W, 3]
            if not _fill(pipe, frame.data.cast("B")):
                break
            frames.put(frame)
    frames.put(None)


def _fill(pipe: Any, view: memoryview) -> bool:
    """Read until `view` is full; False when the pipe ends first."""
    done = 0
    while done < len(view):
        got = pipe.readinto(view[done:])
        if not got:
            return False
        done += got
    return True
