"""What a studio stores lies in a private folder of its own, and does not outlive it, not even after `kill -9`."""

import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx
import pytest

from fomm.studio.session import Sessions


@pytest.fixture
def temp(tmp_path, monkeypatch):
    """A temporary folder that this process and the studios it starts share with nobody."""
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def running(tiny_checkpoint, tmp_path, temp):
    """`fomm studio` as a process of its own: the process and its address."""
    command = [sys.executable, "-c", "from fomm.cli import main; main()", "studio", "--model", str(tiny_checkpoint)]
    environment = {**os.environ, "FOMM_HOME": str(tmp_path / "home"), "TMPDIR": str(temp)}
    process = subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    yield process, re.search(r"http://\S+", process.stdout.readline())[0].rstrip("/")
    process.kill()
    process.communicate()


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_what_a_killed_studio_held_is_gone_when_the_next_starts(running, temp, portrait_photo):
    process, address = running
    with portrait_photo.open("rb") as photo:
        (path,) = httpx.post(f"{address}/gradio_api/upload", files={"files": photo}, timeout=60).json()
    assert Path(path).is_relative_to(temp)
    alive = Sessions()
    assert files(temp) == [portrait_photo.name]  # a living studio keeps what it has
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=60)
    assert files(temp) == [portrait_photo.name]
    result = alive.get("somebody").new_path("made.mp4")
    result.touch()
    after = Sessions()
    assert files(temp) == ["made.mp4"]
    for sessions in (alive, after):
        sessions.close_all()
    assert list(temp.glob("fomm-*")) == []


def test_nobody_else_may_enter_the_folder(temp):
    sessions = Sessions()
    for folder in (sessions.folders, sessions.uploads, sessions.uploads.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert sessions.uploads.parent.parent == temp
    sessions.close_all()


def test_what_is_no_studios_folder_is_left_alone(temp, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept.txt").touch()
    link = temp / "fomm-studio-0-0-1-0-link"
    link.symlink_to(elsewhere)
    (temp / "fomm-studio-notes").mkdir()
    Sessions().close_all()
    assert link.is_symlink()
    assert (temp / "fomm-studio-notes").is_dir()
    assert files(elsewhere) == ["kept.txt"]
