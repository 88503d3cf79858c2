"""Children and the signals around them: Ctrl-C is their owner's business, and none outlives its owner."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import pytest

from fomm.media.process import available_encoders, ffmpeg_path
from fomm.media.video import probe, read_video

PATIENCE = 60.0
FRAMES = 400

OWNERS = {
    # Reads and writes, and stays in the middle until it is told to go on.
    "both": """
with VideoWriter(folder / "out.mp4", (320, 240), probe(clip).fps, FAST, audio=clip) as writer:
    for number, frame in enumerate(read_video(clip)):
        writer.write(frame)
        if number == 4:
            print("begun", flush=True)
            sys.stdin.readline()
""",
    "reading": """
frames = read_video(clip)
next(frames)
print("begun", flush=True)
time.sleep(1000)
""",
    "writing": """
writer = VideoWriter(folder / "out.mp4", (320, 240), probe(clip).fps, FAST)
writer.write(np.zeros((240, 320, 3), np.uint8))
print("begun", flush=True)
time.sleep(1000)
""",
    "adding sound": """
writer = VideoWriter(folder / "out.mp4", (32, 32), Fraction(1), FAST, audio=folder / "half an hour.flac")
for _ in range(1800):
    writer.write(np.zeros((32, 32, 3), np.uint8))
writer._process.wait()
print("begun", flush=True)
writer.close()
""",
}
START = """
import signal, sys, time
from fractions import Fraction
from pathlib import Path
import numpy as np
from fomm.media.codecs import EncodeSettings
from fomm.media.process import available_encoders, ffmpeg_path
from fomm.media.video import probe, read_video
from fomm.media.writer import VideoWriter
FAST = EncodeSettings(preset="ultrafast")
folder = Path(sys.argv[1])
clip = folder / "clip.mp4"
"""
DEAF = {
    "as nohup does": "signal.signal(signal.SIGINT, signal.SIG_IGN)\n",
    "with a handler": "signal.signal(signal.SIGINT, lambda *_: None)\n",
}


def children(session):
    """Name the living ffmpegs of a session, whoever their parent is by now."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, _, rest = stat.read_text().rpartition(")")
            state, _, _, its_session = rest.split()[:4]
            if int(its_session) == session and state not in "ZX" and "ffmpeg" in name:
                found.append(name)
    return found


def until(true, what):
    """Wait for something a busy machine may take its time over."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.02)


@contextlib.contextmanager
def owner(script, folder):
    """Run a program that owns ffmpegs, in a session of its own, from where it says that it has begun."""
    command = [sys.executable, "-c", START + script, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert process.stdout.readline() == b"begun\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def sound_in(path):
    """Return the seconds of sound in a file, 0 when it was cut off before its index or has none yet."""
    with contextlib.suppress(av.FFmpegError), av.open(str(path)) as container:
        for sound in container.streams.audio:
            return float((sound.duration or 0) * sound.time_base)
    return 0.0


@pytest.fixture(scope="module")
def clip(make_video, tmp_path_factory):
    return make_video(tmp_path_factory.mktemp("owned") / "clip.mp4", frames=FRAMES, size=(320, 240))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("way", DEAF)
def test_an_owner_deaf_to_ctrl_c_gets_its_whole_clip(clip, way):
    with owner(DEAF[way] + OWNERS["both"], clip.parent) as process:
        assert len(children(process.pid)) == 2  # the reading and the writing one, both in the middle
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to the whole foreground group
        process.communicate(b"go on\n", timeout=PATIENCE)
        assert process.returncode == 0
    assert sum(1 for _ in read_video(clip.parent / "out.mp4")) == FRAMES
    assert probe(clip.parent / "out.mp4").has_audio


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("work", ["reading", "writing", "adding sound"])
def test_no_child_outlives_an_owner_that_was_killed(clip, make_audio, work):
    folder = clip.parent
    if work == "adding sound":
        make_audio(folder / "half an hour.flac", seconds=1800)
    with owner(OWNERS[work], folder) as process:
        until(lambda: children(process.pid), "a child")
        process.kill()
        process.wait()
        until(lambda: not children(process.pid), f"the child {work} to end")
    if work == "adding sound":
        assert sound_in(folder / "out.mp4") < 900  # it did not end because it was done


@pytest.mark.parametrize("way", ["IMAGEIO_FFMPEG_EXE", "PATH"])
def test_no_other_program_stands_in_for_ffmpeg(monkeypatch, tmp_path, way):
    stand_in, ran = tmp_path / "ffmpeg", tmp_path / "ran"
    stand_in.write_text(f"#!/bin/sh\ntouch {ran}\n")
    stand_in.chmod(0o755)
    monkeypatch.setenv(way, str(stand_in) if way != "PATH" else str(tmp_path))
    ffmpeg_path.cache_clear()
    available_encoders.cache_clear()
    try:
        assert Path(ffmpeg_path()).is_absolute()
        assert "libx264" in available_encoders()
    finally:
        ffmpeg_path.cache_clear()
        available_encoders.cache_clear()
    assert not ran.exists()
