"""The doors of the studio, from outside in: whom the request is for, which page sent it, then the other doors.

A page of another site that gets the browser to ask here (by a name that it points at this machine, or across origins)
is refused before anything is read. Every answer tells the browser to let the page load and send nothing elsewhere, and
to show it in no frame.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import ipaddress
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from starlette._utils import get_route_path  # so that doors and routes never disagree about a path
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.trustedhost import TrustedHostMiddleware

from fomm.studio.serve.answers import RefusedError

_LOCAL = ("localhost", "127.0.0.1", "[::1]")
ANY_HOST = ("0.0.0.0", "::", "[::]", "")  # noqa: S104 - compared with, not listened on
_SHARED = "*.gradio.live"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# Gradio compiles the page's own small functions ('unsafe-eval'), loads modules that it put together itself (blob:) and
# sets styles on elements ('unsafe-inline').
_PAGE = (
    "default-src 'self'; script-src 'self' blob: 'unsafe-eval' 'nonce-{nonce}'{hashes}; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self' data: blob:; "
    "worker-src 'self' blob:; object-src 'none'; frame-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_FILE = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
)


def known_hosts(host: str, names: Sequence[str], root_path: str, *, share: bool) -> list[str]:
    """Return the names under which the studio may be asked for.

    Args:
        host: address it listens on.
        names: further ones, from whoever runs it.
        root_path: may be the full address of a reverse proxy.
        share: whether there is a public link.
    """
    bound = f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host
    hosts = [*_LOCAL, bound, *(_host_of(name) for name in names)]
    if urlsplit(root_path).hostname:
        hosts.append(str(urlsplit(root_path).hostname))
    if host in ANY_HOST:
        hosts += [socket.gethostname(), f"{socket.gethostname()}.local"]
    return [*(name for name in hosts if name), *([_SHARED] if share else [])]


class Doors:
    """Wraps the server.

    Args:
        app: the server, an ASGI application.
        hosts: the names under which it may be asked for; see `known_hosts`.
        origins: `host` or `host:port` of pages that a reverse proxy shows, where it does not pass their host on.
        any_address: whether it may be asked for under any numeric address; nobody can point those elsewhere.
        proxied: whether a reverse proxy stands before it, whose word on the host is taken (`X-Forwarded-Host`).
        scripts: inline scripts that the page may run beside its own.
    """

    def __init__(
        self, app: Any, hosts: Sequence[str], origins: Sequence[str] = (), *, any_address: bool = False,
        proxied: bool = False, scripts: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self._app = app
        self._named = TrustedHostMiddleware(self._known, hosts, www_redirect=False)
        self._origins = {origin.lower() for origin in origins}
        self._any_address, self._proxied = any_address, proxied
        self._hashes = "".join(f" 'sha256-{_digest(script)}'" for script in scripts)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Let a request in or refuse it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008})  # the studio has none
            return
        nonce = secrets.token_urlsafe(16)
        scope = {**scope, "fomm.path": get_route_path(scope) or "/", "fomm.nonce": nonce}
        policy = _FILE if scope["fomm.path"].startswith("/gradio_api/file") else _PAGE.format(
            nonce=nonce, hashes=self._hashes
        )  # fmt: skip
        begun = False

        async def guarded(message: Any) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                headers.update({**_HEADERS, "Content-Security-Policy": policy})
            await send(message)

        try:
            if self._any_address and _is_address(Headers(scope=scope).get("host", "")):
                await self._known(scope, receive, guarded)
            else:
                await self._named(scope, receive, guarded)
        except RefusedError as refused:
            if begun:
                raise
            await refused.answer(scope, receive, guarded)

    async def _known(self, scope: Any, receive: Any, send: Any) -> None:
        """Go on with a request for this studio, if one of its own pages or a program sent it."""
        if not self._from_here(scope):
            raise RefusedError(403, "This studio answers its own pages and programs only.")
        headers = [pair for pair in scope["headers"] if pair[0].lower() != b"origin"]  # Gradio would admit others
        await self._app({**scope, "headers": headers}, receive, send)

    def _from_here(self, scope: Any) -> bool:
        headers = Headers(scope=scope)
        site = headers.get("sec-fetch-site")  # which no page can set
        if site is not None:
            opened = scope["method"] in ("GET", "HEAD") and headers.get("sec-fetch-mode") == "navigate"
            return site in ("same-origin", "none") or (opened and scope["fomm.path"] == "/")
        origin = headers.get("origin")
        if origin is None:
            return True
        forwarded = headers.get("x-forwarded-host", "") if self._proxied else ""
        hosts = {headers.get("host", "").lower(), forwarded.lower(), *self._origins} - {""}
        return urlsplit(origin).netloc.lower() in hosts


class Page:
    """Innermost: marks the page's own scripts, and serves nobody who came around the doors.

    Args:
        app: the server, an ASGI application.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on."""
        if scope["type"] == "http" and "fomm.nonce" not in scope:
            raise RuntimeError("The studio's doors are missing.")
        if scope["type"] != "http" or scope["fomm.path"] != "/":
            await self._app(scope, receive, send)
            return
        start: Any = None
        body = bytearray()

        async def marked(message: Any) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            body.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            page = bytes(body).replace(b"<script", f'<script nonce="{scope["fomm.nonce"]}"'.encode())
            if body:
                MutableHeaders(scope=start)["content-length"] = str(len(page))
            await send(start)
            await send({"type": "http.response.body", "body": page})

        await self._app(scope, receive, marked)


def hung(doors: Callable[[Any], Any]) -> Callable[[Any], contextlib.AbstractAsyncContextManager[None]]:
    """Return a lifespan that puts doors before everything a server has, Gradio's own middleware included.

    Args:
        doors: wraps an ASGI application.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        app.middleware_stack = doors(app.middleware_stack)
        yield

    return lifespan


def _host_of(name: str) -> str:
    """Return a name without its port."""
    return str(urlsplit(f"//{name}").hostname or name)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(_host_of(host))
    except ValueError:
        return False
    return True


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
