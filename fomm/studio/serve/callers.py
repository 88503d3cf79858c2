"""A session for callers of plain HTTP: Gradio gives each of their calls one of its own, so none could stop another.

A caller says who they are with the cookie that the first answer sets, or with a header of their own choice. Browsers
and `gradio_client` have a session already and get no cookie.
"""

from __future__ import annotations

import re
import secrets
from http.cookies import SimpleCookie
from typing import Any

from starlette.datastructures import Headers, MutableHeaders

HEADER = "x-fomm-session"
COOKIE = "fomm-session"
_CALL = re.compile(r"/gradio_api/call/(?:v2/)?[^/]+/?")
_KEY = re.compile(r"[\w.-]{16,128}", re.ASCII)


def caller_of(request: Any) -> str | None:
    """Return the key under which a call of plain HTTP finds its session, None where it came another way."""
    key = getattr(request, "headers", {}).get(HEADER, "")
    return f"http-{key}" if _KEY.fullmatch(key) else None


class CallerDoor:
    """Wraps the server: each plain call reaches it with a key in the header, given or new; others reach it without.

    Args:
        app: the server, an ASGI application.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on."""
        headers = Headers(scope=scope)
        given = headers.get(HEADER, "")
        scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0].lower() != HEADER.encode()]}
        if scope["method"] != "POST" or not _CALL.fullmatch(scope["fomm.path"]):
            await self._app(scope, receive, send)
            return
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        key = given if _KEY.fullmatch(given) else cookie.value if cookie and _KEY.fullmatch(cookie.value) else ""
        new = not key
        key = key or secrets.token_urlsafe(32)
        scope["headers"].append((HEADER.encode(), key.encode()))

        async def telling(message: Any) -> None:
            if message["type"] == "http.response.start" and new:
                MutableHeaders(scope=message).append("set-cookie", f"{COOKIE}={key}; Path=/; HttpOnly; SameSite=Strict")
            await send(message)

        await self._app(scope, receive, telling)
