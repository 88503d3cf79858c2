"""A render that is ended in the middle, by the keyboard, by `kill` and by `kill -9`, in real processes."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from fomm.errors import CheckpointError
from fomm.track.track import MotionTrack

PATIENCE = 120.0
WAYS = {"ctrl-c": signal.SIGINT, "kill": signal.SIGTERM, "kill -9": signal.SIGKILL}


def until(true, what):
    """Wait for something a busy machine may take its time over."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)


def partial_files(folder):
    return list(folder.glob(".fomm-*/*"))


def encoder_runs(session):
    """Tell whether an ffmpeg whose parent was killed still finishes its file."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, its_session = stat.read_text().rpartition(")")[2].split()[:4]
            if int(its_session) == session and state not in "ZX":
                return True
    return False


def end(process, number):
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # a terminal sends Ctrl-C to the whole foreground group
    else:
        process.send_signal(number)


@pytest.fixture(scope="module")
def ended(tmp_path_factory, portrait_photo, tiny_checkpoint, motion_file, ledger_folder):
    """Start one long render per way of ending it, side by side, and end each once its file grows."""
    root = tmp_path_factory.mktemp("killed")
    track = MotionTrack.load(motion_file)
    MotionTrack.concat([track] * 2000).save(root / "long.safetensors")
    options = ["--model", str(tiny_checkpoint), "--no-smooth", "--reference", "first", "--device", "cpu"]
    environment = {**os.environ, "FOMM_HOME": str(ledger_folder), "OMP_NUM_THREADS": "1"}
    run = [sys.executable, "-c", "from fomm.cli import main; main()", "animate", str(portrait_photo)]
    processes = {}
    for way in WAYS:
        folder = root / way
        folder.mkdir()
        command = [*run, str(root / "long.safetensors"), "-o", str(folder / "out.mp4"), *options]
        processes[way] = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
        )
    outcomes = {}
    try:
        for way, process in processes.items():
            folder = root / way
            until(lambda: process.poll() is not None or any(p.stat().st_size for p in partial_files(folder)), way)  # noqa: B023
            end(process, WAYS[way])
        for way, process in processes.items():
            _, err = process.communicate(timeout=PATIENCE)
            until(lambda: not encoder_runs(process.pid), "the encoder")  # noqa: B023
            outcomes[way] = (process.returncode, err, root / way)
        yield outcomes
    finally:
        for process in processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.mark.parametrize(("way", "code", "word"), [("ctrl-c", 130, "Interrupted"), ("kill", 143, "Stopped")])
def test_an_ended_render_says_so_and_leaves_nothing(ended, way, code, word):
    returned, err, folder = ended[way]
    (line,) = err.split("\n")[-2:-1]
    assert line.startswith(f"fomm: {word}")
    assert err.strip() == line  # but for the line break that ends the terminal's own "^C"
    assert returned == code
    assert list(folder.iterdir()) == []


def test_closing_the_terminal_ends_a_command_unless_it_was_told_to_stay(fomm, monkeypatch):
    def info(model):
        os.kill(os.getpid(), signal.SIGHUP)
        raise CheckpointError("still here.")

    monkeypatch.setattr("fomm.weights.loading.checkpoint_info", info)
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whatever these tests themselves were started with
    try:
        fomm("checkpoint", "info", "x").refused(129, "Stopped")
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        fomm("checkpoint", "info", "x").refused(5, "still here.")
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_killed_render_leaves_no_unmarked_clip_and_the_next_run_tidies_up(
    ended, animate, portrait_photo, motion_file
):
    returned, err, folder = ended["kill -9"]
    assert returned == -signal.SIGKILL
    assert err == ""
    (left,) = folder.iterdir()
    assert left.name.startswith(".fomm-")  # hidden, and not under the name that was asked for
    for frame in _pictures(left):
        # What the encoder may have finished by itself carries the label: one corner differs from the photo.
        height, width = frame.shape[:2]
        photo = np.asarray(Image.open(portrait_photo).resize((width, height))).astype(int)
        rows, columns = (
            (slice(height // 10), slice(-(height // 10), None)),
            (slice(width // 3), slice(-(width // 3), None)),
        )
        changes = [np.abs(frame[y, x] - photo[y, x]).mean() for y in rows for x in columns]
        assert max(changes) > 15
        assert sorted(changes)[-2] < 8

    made = animate(portrait_photo, motion_file, folder / "out.mp4", "--max-seconds", "0.1")
    assert made.code == 0
    assert [path.name for path in folder.iterdir()] == ["out.mp4"]


def _pictures(path):
    try:
        with av.open(str(path)) as clip:
            return [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)][:10]
    except av.FFmpegError:
        return np.empty((0, 1, 1, 3))
