import json
import shutil

import numpy as np
import pytest
import torch
from tiny_training import LENGTH, SHIFT, compact_mapping

from fomm.config.training.augment import AugmentSettings
from fomm.config.training.stages import CompactConfig
from fomm.errors import MediaError
from fomm.geometry.grids import coordinate_grid
from fomm.geometry.keypoints import Keypoints
from fomm.training.augment.bend import bent, random_bend, straighten
from fomm.training.augment.found_keypoints import across
from fomm.training.augment.views import augment
from fomm.training.data.labelled_clips import PairedClips
from fomm.training.tasks.paired import PairedTask
from fomm.training.tasks.task import Draw


@pytest.fixture
def clips(labelled_clips, clip_cache):
    return PairedClips(labelled_clips, "train", clip_cache)


def test_a_batch_holds_both_people_at_both_moments(clips):
    batch = clips.batch([(0, 3), (1, 2)])
    assert batch.frames.shape == (2, 4, 3, 256, 256)
    assert len(clips) == 2 * LENGTH
    source, driving = batch.frames[0, 0].float(), batch.frames[0, 1].float()
    assert (driving.roll(-3 * SHIFT, 2) - source).abs()[:, :, : -3 * SHIFT].mean() < 4
    assert torch.equal(batch.frames[0, 0], clips.batch([(1, 3)]).frames[0, 2])
    moved = batch.landmarks[:, 1] - batch.landmarks[:, 0]
    assert torch.allclose(moved[0], torch.tensor([3 * SHIFT / 128, 0.0]).expand(468, 2), atol=2e-3)


def test_frames_in_which_eyes_or_a_shut_mouth_open_are_known(clips):
    assert clips.mouths.tolist() == [[False, True, True, True]] * 2  # jaws of 0, 1/3, 2/3 and 1, the source's 0
    assert clips.blinks.tolist() == [[False, False, True, True]] * 2


@pytest.mark.parametrize(("share", "least"), [("mouth_share", 1), ("blink_share", 2)])
def test_a_stage_may_ask_for_such_frames(clips, monkeypatch, share, least):
    stage = {"name": "motion", "steps": 1, "batch_size": 16, share: 1.0}
    task = PairedTask(CompactConfig.from_mapping(compact_mapping(stage), where="test"), clips, torch.device("cpu"))
    frames, gather = [], clips.batch

    def watch(picks):
        picks = list(picks)
        frames.extend(frame for _, frame in picks)
        return gather(picks)

    monkeypatch.setattr(clips, "batch", watch)
    task.make_batch(Draw(0, 0, 5))
    assert set(frames) == set(range(least, LENGTH))


@pytest.mark.parametrize("bend", [0.0, 0.1])
def test_flow_and_landmarks_agree_under_any_view(clips, bend):
    torch.manual_seed(0)
    batch = clips.batch([(0, 3), (1, 2), (0, 1)])
    settings = AugmentSettings(mirror=0.5, shift=0.05, bend=bend)
    sample = augment(batch, settings, 64, torch.Generator().manual_seed(4), self_driven=3)
    shift = (sample.flow - coordinate_grid(64, 64, sample.flow, corners=False)).permute(0, 3, 1, 2)
    at = sample.landmarks[:, 1]
    read = torch.nn.functional.grid_sample(shift, at[:, :, None], align_corners=False)[..., 0].transpose(1, 2)
    inside = at.abs().amax(-1) < 0.7
    assert inside.any()
    assert (read + at - sample.landmarks[:, 0])[inside].abs().max() < 0.02
    assert sample.clean.shape == (3, 2, 3, 64, 64)


def test_a_bend_changes_the_shape_of_self_driven_people_alone(clips):
    batch = clips.batch([(0, 3), (1, 3)])
    plain, bent = (
        augment(batch, AugmentSettings(bend=bend, mirror=0.0), 64, torch.Generator().manual_seed(4), self_driven=1)
        for bend in (0.0, 0.1)
    )
    faces = torch.nn.functional.pad(batch.landmarks[:, 0], (0, 1), value=1.0)  # [B, L, 3]
    left = []
    for sample in (plain, bent):  # what no affine map explains
        seen = sample.landmarks[:, 0]
        left.append((faces @ torch.linalg.lstsq(faces, seen).solution - seen).abs().amax((1, 2)))
    assert left[0].max() < 1e-3
    assert left[1][0] > 0.02
    assert left[1][1] < 1e-3


def test_the_picture_is_bent_like_its_landmarks(clips):
    points = torch.rand(2, 4, 30, 2) * 1.6 - 0.8
    bend = random_bend(2, 0.1, torch.Generator().manual_seed(1), 2)
    assert (bent(points, bend) - points).abs().max() > 0.03
    torch.testing.assert_close(straighten(bent(points, bend), bend), points, atol=1e-3, rtol=0)


def test_views_repeat_with_their_seed(clips):
    batch = clips.batch([(0, 3)])
    first, again, other = (
        augment(batch, AugmentSettings(), 64, torch.Generator().manual_seed(seed), 1).seen for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_transfer_across_equals_moving_oneself_when_people_are_one(clips):
    torch.manual_seed(0)
    value = torch.rand(1, 4, 5, 2)
    value[:, 2:] = value[:, :2] + 0.1  # the other person is the same, elsewhere in the frame
    jacobian = (torch.eye(2) + 0.2 * torch.randn(1, 2, 5, 2, 2)).repeat(1, 2, 1, 1, 1)
    moments = [Keypoints(value[:, moment], jacobian[:, moment]) for moment in range(4)]
    transferred = across(moments, torch.eye(2)[None])
    assert torch.allclose(transferred.value, moments[1].value, atol=1e-6)
    assert torch.allclose(transferred.jacobian, moments[1].jacobian, atol=1e-4)


def test_faults_are_named(labelled_clips, clip_cache, tmp_path):
    with pytest.raises(MediaError, match=r"no index\.json"):
        PairedClips(tmp_path, "train", tmp_path)
    copy = tmp_path / "copy"
    shutil.copytree(labelled_clips, copy)
    (copy / "train" / "0b.npz").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(MediaError, match=r"0b\.npz"):
        PairedClips(copy, "train", tmp_path / "cache")
    shutil.copy(labelled_clips / "train" / "0b.npz", copy / "train")
    (copy / "train" / "0a.mp4").write_bytes(b"no video")
    with pytest.raises(MediaError, match=r"0a\.mp4"):
        PairedClips(copy, "train", tmp_path / "cache")
    (copy / "index.json").write_text(json.dumps({"0a": {"split": "train"}}))
    with pytest.raises(MediaError, match=r"index\.json"):
        PairedClips(copy, "train", tmp_path / "cache")
    with pytest.raises(MediaError, match="no pairs in the split 'spare'"):
        PairedClips(labelled_clips, "spare", clip_cache)


def test_flow_beyond_eight_bits_is_unknown_in_eight_and_known_in_sixteen(labelled_clips, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(labelled_clips, copy)
    with np.load(copy / "train" / "0a.npz") as archive:
        truth = dict(archive)
    truth["flow"][2, 5, 6, 1] = 127
    np.savez(copy / "train" / "0a.npz", **truth)
    valid = PairedClips(copy, "train", tmp_path / "cache").batch([(0, 2)]).valid[0]
    assert not valid[5, 6]
    assert int(valid.sum()) == 64 * 64 - 1

    truth["flow"] = truth["flow"].astype(np.int16)
    truth["flow"][2, 5, 6, 1] = 300  # 75 px of 256
    np.savez(copy / "train" / "0a.npz", **truth)
    batch = PairedClips(copy, "train", tmp_path / "cache").batch([(0, 2)])
    assert batch.valid.all()
    here = (2 * 5 + 1) / 64 - 1
    assert batch.flow[0, 5, 6, 1].item() == pytest.approx(here + 75 / 128, abs=1e-6)


def test_far_moves_are_known_by_the_size_of_the_face(labelled_clips, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(labelled_clips, copy)
    for name, size in (("0a", 50), ("0b", 170)):
        with np.load(copy / "train" / f"{name}.npz") as archive:
            truth = dict(archive)
        face = np.random.default_rng(3).uniform(0, 1, (468, 2))
        face = (face - face.min(0)) / np.ptp(face, axis=0) * size
        moved = face + np.arange(LENGTH)[:, None, None] * [SHIFT, 0]  # up to 18 px from the source, frame 0
        truth["landmarks"] = np.round(moved * 8).astype(np.int16)
        np.savez(copy / "train" / f"{name}.npz", **truth)
    small, large = PairedClips(copy, "train", tmp_path / "cache").turns
    assert small.tolist() == [False, False, True, True]
    assert not large.any()
