"""The private folder of a studio: everything it stores for visitors lies in it, and goes with the studio.

The folder's name carries the mark of the process that made it, so it is never without an owner. What a studio leaves
that was killed is swept by the next one that starts, of the same user.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from pathlib import Path

from fomm.trust.keys.process import ProcessMark

_PREFIX = "fomm-studio-"


class Store:
    """A fresh folder that only this user may enter; making one sweeps what killed studios left.

    Attributes:
        sessions: holds a folder per session.
        uploads: where the web server puts what visitors upload.
        scratch: for libraries that want a temporary folder.
    """

    def __init__(self) -> None:
        sweep()
        self._root = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{ProcessMark.current()}-"))  # 0700
        self.sessions, self.uploads, self.scratch = (self._root / n for n in ("sessions", "uploads", "scratch"))
        for folder in (self.sessions, self.uploads, self.scratch):
            folder.mkdir(mode=0o700)

    def keep(self) -> None:
        """Say that it is in use, to studios on other machines that see the folder but not the process."""
        os.utime(self._root)

    def remove(self) -> None:
        """Delete the folder with all that is in it."""
        shutil.rmtree(self._root, ignore_errors=True)


def sweep() -> int:
    """Delete the folders of this user's studios that run no more, and return how many they were."""
    swept = 0
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            found = folder.lstat()
        except OSError:  # another studio was faster
            continue
        if not stat.S_ISDIR(found.st_mode) or (hasattr(os, "getuid") and found.st_uid != os.getuid()):
            continue
        owner = ProcessMark.parse(folder.name.removeprefix(_PREFIX).rpartition("-")[0])
        if owner.gone(time.time() - found.st_mtime):
            shutil.rmtree(folder, ignore_errors=True)
            swept += 1
    return swept
