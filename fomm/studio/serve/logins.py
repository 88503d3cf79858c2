"""Passwords cannot be guessed in bulk: after a few wrong ones an address has to wait, longer each time."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from fomm.studio.serve.answers import RefusedError, address_of

_FREE = 5  # wrong logins in a row before the first wait
_LONGEST = 300.0  # seconds
_FORGOTTEN = 3600.0  # seconds without a wrong login
_REMEMBERED = 10_000  # addresses
_ALL_FREE, _ALL_SECONDS = 60, 1.0  # wrong logins of all addresses: so many at once, then one in so many seconds


class Logins:
    """Wrong logins of each address, and of all together.

    A login counts as wrong until it turns out to be right, so asking many times at once gains nothing.

    Args:
        clock: tells seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()  # how many, and when the last was
        self._all, self._all_since = 0.0, clock()
        self._guard = threading.Lock()

    def begin(self, address: str) -> None:
        """Count a login.

        Raises:
            RefusedError: the address has to wait.
        """
        with self._guard:
            now = self._clock()
            count, last = self._wrong.get(address, (0, now))
            if now - last > _FORGOTTEN:
                count = 0
            wait = last + min(2.0 ** (count - _FREE), _LONGEST) - now if count >= _FREE else 0.0
            self._all = max(self._all - (now - self._all_since) / _ALL_SECONDS, 0.0)
            self._all_since = now
            if self._all >= _ALL_FREE:
                wait = max(wait, _ALL_SECONDS)
            if wait > 0:
                seconds = math.ceil(wait)
                raise RefusedError(
                    429, f"Too many wrong logins; try again in {seconds} s.", {"Retry-After": str(seconds)}
                )
            self._all += 1
            self._wrong[address] = (count + 1, now)
            self._wrong.move_to_end(address)
            while len(self._wrong) > _REMEMBERED:
                self._wrong.popitem(last=False)

    def right(self, address: str) -> None:
        """Forget the wrong logins of an address that logged in."""
        with self._guard:
            self._wrong.pop(address, None)
            self._all = max(self._all - 1, 0.0)


class LoginDoor:
    """Wraps the server.

    Args:
        app: the server, an ASGI application.
        logins: what went wrong before.
    """

    def __init__(self, app: Any, logins: Logins) -> None:
        self._app, self._logins = app, logins

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on; a login only when its address need not wait."""
        if scope["fomm.path"].rstrip("/") != "/login":
            await self._app(scope, receive, send)
            return
        address = address_of(scope)
        self._logins.begin(address)

        async def watched(message: Any) -> None:
            if message["type"] == "http.response.start" and message["status"] < 400:
                self._logins.right(address)
            await send(message)

        await self._app(scope, receive, watched)
