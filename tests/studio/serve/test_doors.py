"""Whom the studio answers: its own pages and programs, under its own names; and what it tells browsers."""

import re

import httpx
import pytest
from starlette.testclient import TestClient

from fomm.studio.app import Serving


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:7860", ""])
def test_a_name_that_somebody_pointed_here_is_refused(http, host):
    for path in ("/", "/config", "/health", "/gradio_api/info"):
        assert http.get(path, headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "LOCALHOST:7860", "[::1]:7860"])
def test_this_machines_own_names_are_answered(http, host):
    assert http.get("/config", headers={"Host": host}).status_code == 200


def test_names_that_the_operator_gives_are_answered(serve):
    studio = serve(Serving(port=0, hosts=("studio.example",), root_path="https://proxy.example/studio"))
    for host, status in (("studio.example", 200), ("proxy.example", 200), ("other.example", 400), ("10.0.0.7", 400)):
        assert studio.get("/health", headers={"Host": host}).status_code == status
    assert studio.get("/health", headers={"Origin": "https://proxy.example"}).status_code == 200
    assert studio.get("/health", headers={"Origin": "https://studio.example"}).status_code == 200
    assert studio.get("/health", headers={"Origin": "https://studio.example:8443"}).status_code == 403


@pytest.mark.parametrize(
    ("serving", "status"),
    [
        (Serving(port=0), 403),
        (Serving(port=0, root_path="/studio"), 200),
        (Serving(port=0, hosts=("studio.example",)), 200),
    ],
)
def test_a_proxys_word_counts_only_where_there_is_a_proxy(serve, serving, status):
    sender = {"Origin": "https://front.example", "X-Forwarded-Host": "front.example"}
    assert serve(serving).get("/health", headers=sender).status_code == status


def test_who_listens_everywhere_answers_under_every_number_but_no_strange_name(serve):
    studio = serve(Serving(host="0.0.0.0", port=0))  # noqa: S104
    assert studio.get("/health", headers={"Host": "192.168.1.7:7860"}).status_code == 200
    assert studio.get("/health", headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize(
    "sender",
    [
        {"Origin": "http://localhost:3000"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
)
def test_pages_of_other_origins_get_nothing(http, portrait_photo, sender):
    asked = http.post("/gradio_api/call/stop", json={"data": []}, headers=sender)
    sent = http.post("/gradio_api/upload", files={"files": portrait_photo.read_bytes()}, headers=sender)
    read = http.get("/config", headers=sender)
    before = http.options("/config", headers={**sender, "Access-Control-Request-Method": "GET"})
    for answer in (asked, sent, read, before):
        assert answer.status_code == 403
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_the_studios_own_page_and_a_link_to_it_are_served(http, address):
    for sender in ({"Origin": address}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {}):
        assert http.get("/config", headers=sender).status_code == 200
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert http.get("/", headers=link).status_code == 200


def test_every_answer_tells_browsers_to_trust_nothing_else(http):
    for path in ("/", "/config", "/health", "/theme.css", "/nothing"):
        headers = http.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["x-frame-options"] == "DENY"
        policy = headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "object-src 'none'" in policy
        assert "'unsafe-inline'" not in re.search(r"script-src ([^;]*)", policy)[1]
        assert "http" not in policy  # no other site


def test_no_two_pages_share_the_word_that_lets_scripts_run(http):
    words = set()
    for _ in range(2):
        answer = http.get("/")
        (word,) = re.findall(r"'nonce-([^']+)'", answer.headers["content-security-policy"])
        assert set(re.findall(r"<script[^>]*", answer.text)) == set(
            re.findall(rf'<script nonce="{word}"[^>]*', answer.text)
        )
        words.add(word)
    assert len(words) == 2


def test_a_visitors_file_can_run_nothing(http, portrait_photo):
    (path,) = http.post("/gradio_api/upload", files={"files": ("a.svg", b"<svg/>")}).json()
    policy = http.get(f"/gradio_api/file={path}").headers["content-security-policy"]
    assert "sandbox" in policy
    assert policy.startswith("default-src 'none'")


def test_without_its_doors_the_studio_serves_nobody(serve):
    """Whoever takes the web application out of its server gets an error, not an open studio."""
    app = serve(Serving(port=0)).app
    app.middleware_stack = app.build_middleware_stack()
    with pytest.raises(RuntimeError, match="doors"):
        TestClient(app, base_url="http://localhost").get("/config")


def test_an_upload_is_no_way_around(http, portrait_photo):
    with httpx.Client(base_url=http.base_url) as other, portrait_photo.open("rb") as photo:
        answer = other.post("/gradio_api/upload", files={"files": photo}, headers={"Host": "evil.example"})
    assert answer.status_code == 400
