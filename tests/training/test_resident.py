import numpy as np
import torch
from scipy.ndimage import label
from tiny_training import LENGTH, compact_mapping

from fomm.config.training.stages import CompactConfig
from fomm.training.data.labelled_clips import PairedClips, mattes
from fomm.training.data.resident import ResidentClips, fits
from fomm.training.tasks.paired import PairedTask
from fomm.training.tasks.task import Draw

CPU = torch.device("cpu")


def test_batches_are_the_same_as_those_gathered_from_memory(labelled_clips, clip_cache):
    clips = PairedClips(labelled_clips, "train", clip_cache)
    held = ResidentClips(clips, CPU)
    picks = [(0, 3), (1, 2), (1, 0)]
    for name, value in vars(clips.batch(picks)).items():
        torch.testing.assert_close(getattr(held.batch(picks), name), value, equal_nan=True)


def test_sets_are_joined_pair_by_pair(labelled_clips, clip_cache):
    sets = [PairedClips(labelled_clips, split, clip_cache) for split in ("train", "test")]
    first, second = (ResidentClips(clips, CPU) for clips in sets)
    held = first.joined(second)
    assert len(first) == 2 * LENGTH
    assert len(held) == 4 * LENGTH
    last = held.batch([(3, 2)])
    assert torch.equal(last.frames, sets[1].batch([(1, 2)]).frames)
    assert held.turns.shape == held.blinks.shape == held.mouths.shape == (4, LENGTH)


def test_holes_of_mattes_are_filled_and_bays_are_not():
    masks = np.random.default_rng(2).random((40, 64, 64)) < np.linspace(0.3, 0.8, 40)[:, None, None]
    masks[0] = np.indices((64, 64)).sum(0) % 2  # a chessboard: open cells touch at corners only
    masks[1, 3:20, 3:20], masks[1, 5:18, 5:18], masks[1, 8, 5:20] = True, False, True
    expected = []
    for mask in masks:
        patches, _ = label(~mask)
        border = np.concatenate((patches[0], patches[-1], patches[:, 0], patches[:, -1]))
        expected.append(mask | ~np.isin(patches, border))
    assert (expected != masks).any()
    assert np.array_equal(mattes(np.packbits(masks, axis=-1)), expected)


def test_a_task_learns_from_them(labelled_clips, clip_cache):
    held = ResidentClips(PairedClips(labelled_clips, "train", clip_cache), CPU)
    config = CompactConfig.from_mapping(compact_mapping({"name": "motion", "steps": 1}), where="test")
    task = PairedTask(config, held, CPU)
    losses = task.losses(task.make_batch(Draw(0, 0, 5))).losses
    assert all(loss.isfinite() for loss in losses.values())
    assert losses["flow"] > 0


def test_only_a_gpu_holds_clips(labelled_clips, clip_cache, monkeypatch):
    clips = PairedClips(labelled_clips, "train", clip_cache)
    assert not fits(clips, CPU)
    for free, expected in ((clips.frames.nbytes, False), (3 * clips.frames.nbytes, True)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, free))
        assert fits(clips, torch.device("cuda")) is expected
