"""Which addresses the studio has, who may ask for them, and how much they may send.

Gradio comes with more than the studio needs: links that store a visitor's inputs, screen recordings, a proxy, an
editor. What is not listed here does not exist.
"""

from __future__ import annotations

import re
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from fomm.studio.serve.answers import RefusedError
from fomm.studio.serve.uploads import PATH as UPLOAD

MOST_BODY = 1_000_000
"""Bytes of a request that is no upload."""

# The page without its content, which asks for a login, and what it is made of.
PUBLIC = re.compile(
    r"/|/login/?|/logout|/health|/(?:assets|static|svelte)/.*|(?:/gradio_api)?/theme\.css|/favicon\.ico|/manifest\.json"
    r"|/robots\.txt|/gradio_api/(?:startup-events|login_check/?)"
)
VISITORS = re.compile(
    r"/config/?|/live/frame|/gradio_api/(?:info/?|openapi\.json|app_id/?|user/?|upload|upload_progress|reset/?|cancel"
    r"|queue/(?:join|data|status)|heartbeat/[^/]+|run/[^/]+/?|call/(?:v2/)?[^/]+(?:/[^/]*)?|file=(?!https?:).+)",
    re.IGNORECASE,
)


def logged_in(connection: HTTPConnection) -> bool:
    """Say whether Gradio's own login lets this visitor in."""
    app = connection.app
    if app.auth is None and app.auth_dependency is None:
        return True
    names = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")
    return any(connection.cookies.get(name) in app.tokens for name in names)


class RouteDoor:
    """Wraps the server.

    Args:
        app: the server, an ASGI application.
        largest: bytes of an upload.
    """

    def __init__(self, app: Any, largest: int) -> None:
        self._app, self._largest = app, largest

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on.

        Raises:
            RefusedError: there is no such address, it needs a login, or too much comes with it.
        """
        path = scope["fomm.path"]
        if not PUBLIC.fullmatch(path):
            if not VISITORS.fullmatch(path):
                raise RefusedError(404, "There is nothing at this address.")
            if not logged_in(HTTPConnection(scope)):
                raise RefusedError(401, "Log in first.")
        self._check_length(Headers(scope=scope), path)
        await self._app(scope, receive, send)

    def _check_length(self, headers: Headers, path: str) -> None:
        """Refuse bodies that are too long before they are read; no more than their stated length is read."""
        if "transfer-encoding" in headers:
            raise RefusedError(411, "Say how long the request is (Content-Length).")
        most = self._largest if path.rstrip("/") == UPLOAD else MOST_BODY
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > most:
            raise RefusedError(413, f"This takes up to {most / 1e6:g} MB.")
