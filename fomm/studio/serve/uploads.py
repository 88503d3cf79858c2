"""How much visitors may store at once: a share for each address, and a bound for all of them together."""

from __future__ import annotations

import contextlib
import json
import threading
from collections import defaultdict
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException

from fomm.studio.serve.answers import RefusedError, address_of

PATH = "/gradio_api/upload"
_MOST_FILES = 2000
_SHARE = 4  # one address gets at most this part of the room
_FORM = 100_000  # bytes of a form around its files


class Uploads:
    """The room for uploads. Files that are gone count no more, so that nobody has to report them.

    Args:
        most_bytes: of all files together.
        largest: bytes of one file.
        most_files: of all visitors.
    """

    def __init__(self, most_bytes: int, largest: int, most_files: int = _MOST_FILES) -> None:
        self._bytes, self._files = most_bytes, most_files
        self._own_bytes, self._own_files = max(most_bytes // _SHARE, largest), max(most_files // _SHARE, 1)
        self._arriving: dict[str, int] = defaultdict(int)
        self._kept: dict[str, dict[Path, int]] = defaultdict(dict)
        self._guard = threading.Lock()

    def begin(self, owner: str, length: int) -> None:
        """Keep room for what begins to arrive; `end` or `drop` follows.

        Raises:
            RefusedError: there is none.
        """
        with self._guard:
            self._forget_gone()
            own = sum(self._kept.get(owner, {}).values()) + self._arriving.get(owner, 0)
            every = sum({path: size for kept in self._kept.values() for path, size in kept.items()}.values())
            every += sum(self._arriving.values())
            if own + length > self._own_bytes + _FORM or len(self._kept.get(owner, {})) >= self._own_files:
                raise RefusedError(413, "You have too much stored in this studio; close pages you no longer need.")
            if every + length > self._bytes + _FORM or len(self._paths()) >= self._files:
                raise RefusedError(507, "This studio has no room for more uploads; try again later.")
            self._arriving[owner] += length

    def end(self, owner: str, length: int, paths: list[Path]) -> bool:
        """Count the files that arrived instead; returns False if they were too many and are deleted again."""
        with self._guard:
            self._left(owner, length)
            kept = self._kept[owner]
            new = [path for path in paths if path not in self._paths()]
            for path in paths:
                with contextlib.suppress(OSError):
                    kept[path] = path.stat().st_size
            if len(kept) <= self._own_files and len(self._paths()) <= self._files:
                return True
            delete(new)
            self._forget_gone()
            return False

    def drop(self, owner: str, length: int) -> None:
        """Give back the room of what did not arrive."""
        with self._guard:
            self._left(owner, length)

    def _left(self, owner: str, length: int) -> None:
        self._arriving[owner] -= length
        if not self._arriving[owner]:
            del self._arriving[owner]

    def _paths(self) -> set[Path]:
        return set().union(*self._kept.values())

    def _forget_gone(self) -> None:
        for owner, kept in list(self._kept.items()):
            for path in list(kept):
                if not path.exists():
                    del kept[path]
            if not kept:
                del self._kept[owner]


class UploadDoor:
    """Wraps the server.

    Args:
        app: the server, an ASGI application.
        uploads: the room.
        folder: where the server puts uploads.
    """

    def __init__(self, app: Any, uploads: Uploads, folder: Path) -> None:
        self._app, self._uploads, self._folder = app, uploads, folder.resolve()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on; an upload only when there is room, and none that was cut off is kept."""
        if scope["fomm.path"].rstrip("/") != PATH:
            await self._app(scope, receive, send)
            return
        owner, length = address_of(scope), int(Headers(scope=scope).get("content-length", "0"))
        self._uploads.begin(owner, length)
        counted = False
        held: list[Any] = []

        async def whole() -> Any:
            message = await receive()
            if message["type"] == "http.disconnect" and not held:  # of which Gradio would leave what came so far
                raise MultiPartException("The upload was cut off.")
            return message

        async def counting(message: Any) -> None:
            nonlocal counted
            held.append(message)
            if message["type"] != "http.response.body" or message.get("more_body"):
                return
            paths = self._stored(b"".join(part.get("body", b"") for part in held))
            counted = True
            if not self._uploads.end(owner, length, paths):
                refused = RefusedError(413, "These are more files than one visitor may store.")
                await refused.answer(scope, receive, send)
                return
            for part in held:
                await send(part)

        try:
            await self._app(scope, whole, counting)
        finally:
            if not counted:
                self._uploads.drop(owner, length)

    def _stored(self, body: bytes) -> list[Path]:
        """Return the files that an answer names, below the folder of uploads."""
        with contextlib.suppress(ValueError):
            named = json.loads(body)
            paths = [Path(name).resolve() for name in named if isinstance(name, str)] if isinstance(named, list) else []
            return [path for path in paths if path.is_relative_to(self._folder)]
        return []


def delete(paths: list[Path]) -> None:
    """Delete uploads, and the folders that held one each."""
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()
            path.parent.rmdir()
