"""The HTTP API as a program meets it, over a real connection."""

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import imageio.v3 as iio
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

FAST = {"encode": {"preset": "ultrafast"}}
VISITORS = 3
DOCUMENT = Path(__file__).parents[2] / "docs" / "api.md"


def until(true, seconds=30.0):
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_what_is_offered_is_what_is_documented(client):
    offered = {
        name: (
            [parameter["parameter_name"] for parameter in endpoint["parameters"]],
            [output["label"].lower() for output in endpoint["returns"]],
        )
        for name, endpoint in client.view_api(return_format="dict", print_info=False)["named_endpoints"].items()
    }
    rows = re.findall(r"^\| `(/\w+)` \|([^|]*)\|([^|]*)\|", DOCUMENT.read_text(), re.MULTILINE)
    documented = {name: (re.findall(r"`(\w+)`", given), re.findall(r"`(\w+)`", made)) for name, given, made in rows}
    assert documented == offered


def test_the_documents_example_runs(address, portrait_photo, talk, tmp_path):
    block = re.search(r"<!-- tested: example -->\n```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    code = block[1].replace("http://127.0.0.1:7860", address).replace('"2027-12-31"', '"2999-12-31"')
    iio.imwrite(tmp_path / "photo.jpg", iio.imread(portrait_photo)[20:, 10:])
    (tmp_path / "talk.mp4").write_bytes(talk.read_bytes())
    environment = {**os.environ, "GRADIO_TEMP_DIR": str(tmp_path / "downloads")}
    command = [sys.executable, "-c", code]
    told = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    assert "render" in told
    assert told.split()[-2:] == ["intact", "True"]


def test_a_consented_photo_becomes_a_verified_clip(client, portrait_photo, talk):
    photo, clip = handle_file(portrait_photo), handle_file(talk)
    found = client.predict(photo, {}, api_name="/faces")
    assert len(found["faces"]) == 1
    assert client.predict(photo, api_name="/consents")[0]["subject"] == "Ada"
    track = client.predict(clip, {}, api_name="/track")
    made, report = client.predict(photo, handle_file(track), FAST, api_name="/animate")
    assert report["verdict"] == "intact"
    assert report["registry"]["state"] == "released"
    assert client.predict(handle_file(made), api_name="/verify")["verdict"] == "intact"


def test_a_preview_is_a_marked_picture(client, portrait_photo, talk):
    made = client.predict(handle_file(portrait_photo), handle_file(talk), {}, api_name="/preview")
    report = client.predict(handle_file(made), api_name="/verify")
    assert (report["verdict"], Path(made).suffix) == ("intact", ".jpg")


def test_refusals_are_sentences(client, make_photo, portrait_photo, talk, tmp_path):
    stranger, empty = make_photo(tmp_path / "stranger.png"), tmp_path / "empty.mp4"
    empty.touch()
    for photo, driving, settings, words in (
        (stranger, talk, {}, "No consent is recorded for stranger.png"),
        (portrait_photo, empty, {}, "empty.mp4 is empty"),
        (portrait_photo, portrait_photo, {}, "is a picture"),
        (portrait_photo, talk, {"transfer": {"stength": 1}}, "did you mean 'strength'"),
    ):
        with pytest.raises(AppError, match=words) as refused:
            client.predict(handle_file(photo), handle_file(driving), settings, api_name="/animate")
        assert "fomm consent grant" not in str(refused.value)


def test_cancelling_a_call_ends_its_computation(client, address, studio, portrait_photo, talk, slow_frames, tmp_path):
    own = Client(address, verbose=False, download_files=str(tmp_path / "downloads"))
    before = set(studio.sessions._sessions)
    job = own.submit(handle_file(portrait_photo), handle_file(talk), FAST, api_name="/animate")
    until(lambda: any("progress" in answer for _, answer in job.outputs()))
    (key,) = set(studio.sessions._sessions) - before
    session = studio.sessions.get(key)
    assert session.works
    job.cancel()
    until(lambda: not session.works)
    assert list(session.folder.rglob("*.mp4*")) == []
    assert own.predict(api_name="/stop") is False
    slow_frames.set()  # and the caller is served again
    made, _ = own.predict(handle_file(portrait_photo), handle_file(talk), FAST, api_name="/animate")
    assert Path(made).stat().st_size


def test_stop_ends_the_callers_own_computation_only(address, studio, portrait_photo, talk, slow_frames, tmp_path):
    ours, theirs = (Client(address, verbose=False, download_files=str(tmp_path / name)) for name in ("ours", "theirs"))
    job = ours.submit(handle_file(portrait_photo), handle_file(talk), FAST, api_name="/animate")
    until(lambda: len(job.outputs()) > 0)
    assert theirs.predict(api_name="/stop") is False
    assert ours.predict(api_name="/stop") is True
    with pytest.raises(AppError, match="Stopped"):
        job.result(timeout=30)


def test_files_of_the_server_cannot_be_named(client, address, tmp_path):
    """A caller may name uploads only, or it could read what lies on the server's disk."""
    secret = tmp_path / "secret.mp4"
    secret.write_text("secret")
    file = {"path": str(secret), "meta": {"_type": "gradio.FileData"}}
    begun = httpx.post(f"{address}/gradio_api/call/verify", json={"data": [file]})
    answer = httpx.get(f"{address}/gradio_api/call/verify/{begun.json()['event_id']}", timeout=30).text
    assert answer.startswith("event: error")
    assert "verdict" not in answer
    assert "A file is not one that was sent to this studio" in answer
    assert httpx.get(f"{address}/gradio_api/file={secret}").status_code in (403, 404)


@pytest.mark.parametrize(
    "data", [[], [None, None, None], [7], [{"meta": {"_type": "gradio.FileData"}}], ["/etc/hosts"]]
)
def test_inputs_that_fit_no_endpoint_are_refused_in_a_sentence(address, data):
    begun = httpx.post(f"{address}/gradio_api/call/verify", json={"data": data})
    answer = httpx.get(f"{address}/gradio_api/call/verify/{begun.json()['event_id']}", timeout=30).text
    assert answer.startswith("event: error")
    assert re.search(r'"error": "[A-Z][^"]*\."', answer), answer


def test_visitors_at_once_get_their_own_files(client, address, studio, portrait_photo, talk, tmp_path):
    track = client.predict(handle_file(talk), {"max_seconds": 0.2}, api_name="/track")

    staying = []  # a client that goes ends its session

    def visit(number: int) -> str:
        own = Client(address, verbose=False, download_files=str(tmp_path / str(number)))
        staying.append(own)
        _, report = own.predict(handle_file(portrait_photo), handle_file(track), FAST, api_name="/animate")
        return f"{report['verdict']} {report['registry']['output_id']}"

    before = set(studio.sessions._sessions)
    with ThreadPoolExecutor(VISITORS) as pool:
        found = set(pool.map(visit, range(VISITORS)))
    assert len(found) == VISITORS
    assert all(made.startswith("intact") for made in found)
    folders = [studio.sessions.get(key).folder for key in set(studio.sessions._sessions) - before]
    assert [len(list(folder.rglob("*.mp4"))) for folder in folders] == [1] * VISITORS
    for key in set(studio.sessions._sessions) - before:
        studio.sessions.close(key)
    assert not any(folder.exists() for folder in folders)


def test_what_a_caller_sent_is_gone_with_them(address, studio, make_photo, tmp_path):
    own = Client(address, verbose=False, download_files=str(tmp_path / "downloads"))
    root, known = studio.sessions.folders.parent, set(studio.sessions._sessions)
    before = {path for path in root.rglob("*") if path.is_file()}
    assert own.predict(handle_file(make_photo(tmp_path / "own.png", seed=77)), api_name="/verify")["verdict"]
    assert {path.name for path in root.rglob("*") if path.is_file() and path not in before} == {"own.png"}
    (key,) = set(studio.sessions._sessions) - known
    own.close()
    until(lambda: key not in studio.sessions._sessions)
    until(lambda: {path for path in root.rglob("*") if path.is_file()} <= before)


def test_health_says_that_it_serves(address):
    assert httpx.get(f"{address}/health").json()["status"] == "ok"
