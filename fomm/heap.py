"""What becomes of memory that is free again: glibc's heaps, and when they hand it back to the system.

- Tensors of a frame take a megabyte or two and live for milliseconds. glibc hands what such ones leave back to the
  system each time, which has to clear the same pages for the next: a tenth to a fifth of a frame's time went there.
  Told to keep some of it, a heap serves them all. The variables of glibc itself, if they are set, stay in force.
- glibc gives every thread a heap of its own, and each keeps what its largest render needed: after a few visitors the
  studio held twice what it uses. One heap for all costs nothing measurable, and what is free is handed back when asked.

Other C libraries need none of this and are left alone.
"""

from __future__ import annotations

import ctypes
import gc
import os
import platform

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # parameters of mallopt(3)
_KEPT = 256 << 20  # bytes that are free at the end of a heap before any are handed back
_LARGEST = 32 << 20  # bytes of the largest block that comes from a heap, the most that glibc allows
_CHOSEN = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")


def keep_freed_memory() -> None:
    """Let heaps keep what they need again at once, in this process."""
    library = _glibc()
    if library is not None and not any(name in os.environ for name in _CHOSEN):
        library.mallopt(_MMAP_THRESHOLD, _LARGEST)
        library.mallopt(_TRIM_THRESHOLD, _KEPT)


def share_one_heap() -> None:
    """Let all threads that begin from now on use the same heap."""
    library = _glibc()
    if library is not None:
        library.mallopt(_ARENA_MAX, 1)


def give_back() -> None:
    """Hand what is free back to the system."""
    gc.collect()
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
