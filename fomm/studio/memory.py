"""Memory goes back to the system when visitors leave.

glibc gives every thread a heap of its own, and each keeps what its largest render needed: after a few visitors the
studio held twice what it uses. One heap for all costs nothing measurable here, as large tensors are what is allocated,
and what is free at its end is handed back when asked. Other C libraries need neither and are left alone.
"""

from __future__ import annotations

import ctypes
import gc
import platform

_ARENA_MAX = -8  # M_ARENA_MAX of mallopt(3)


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
