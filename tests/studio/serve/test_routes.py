"""Which addresses there are: with a login on, each asks for it unless it is listed here; and how much each takes."""

import re
import socket

import pytest

# What a visitor may see before they log in: the page without its content, and what it is made of.
PUBLIC = {
    "/", "/login", "/login/", "/logout", "/health", "/assets/{path:path}", "/static/{path:path}",
    "/svelte/{path:path}", "/theme.css", "/gradio_api/theme.css", "/favicon.ico", "/manifest.json", "/robots.txt",
    "/gradio_api/startup-events",
}  # fmt: skip
# What Gradio has and the studio does not need.
CLOSED = [
    "/gradio_api/deep_link?session_hash=a", "/gradio_api/proxy=https://example.org/", "/gradio_api/token",
    "/gradio_api/file=https://example.org/", "/gradio_api/runs", "/gradio_api/dev/reload", "/monitoring",
    "/gradio_api/stream/a/b/1/playlist.m3u8", "/gradio_api/custom_component/a/client/b/c", "/pwa_icon",
    "/gradio_api/vibe-code",
]  # fmt: skip


def routes(app):
    """Every route of an application, as method and path with its blanks filled in."""
    found = []
    for route in app.routes:
        inner = getattr(getattr(route, "original_router", None), "routes", [route])
        for each in inner:
            path = getattr(each, "path", "")
            found += [(method, path) for method in sorted(getattr(each, "methods", None) or ())]
    return found


def test_with_a_login_on_every_route_asks_for_it_unless_it_is_listed(locked):
    found = routes(locked.app)
    assert len(found) > 60
    assert {path for _, path in found} >= PUBLIC | {"/gradio_api/cancel", "/gradio_api/heartbeat/{session_hash}"}
    open_to_all = []
    for method, path in found:
        filled = re.sub(r"\{[^}]*\}", "1", path)
        with locked.stream(method, filled) as answer:
            if answer.status_code not in (401, 403, 404):
                open_to_all.append(path)
    assert set(open_to_all) <= PUBLIC


def test_what_is_listed_as_open_shows_no_content(locked):
    page = locked.get("/")
    assert '"auth_required":true' in page.text
    assert "fomm studio" not in page.text


def test_heartbeat_and_cancel_are_no_strangers_business(locked):
    assert locked.get("/gradio_api/heartbeat/anybody").status_code == 401
    body = {"session_hash": "anybody", "fn_index": 0, "event_id": "1"}
    assert locked.post("/gradio_api/cancel", json=body).status_code == 401
    assert locked.post("/live/frame").status_code == 401


@pytest.mark.parametrize("path", CLOSED)
def test_what_the_studio_does_not_need_does_not_exist(http, path):
    assert http.get(path).status_code == 404


def test_no_link_keeps_what_a_visitor_put_in(http, studio, portrait_photo):
    (path,) = http.post("/gradio_api/upload", files={"files": portrait_photo.read_bytes()}).json()
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    begun = http.post("/gradio_api/call/verify", json={"data": [file], "session_hash": "linked"}).json()
    assert "complete" in http.get(f"/gradio_api/call/verify/{begun['event_id']}").text
    assert http.get("/gradio_api/deep_link", params={"session_hash": "linked"}).status_code == 404
    assert not list(studio.sessions.uploads.parent.rglob("state.json"))


def test_a_body_that_is_no_upload_is_bounded(http):
    small, large = ({"data": ["x" * size]} for size in (900_000, 1_000_001))
    assert http.post("/gradio_api/call/verify", json=small).status_code == 200
    for path in (
        "/gradio_api/call/verify",
        "/gradio_api/run/verify",
        "/gradio_api/queue/join",
        "/live/frame",
        "/login",
    ):
        assert http.post(path, json=large).status_code == 413


def test_a_body_that_does_not_say_how_long_it_is_is_refused(http):
    assert http.post("/gradio_api/upload", content=iter([b"x"])).status_code == 411
    assert http.post("/gradio_api/call/verify", content=iter([b"x"])).status_code == 411


def test_a_websocket_finds_nothing(http):
    url = http.base_url
    with socket.create_connection((url.host, url.port), timeout=30) as plain:
        plain.sendall(
            f"GET /queue/join HTTP/1.1\r\nHost: {url.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        assert b" 101 " not in plain.recv(1000).split(b"\r\n")[0]
