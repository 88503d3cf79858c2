"""Getting a finished file to its place: what may be overwritten, where it grows, and how leftovers are swept.

A file grows in a hidden folder of its own beside its destination, which only its user can enter, and whose name nobody
can foretell and carries the mark of the process that writes it. When that process is gone the next release removes it.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType

from fomm.errors import OutputError
from fomm.trust.keys.process import ProcessMark

_PARTIAL = re.compile(r"\.fomm-([0-9a-f]+-[0-9a-f]+-[0-9]+-[0-9]+)-[0-9a-f]{8,32}\.part(\.[A-Za-z0-9]+){0,2}")
_LONGEST_NAME = 255  # bytes, on every file system in common use
_TERMINATED = 128 + signal.SIGTERM


def check_destination(output: Path, inputs: Iterable[Path], *, force: bool) -> Path:
    """Check, before any work is done, that a file may be written, and return its path with the folder resolved.

    Args:
        output: where the file shall go.
        inputs: files that the render reads; none of them is ever overwritten.
        force: whether an existing file may be replaced.

    Raises:
        OutputError: a folder, an input, taken, or in a folder that is missing or not writable.
    """
    if "\0" in str(output) or output.name in ("", "..") or len(os.fsencode(output.name)) > _LONGEST_NAME:
        raise OutputError(f"{str(output)!r:.120} is not a file name; choose another one.")
    if output.is_dir():
        raise OutputError(f"{output} is a folder; name a file in it, such as {output / 'result.mp4'}.")
    if not output.parent.is_dir():
        raise OutputError(f"The folder {output.parent} does not exist; make it first.")
    if not os.access(output.parent, os.W_OK | os.X_OK):
        raise OutputError(f"The folder {output.parent} is not writable; choose another one.")
    if output.exists():
        if not output.is_file():
            raise OutputError(f"{output} is not a plain file; choose another name.")
        if any(path.exists() and output.samefile(path) for path in inputs):
            raise OutputError(f"{output} is one of the inputs; choose another name for the result.")
    if os.path.lexists(output) and not force:
        raise already_there(output)
    return output.parent.resolve() / output.name


def already_there(output: Path) -> OutputError:
    """Return the error for a name that is taken."""
    return OutputError(f"{output} exists already; choose another name or allow overwriting (--force).")


@contextlib.contextmanager
def private_folder(target: Path) -> Iterator[Path]:
    """Lend a fresh hidden folder beside `target`, marked as this process's, and remove it with all that is left in it.

    It lies on the file system of `target`, so that a finished file gets its name in one step.

    Raises:
        OutputError: it cannot be made.
    """
    folder = target.with_name(f".fomm-{ProcessMark.current()}-{secrets.token_hex(16)}.part")
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror}.") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(folder: Path) -> int:
    """Remove unfinished files of processes that are gone and return how many; errors are left for the next time."""
    removed = 0
    with contextlib.suppress(OSError):
        for entry in folder.iterdir():
            match = _PARTIAL.fullmatch(entry.name)
            with contextlib.suppress(OSError):
                if match and ProcessMark.parse(match[1]).gone(time.time() - _touched(entry)):
                    shutil.rmtree(entry) if _is_folder(entry) else entry.unlink()
                    removed += 1
    return removed


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _touched(path: Path) -> float:
    """Return when a file, or anything in a folder, was last written, in seconds since the epoch."""
    inside = [entry.lstat().st_mtime for entry in path.iterdir()] if _is_folder(path) else []
    return max([path.lstat().st_mtime, *inside])


@contextlib.contextmanager
def terminate_by_exception() -> Iterator[None]:
    """Turn SIGTERM into an exception inside the block, so that clean-up runs.

    Only in the main thread, and only where nobody else handles the signal.
    """

    def stop(signum: int, frame: FrameType | None) -> None:
        raise SystemExit(_TERMINATED)

    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
