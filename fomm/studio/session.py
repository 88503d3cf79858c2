"""What one visitor has in the studio: a private temp folder, what was computed for them, and a running render.

Everything of a session is deleted when its page is closed or reloaded; sessions of programs, which close no page, end
when they have been idle for long.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from fomm.errors import FommError
from fomm.studio.serve.store import Store

T = TypeVar("T")
_KEPT = 6  # results a session remembers: a photo, a clip and their last variants
_PATIENCE = 10.0  # seconds that a closing session waits for what it stopped


class SessionEndedError(FommError):
    """The visitor has left, or was idle for too long."""

    def __init__(self) -> None:
        super().__init__("This session has ended; reload the page.")


class Running(Protocol):
    """Something that computes for a session."""

    def stop(self) -> None:
        """Ask it to end soon."""

    def join(self, timeout: float) -> None:
        """Wait until it has ended, for so many seconds at most."""


class Session:
    """One visitor's state.

    Args:
        folder: a fresh folder, removed with the session.

    Attributes:
        motions: motion tracks it saved, in its folder.
        uploads: files of this session outside its folder, removed with it unless another session has the same file.
        works: what computes for it.
        farewells: called when the session ends.
        ended: whether it has.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.motions: list[Path] = []
        self.uploads: set[Path] = set()
        self.works: set[Running] = set()
        self.farewells: set[Callable[[], None]] = set()
        self.ended = False
        self.used = time.monotonic()
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._guard = threading.RLock()

    def remember(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` gave for `key` before, or make it now; the oldest results are forgotten."""
        with self._guard:
            if key not in self._kept:
                self._kept[key] = make()
            self._kept.move_to_end(key)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            found: T = self._kept[key]
            return found

    def new_path(self, name: str) -> Path:
        """Return a path of that file name in a fresh folder of the session.

        Raises:
            SessionEndedError: its folder is gone.
        """
        folder = self.folder / secrets.token_hex(8)
        try:
            folder.mkdir()
        except FileNotFoundError:
            raise SessionEndedError from None
        return folder / name

    def begin(self, work: Running) -> None:
        """Note that something computes for this session; `works` has it until it takes itself out.

        Raises:
            SessionEndedError: nobody waits for it any more.
        """
        with self._guard:
            if self.ended:
                raise SessionEndedError
            self.works.add(work)

    def stop(self) -> None:
        """Ask everything that computes for this session to end soon."""
        for work in list(self.works):
            work.stop()

    def close(self) -> None:
        """Stop what is running and remove the folder."""
        with self._guard:
            self.ended = True
        self.stop()
        for farewell in list(self.farewells):
            farewell()
        for work in list(self.works):
            work.join(_PATIENCE)
        self._kept.clear()
        shutil.rmtree(self.folder, ignore_errors=True)


class Sessions:
    """All sessions of one server, by the key that the browser got.

    Args:
        idle_seconds: sessions unused for longer are ended.

    Attributes:
        folders: holds a folder per session.
        uploads: where the web server puts what visitors upload.
        store: the private folder that holds both.
    """

    def __init__(self, idle_seconds: float = 3600.0) -> None:
        self.store = Store()
        self.folders, self.uploads = self.store.sessions, self.store.uploads
        self._idle = idle_seconds
        self._sessions: dict[str, Session] = {}
        self._guard = threading.Lock()

    def __len__(self) -> int:
        return len(self._sessions)

    def get(self, key: str) -> Session:
        """Return the session of that key, made on first use."""
        self.end_idle()
        with self._guard:
            session = self._sessions.get(key)
            if session is None:
                folder = self.folders / secrets.token_hex(16)  # not to be guessed: files in it can be fetched by path
                folder.mkdir()
                session = self._sessions[key] = Session(folder)
            session.used = time.monotonic()
            return session

    def close(self, key: str) -> None:
        """End one session; an unknown key is one that ended already."""
        with self._guard:
            session = self._sessions.pop(key, None)
            if session is None:
                return
            shared = set().union(*(other.uploads for other in self._sessions.values()))
        session.close()
        for path in session.uploads - shared:
            with contextlib.suppress(OSError):
                path.unlink()
                path.parent.rmdir()

    def close_all(self) -> None:
        """End every session and remove the folder that held them."""
        for key in list(self._sessions):
            self.close(key)
        self.store.remove()

    def end_idle(self) -> int:
        """End the sessions that nobody used for long, and return how many they were."""
        now = time.monotonic()
        with self._guard:
            idle = [k for k, s in self._sessions.items() if now - s.used > self._idle and not s.works]
        for key in idle:
            self.close(key)
        return len(idle)
