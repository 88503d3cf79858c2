"""Callers of plain HTTP have one session for all their calls, so that one call can stop another."""

import httpx
import pytest

SETTINGS = {"encode": {"preset": "ultrafast"}}


def upload(http, path):
    with path.open("rb") as file:
        (there,) = http.post("/gradio_api/upload", files={"files": (path.name, file)}).json()
    return {"path": there, "meta": {"_type": "gradio.FileData"}}


def call(http, name, *data, **options):
    begun = http.post(f"/gradio_api/call/{name}", json={"data": data}, **options).json()["event_id"]
    return http.get(f"/gradio_api/call/{name}/{begun}").text


@pytest.mark.parametrize("way", ["cookie", "header"])
def test_a_plain_call_can_stop_another_of_the_same_caller(http, address, portrait_photo, talk, slow_frames, way):
    own = {"headers": {"X-Fomm-Session": f"my-own-session-{way}"}} if way == "header" else {}
    photo, clip = upload(http, portrait_photo), upload(http, talk)
    begun = http.post("/gradio_api/call/animate", json={"data": [photo, clip, SETTINGS]}, **own).json()["event_id"]
    with http.stream("GET", f"/gradio_api/call/animate/{begun}") as running:
        lines = running.iter_lines()
        assert any("progress" in line for line in lines)
        with httpx.Client(base_url=address, timeout=60) as stranger:
            assert "[false]" in call(stranger, "stop")
        if way == "header":
            http.cookies.clear()
        assert "[true]" in call(http, "stop", **own)
        assert any("event: error" in line for line in lines)


def test_the_key_is_long_hidden_from_scripts_and_of_this_site_only(http):
    cookie = http.post("/gradio_api/call/stop", json={"data": []}).headers["set-cookie"]
    assert len(cookie.partition("=")[2].partition(";")[0]) >= 32
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "set-cookie" not in http.post("/gradio_api/call/stop", json={"data": []}).headers


def test_browsers_and_their_clients_get_no_key(http):
    assert "set-cookie" not in http.get("/").headers
    body = {"data": [], "session_hash": "page", "fn_index": 0}
    assert "set-cookie" not in http.post("/gradio_api/queue/join", json=body).headers
