"""Clips as people have them, with the bundled model: keypoints stay on the face, or the frame is not used."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fomm.config.animate import AnimateSettings
from fomm.config.face import FaceSettings
from fomm.config.render import RenderSettings
from fomm.face.windows import steady_window
from fomm.media.probe import probe
from fomm.media.video import read_video, sample_frames
from fomm.tasks.animate import Pipeline
from fomm.tasks.orientation import upright
from fomm.tasks.planning import plan_clip
from fomm.tasks.tracking import MotionWarning, surface_tracker

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "driving_clips.py"
FACE = 42  # keypoints


@pytest.fixture(scope="module")
def bundled(ledger):
    return Pipeline(render=RenderSettings(device="cpu"), ledger=ledger)


@pytest.fixture(scope="module")
def clips():
    if not SCRIPT.exists():
        pytest.skip("the benchmarks are not part of an installed package")
    spec = importlib.util.spec_from_file_location("driving_clips", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def known(bundled, clips):
    """Return the keypoints of a demo clip's frames, in its px."""
    kept = {}

    def places(name, index):
        if name not in kept:
            frames = clips.demo_frames(name)
            kept[name] = frames, steady_window(frames[::4], bundled.finder).window
        frames, window = kept[name]
        found = bundled._animator.detect([window.crop(frames[index], 256)]).value[0].numpy()
        return (found + 1) / 2 * window.side + np.array((window.x, window.y), np.float32)

    return places


def followed(bundled, clips, known, scene, path, every=5):
    """Return the track of a scene, its plan, and how far used frames are off, in px of 256 at the mean of the face."""
    clips.write(scene, path)
    motion = bundled.track(path)
    samples = [frame for _, frame in sample_frames(path, 16)]
    plan = plan_clip(probe(path), samples, bundled._animator, bundled.finder, FaceSettings())
    count, off = len(clips.demo_frames(scene.source)), {}
    for index in motion.found.nonzero().flatten().tolist()[::every]:
        window = plan.windows[index] if plan.windows else plan.driving.window
        place = known(scene.source, clips.source_index(scene, index, count))
        true = (clips.true_places(scene, place, index) - np.array((window.x, window.y))) / window.side * 2 - 1
        off[index] = float(np.linalg.norm(motion.value[index].numpy() - true, axis=-1)[:FACE].mean()) * 128
    return motion, plan, off


def test_a_clip_that_works_keeps_its_steady_window_and_its_very_keypoints(bundled, clips):
    path = clips.DEMO / "driving.mp4"
    motion = bundled.track(path, AnimateSettings(max_seconds=0.4))
    window = steady_window([frame for _, frame in sample_frames(path, 16)], bundled.finder, FaceSettings()).window
    x, y, side = (4 * round(length / 4) for length in (window.x, window.y, window.side))
    squares = list(read_video(path, crop=(x, y, side, side), size=(256, 256), stop=10))
    expected = surface_tracker(bundled._animator).follow(squares, bundled._animator.detect(squares))
    torch.testing.assert_close(motion.value, expected.value, rtol=0, atol=1e-5)
    assert bool(motion.found.all())
    assert (motion.bridges, motion.shots) == ((), ())


def test_somebody_who_walks_in_is_followed(bundled, clips, known, tmp_path):
    walk = clips.Scene("driving-2", (1280, 400), 24, lambda i: clips.Placed(-400 + 1160 * clips.ramp(i, 0, 17), 0))
    with pytest.warns(MotionWarning, match="outside|no face"):
        motion, plan, off = followed(bundled, clips, known, walk, tmp_path / "a.mp4", every=4)
    assert not bool(motion.found[:6].any())  # half of the face is outside
    assert bool(motion.found[10:].all())
    assert motion.found[motion.reference]
    assert len({window.x for window in plan.windows}) > 5
    assert max(off.values()) < 3


def test_a_face_in_the_dark_or_half_outside_is_not_used(bundled, clips, known, tmp_path):
    dark = replace(clips.SCENES["black_opening"], frames=24)
    dark = replace(dark, place=lambda i: clips.Placed(0, 0, 1, clips.ramp(i, 5, 15)))
    with pytest.warns(MotionWarning, match=r"dark"):
        motion, _, off = followed(bundled, clips, known, dark, tmp_path / "dark.mp4")
    assert motion.found.tolist() == [False] * int(motion.found.int().argmax()) + [True] * int(motion.found.sum())
    assert 8 <= motion.reference <= 12
    assert max(off.values()) < 3
    leaving = replace(clips.SCENES["leaves_below"], frames=20)
    leaving = replace(leaving, place=lambda i: clips.Placed(0, 384 * clips.ramp(i, 5, 14)))
    with pytest.warns(MotionWarning, match=r"outside"):
        motion, _, off = followed(bundled, clips, known, leaving, tmp_path / "leaving.mp4", every=2)
    assert not bool(motion.found[9:].any())
    assert bool(motion.found[:5].all())
    assert max(off.values()) < 3


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_clip_on_its_side_or_head_is_turned(bundled, clips, known, tmp_path, turn):
    lying = clips.Scene("driving-3", (384, 384), 4, lambda _: clips.Placed(0, 0), turn=turn)
    motion, plan, off = followed(bundled, clips, known, lying, tmp_path / "a.mp4", every=3)
    assert (turn + plan.turn) % 4 == 0
    assert bool(motion.found.all())
    assert max(off.values()) < 3
    frame = next(read_video(tmp_path / "a.mp4"))
    assert np.abs(upright(frame, plan.turn).astype(int) - clips.demo_frames("driving-3")[0]).mean() < 8


def test_a_cut_begins_a_shot_with_a_window_and_a_reference_of_its_own(bundled, clips, known, tmp_path):
    framings = clips.Placed(620, 250, 0.35), clips.Placed(40, 0)
    cut = clips.Scene("driving", (900, 512), 20, lambda i: framings[i >= 9])
    motion, plan, off = followed(bundled, clips, known, cut, tmp_path / "a.mp4", every=4)
    assert motion.shots == (9,)
    assert len(set(plan.windows)) == 2
    assert bool(motion.found.all())
    assert max(off.values()) < 3
