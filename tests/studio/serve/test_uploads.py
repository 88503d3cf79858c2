"""How much visitors may store: a share each, a bound for all, and nothing of what was cut off."""

import socket

import pytest

from fomm.studio.app import Serving
from fomm.studio.serve.answers import RefusedError
from fomm.studio.serve.uploads import Uploads


def stored(studio):
    return sorted(path.name for path in studio.sessions.uploads.rglob("*") if path.is_file())


def send(client, name, size, fill=b"x"):
    return client.post("/gradio_api/upload", files={"files": (name, fill * size)})


def test_one_visitor_cannot_fill_the_studio(serve):
    client = serve(Serving(port=0), max_upload_mb=1, max_stored_mb=4)
    assert send(client, "a", 900_000).status_code == 200
    refused = send(client, "b", 900_000, b"y")
    assert refused.status_code == 413
    assert "too much stored" in refused.json()["error"]
    assert stored(client.studio) == ["a"]
    next(client.studio.sessions.uploads.rglob("a")).unlink()  # as when its page is closed
    assert send(client, "b", 900_000, b"y").status_code == 200


def test_many_small_files_are_too_many(serve):
    client = serve(Serving(port=0))
    files = [("files", (f"{number}.txt", str(number).encode())) for number in range(501)]
    assert client.post("/gradio_api/upload", files=files).status_code == 413
    assert stored(client.studio) == []
    assert client.post("/gradio_api/upload", files=files[:500]).status_code == 200
    assert client.post("/gradio_api/upload", files=files[500:]).status_code == 413
    assert len(stored(client.studio)) == 500


def test_an_upload_that_is_cut_off_leaves_nothing(serve):
    client = serve(Serving(port=0))
    url = client.base_url
    with socket.create_connection((url.host, url.port), timeout=30) as plain:
        plain.sendall(
            f"POST /gradio_api/upload HTTP/1.1\r\nHost: {url.host}\r\nContent-Length: 100000\r\n"
            'Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\nContent-Disposition: form-data; name="files"; '
            'filename="cut.png"\r\n\r\n'.encode()
            + b"x" * 50_000
        )
        for _ in range(600):
            if stored(client.studio):
                break
            client.get("/health")
        assert stored(client.studio)  # it was arriving
    for _ in range(600):
        if not stored(client.studio):
            break
        client.get("/health")
    assert stored(client.studio) == []
    assert send(client, "whole.txt", 10).status_code == 200


def test_all_visitors_together_are_bounded_also_while_uploads_arrive(tmp_path):
    uploads = Uploads(most_bytes=1_000_000, largest=100_000, most_files=8)
    for number in range(4):
        uploads.begin(f"visitor {number}", 250_000)
    with pytest.raises(RefusedError, match="no room") as refused:
        uploads.begin("late", 200_000)
    assert refused.value.status == 507
    uploads.drop("visitor 0", 250_000)
    uploads.begin("late", 200_000)
    files = [tmp_path / str(number) for number in range(3)]
    for file in files:
        file.write_bytes(b"x")
    assert not uploads.end("late", 200_000, files)  # more files than its share
    assert [file.exists() for file in files] == [False] * 3
