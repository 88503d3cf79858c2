"""Decoded frames on disk: people's pictures, so only their user may read them, and they go when the run ends.

A run's own cache lies in `RUN/cache/MARK`, where the mark names its process. It is removed when the run ends, however
it ends; what a killed run left is swept at the next start. Only a folder that the user names is kept.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from fomm.errors import OutputError
from fomm.training.loop.workers import Workers
from fomm.trust.keys.process import ProcessMark
from fomm.trust.release.delivery import terminate_by_exception

# A process's mark; before releases had any, the name of a data set.
_OWNED = re.compile(r"[0-9a-f]+-[0-9a-f]+-[0-9]+-[0-9]+")
_ORPHANED = re.compile(r"[0-9a-f]{16}")


def private_folder(folder: Path) -> Path:
    """Make a folder that only its user may look into, or make an existing one so.

    Raises:
        OutputError: it cannot be made, or belongs to somebody else.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise OutputError(f"The folder for decoded frames '{folder}' cannot be made private: {error}.") from error
    return folder


def private_file(path: Path) -> Path:
    """Make an empty file that only its user may read, in place of one that is there.

    Raises:
        OutputError: the folder cannot be written.
    """
    try:
        path.unlink(missing_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise OutputError(f"The decoded frames '{path}' cannot be written: {error.strerror}.") from error
    return path


@contextlib.contextmanager
def decoded_frames(run: Path, kept: Path | None, workers: Workers) -> Iterator[Path]:
    """Lend the folder for decoded frames that all processes of a run share.

    Args:
        run: the run's folder.
        kept: folder whose frames stay for later runs; None: one inside `run` that goes when the block ends.
        workers: the processes; the first one removes the folder.

    The folder is made by who writes to it.
    """
    if kept is not None:
        yield kept
        return
    folder = run / "cache" / workers.share(str(ProcessMark.current()))
    with terminate_by_exception():
        try:
            if workers.is_first:
                sweep(folder.parent)
            yield folder
        finally:
            if workers.is_first:
                shutil.rmtree(folder, ignore_errors=True)
                with contextlib.suppress(OSError):
                    folder.parent.rmdir()  # unless another run's cache is in it


def sweep(caches: Path) -> None:
    """Remove the caches of processes that are gone; errors are left for the next time."""
    with contextlib.suppress(OSError):
        for entry in caches.iterdir():
            age = time.time() - entry.lstat().st_mtime
            owned = _OWNED.fullmatch(entry.name)
            if (owned and ProcessMark.parse(entry.name).gone(age)) or _ORPHANED.fullmatch(entry.name):
                shutil.rmtree(entry, ignore_errors=True)
