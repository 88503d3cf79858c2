"""A file that stays open from its first byte to its last, so that no other can take its place unseen.

A path says where a file lies, not which one it is: between two looks at it, another program may have put another file
there. So what is read back, signed and recorded is read through one descriptor, which leads to one file whatever
becomes of its name, and its state and content are compared with those that were looked at.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from io import BufferedRandom
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from fomm.errors import OutputError

_State = tuple[int, int, int, int, int]


class HeldFile:
    """A file on its way, open; a context manager that closes it and leaves it where it is.

    Args:
        path: where it lies.
        shown: the name it will have, for messages.
        new: whether it is made now, empty; otherwise it is there.

    Attributes:
        path: where it lies.
        shown: the name it will have.

    Raises:
        OutputError: it cannot be made or opened, or something is there already.
    """

    def __init__(self, path: Path, shown: Path, *, new: bool = True) -> None:
        self.path, self.shown = path, shown
        self._looked: tuple[_State, str] | None = None
        try:
            self._file: BinaryIO | None = path.open("x+b" if new else "r+b")
        except OSError as error:
            raise OutputError(f"{shown} cannot be written: {error.strerror}.") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; safe to call again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def open(self) -> BufferedRandom:
        """Return a stream of this very file, at its beginning, whatever its name leads to by now."""
        stream = os.fdopen(os.dup(self._descriptor), "r+b")
        stream.seek(0)
        return stream

    @property
    def through(self) -> Path:
        """A path to this very file for programs that take paths; its plain path where the system has no such."""
        through = Path(f"/proc/{os.getpid()}/fd/{self._descriptor}")
        with contextlib.suppress(OSError):
            if os.path.samestat(through.stat(), os.fstat(self._descriptor)):
                return through
        return self.path

    def look(self) -> str:
        """Take the file as it is now for the one that `check` compares with, and return its SHA-256.

        Raises:
            OutputError: another file lies in its place, or it cannot be read.
        """
        self._check_place()
        try:
            state = self._state()  # first, so that what is written while the content is read shows
            self._looked = state, self._digest()
        except OSError as error:
            raise OutputError(f"{self.shown} cannot be written: {error.strerror}.") from error
        return self._looked[1]

    def check(self) -> None:
        """Compare place, state and content with those of the last `look`.

        Raises:
            OutputError: another file lies in its place, or something was written into it.
        """
        self._check_place()
        try:
            same = self._looked == (self._state(), self._digest())
        except OSError as error:
            raise OutputError(f"{self.shown} cannot be written: {error.strerror}.") from error
        if not same:
            raise self._exchanged()

    def give_way(self, successor: HeldFile) -> None:
        """Become another held file, which was made of this one, and remove this one."""
        self.close()
        self.path.unlink(missing_ok=True)
        self.path, self._looked = successor.path, successor._looked
        self._file, successor._file = successor._file, None

    def sync(self) -> None:
        """Flush the content to the disk.

        Raises:
            OSError: the disk fails.
        """
        os.fsync(self._descriptor)

    @property
    def _descriptor(self) -> int:
        if self._file is None:
            raise ValueError("the held file is closed")
        return self._file.fileno()

    def _state(self) -> _State:
        status = os.fstat(self._descriptor)
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns

    def _digest(self) -> str:
        with self.open() as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def _check_place(self) -> None:
        try:
            same = os.path.samestat(os.lstat(self.path), os.fstat(self._descriptor))
        except FileNotFoundError:
            same = False
        if not same:
            raise self._exchanged()

    def _exchanged(self) -> OutputError:
        return OutputError(
            f"Another program changed the unfinished file of {self.shown}, so nothing is released; choose a folder "
            "that nobody else writes to."
        )
