"""Browsers are told to keep nothing that is a visitor's: no photo, clip or result stays in their cache on disk."""

from __future__ import annotations

from typing import Any

_OURS = ("/gradio_api/", "/live/")


class Unkept:
    """Wraps the server: every answer below the API's paths says `no-store`; the page's own scripts may be kept.

    Args:
        app: the server, an ASGI application.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on."""
        if scope["type"] != "http" or not any(part in scope["path"] for part in _OURS):
            await self._app(scope, receive, send)
            return

        async def unkept(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = [pair for pair in message.get("headers", ()) if pair[0].lower() != b"cache-control"]
                message = {**message, "headers": [*headers, (b"cache-control", b"no-store")]}
            await send(message)

        await self._app(scope, receive, unkept)
