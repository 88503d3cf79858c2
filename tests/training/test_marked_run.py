"""What a run leaves on disk: marked sheets and no decoded faces, however it ends."""

import os
import signal
import stat
import subprocess
import sys

import numpy as np
import pytest
import yaml
from tiny_training import compact_mapping

from fomm.config.training.paper import DatasetParams
from fomm.training.data.clip_folder import ClipFolder
from fomm.training.data.labelled_clips import PairedClips
from fomm.training.data.private_cache import sweep
from fomm.training.loop.run import train
from fomm.trust.keys.process import ProcessMark
from fomm.trust.marks.kinds import TRAINING_SHEET
from fomm.trust.marks.verify import verify

PATIENCE = 120.0
PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".mp4", ".npy", ".npz", ".bmp", ".tif"}


def left(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in PICTURES}


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def start(write_config, tmp_path):
    def run(data, *stages, **options):
        config = write_config(compact_mapping(*(stages or ({"name": "motion", "steps": 1},)), sheet_every=1))
        silent = {"device": "cpu", "on_progress": lambda progress: None}
        return train(config, data, tmp_path / "run", **{**silent, **options})

    return run


def test_a_model_that_hardly_learns_renders_nothing_unmarked(start, labelled_clips, tmp_path):
    start(labelled_clips, {"name": "generator", "steps": 2, "learning_rate": 1e-9})
    found = left(tmp_path / "run")
    assert found == {f"sheets/1-generator-00000{step}.png" for step in (1, 2)}
    for name in found:
        report = verify(tmp_path / "run" / name)
        assert (report.verdict, report.kind) == ("intact", TRAINING_SHEET)


@pytest.mark.parametrize("data", ["plain_clips", "labelled_clips"])
def test_decoded_faces_go_when_the_run_ends(data, start, tmp_path, request):
    start(request.getfixturevalue(data))
    assert not (tmp_path / "run" / "cache").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_decoded_faces_go_when_the_run_fails(error, start, labelled_clips, tmp_path):
    seen = []

    def fail(progress):
        seen.extend((tmp_path / "run" / "cache").rglob("*.npy"))
        raise error

    with pytest.raises(error):
        start(labelled_clips, on_progress=fail)
    assert seen
    assert not (tmp_path / "run" / "cache").exists()


def test_only_their_user_may_read_decoded_faces(plain_clips, labelled_clips, tmp_path):
    before = os.umask(0)
    try:
        clips = ClipFolder(plain_clips, DatasetParams(frame_shape=(64, 64, 3)), "train", tmp_path / "a")
        for index in range(len(clips)):
            clips.pair(index, np.random.default_rng(0))
        (tmp_path / "b").mkdir()
        PairedClips(labelled_clips, "train", tmp_path / "b")
    finally:
        os.umask(before)
    for folder, count in ((tmp_path / "a", 3), (tmp_path / "b", 1)):
        assert mode(folder) == 0o700
        assert [mode(file) for file in folder.iterdir()] == count * [0o600]


def test_a_cache_that_the_user_names_is_kept(start, labelled_clips, tmp_path):
    start(labelled_clips, cache=tmp_path / "kept")
    assert len(list((tmp_path / "kept").rglob("*.npy"))) == 1
    assert not (tmp_path / "run" / "cache").exists()


def test_what_killed_runs_left_is_swept_and_running_ones_are_let_be(tmp_path):
    dead = ProcessMark.current()
    dead = f"{dead.host}-{dead.boot}-{2**22 + 1}-1"
    for name in (dead, str(ProcessMark.current()), "0123456789abcdef", "mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "faces.npy").write_bytes(b"x")
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {str(ProcessMark.current()), "mine"}


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)],
    ids=["ctrl-c", "kill", "-9"],
)
def test_an_ended_run_leaves_no_decoded_faces(number, code, labelled_clips, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(compact_mapping({"name": "motion", "steps": 100_000}, log_every=1)))
    run = [sys.executable, "-c", "from fomm.cli import main; main()", "train", str(config), str(labelled_clips)]
    run += ["-o", str(tmp_path / "run"), "--device", "cpu"]
    process = subprocess.Popen(run, stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr:  # the first report: training goes on
            if "step 1/" in line:
                break
        assert list((tmp_path / "run" / "cache").rglob("*.npy"))
        os.kill(process.pid, number)
        process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == code
    if number == signal.SIGKILL:  # nobody could clean up: the next start does
        assert list((tmp_path / "run" / "cache").rglob("*.npy"))
        subprocess.run([*run, "--steps", "1"], check=True, capture_output=True, timeout=PATIENCE)
    assert not list(tmp_path.joinpath("run").rglob("*.npy"))
