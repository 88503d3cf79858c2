"""How the studio is served: behind a login, below a path, with limits, leaving nothing in browsers; and how it ends."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file

from fomm.config.studio import StudioSettings
from fomm.errors import SettingsError
from fomm.studio.app import Serving, launch
from fomm.studio.service import Studio
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import ConsentTerms


@pytest.fixture
def served(studio):
    """Serve the studio once more, in another way."""
    pages = []

    def serve(serving, shown=studio):
        page, address = launch(shown, serving)
        pages.append(page)
        return address.rstrip("/")

    yield serve
    for page in pages:
        page.close(verbose=False)


def test_where_a_login_is_needed_nothing_answers_without(served, portrait_photo):
    address = served(Serving(port=0, auth=(("ada", "secret"),)))
    assert httpx.get(f"{address}/config").status_code == 401
    assert httpx.post(f"{address}/gradio_api/call/verify", json={"data": [None]}).status_code == 401
    with portrait_photo.open("rb") as photo:
        assert httpx.post(f"{address}/gradio_api/upload", files={"files": photo}).status_code == 401
    assert httpx.post(f"{address}/login", data={"username": "ada", "password": "guess"}).status_code == 400
    assert httpx.get(f"{address}/health").json()["status"] == "ok"
    own = Client(address, auth=("ada", "secret"), verbose=False)
    assert own.predict(handle_file(portrait_photo), api_name="/verify")["verdict"] == "unmarked"


def test_below_a_path_the_page_finds_itself(served):
    address = served(Serving(port=0, root_path="/studio"))
    config = httpx.get(f"{address}/config").json()
    assert config["root"].endswith("/studio")


def test_what_is_larger_than_allowed_is_refused_while_it_is_sent(served, studio, tmp_path):
    small = Studio(studio.pipeline, StudioSettings(max_upload_mb=1))
    address = served(Serving(port=0), small)
    assert "up to 120 s and 1 MB" in httpx.get(f"{address}/config").text
    large = tmp_path / "large.mp4"
    large.write_bytes(bytes(1_000_001))
    with large.open("rb") as file:
        assert httpx.post(f"{address}/gradio_api/upload", files={"files": file}).status_code == 413
    assert [path for path in small.sessions.uploads.rglob("*") if path.is_file()] == []
    small.close()


def test_browsers_keep_no_file_of_a_visitor(address, portrait_photo):
    with portrait_photo.open("rb") as photo:
        (path,) = httpx.post(f"{address}/gradio_api/upload", files={"files": photo}).json()
    fetched = httpx.get(f"{address}/gradio_api/file={path}")
    assert fetched.content == portrait_photo.read_bytes()
    assert fetched.headers["cache-control"] == "no-store"
    Path(path).unlink()


def test_a_port_that_is_taken_is_named(studio):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"port {port}; choose another"):
            launch(studio, Serving(port=port))


@pytest.fixture
def running(tiny_checkpoint, portrait_photo, tmp_path):
    """`fomm studio` as a process of its own, with a private ledger and a private temp folder."""
    home, temp = tmp_path / "home", tmp_path / "temp"
    temp.mkdir()
    terms = ConsentTerms(subject="Ada", expires="2999-01-31", statement="Yes.")
    Ledger(home).grant(portrait_photo.read_bytes(), terms, name=portrait_photo.name)
    command = [sys.executable, "-c", "from fomm.cli import main; main()", "studio", "--model", str(tiny_checkpoint)]
    process = subprocess.Popen(
        [*command, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "FOMM_HOME": str(home), "TMPDIR": str(temp)},
    )
    assert process.stdout is not None
    address = re.search(r"http://\S+", process.stdout.readline())[0].rstrip("/")
    yield process, address, temp
    process.kill()
    process.communicate()


def test_told_to_end_before_it_is_warm_it_ends(running):
    process, _, temp = running
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=60)[1]
    assert (process.returncode, said.strip()) == (
        128 + signal.SIGTERM,
        "fomm: Stopped from outside; no unfinished file is left behind.",
    )
    assert [path for path in temp.rglob("*") if path.is_file()] == []


def test_told_to_end_it_stops_renders_and_leaves_nothing(running, portrait_photo, talk, ffmpeg_command, tmp_path):
    process, address, temp = running
    assert httpx.get(f"{address}/health").json()["status"] == "ok"
    own = Client(address, verbose=False, download_files=str(tmp_path / "downloads"))
    clip = tmp_path / "long.mp4"
    ffmpeg_command("-stream_loop", "40", "-i", str(talk), "-c", "copy", str(clip))
    slow = {"encode": {"preset": "veryslow"}, "refine": {"min_side": 1024}}
    job = own.submit(handle_file(portrait_photo), handle_file(clip), slow, api_name="/animate")
    end = time.monotonic() + 60
    while not any("progress" in answer and answer["progress"]["done"] for _, answer in job.outputs()):
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 128 + signal.SIGTERM
    assert "Stopped from outside" in said
    assert "Traceback" not in said
    assert [path for path in temp.rglob("*") if path.is_file()] == []
    own.close()
