"""Small files that are either wholly there or not there: atomic write, claim without overwriting, flush to disk."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from pathlib import Path


def write_whole(path: Path, data: bytes, *, mode: int = 0o600, replace: bool = True) -> None:
    """Write `data` so that a reader or a crash sees the old file or the whole new one, never a part.

    Args:
        path: where the file goes; its folder must exist.
        data: the whole content.
        mode: permission bits, applied before the first byte is written.
        replace: overwrite what is there; otherwise an existing file stays.

    Raises:
        FileExistsError: something is at `path` and `replace` is false.
        OSError: the folder is missing, not writable or full.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.new")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        move(temporary, path, replace=replace)
    finally:
        temporary.unlink(missing_ok=True)


def move(temporary: Path, path: Path, *, replace: bool) -> None:
    """Give a finished file its final name on the same file system, in one step.

    Without `replace` the name is claimed by a hard link, which fails when anything is there, even a dangling link.
    Where the file system has no hard links an empty file claims the name first.

    Raises:
        FileExistsError: something is at `path` and `replace` is false.
        OSError: the folder is not writable.
    """
    if replace:
        os.replace(temporary, path)
    else:
        try:
            os.link(temporary, path)
        except FileExistsError:
            raise
        except OSError:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            try:
                os.replace(temporary, path)
            except OSError:
                path.unlink()
                raise
        else:
            temporary.unlink()
    sync_directory(path.parent)


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's content as 64 hex digits.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sync_directory(directory: Path) -> None:
    """Flush a folder's names to the disk where the system can (Windows and some network shares cannot)."""
    with contextlib.suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
