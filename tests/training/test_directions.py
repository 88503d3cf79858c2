"""Directions learnt from labelled clips are those by which the clips were made."""

import json
from dataclasses import replace

import imageio.v3 as iio
import numpy as np
import pytest
import torch

from fomm.config.edit import EditSettings
from fomm.errors import CheckpointError, MediaError
from fomm.geometry.anatomy import Anatomy
from fomm.geometry.keypoints import Keypoints
from fomm.retarget.edit import STROKES
from fomm.retarget.turning import head_rotation
from fomm.training.finetune.directions import UNITS, Observations, fit, learn_directions
from fomm.weights.loading import load_model

ANATOMY = Anatomy.of_tied(40)
CLIPS, FRAMES, COUNT = 24, 12, 42
BLINK, JAW = 8, 24


@pytest.fixture(scope="module")
def heads():
    """Observed rigid heads of several people that turn about their neck and open their mouth, and sway besides."""
    numbers = torch.Generator().manual_seed(0)
    shape = torch.rand(40, 2, generator=numbers) - 0.5
    shape = torch.cat((shape, torch.tensor([[-0.9, 0.9], [0.9, 0.9]])))
    depth = 1.5 + torch.rand(COUNT, generator=numbers)
    pose = 0.3 * (torch.rand(CLIPS, FRAMES, 3, generator=numbers) - 0.5)
    units = torch.zeros(CLIPS, FRAMES, UNITS)
    units[..., JAW] = torch.rand(CLIPS, FRAMES, generator=numbers)
    pose[:, 0], units[:, 0] = 0, 0
    rotation = head_rotation(pose)
    people = shape + 0.03 * torch.randn(CLIPS, 1, COUNT, 2, generator=numbers)
    pivot = torch.tensor([0.0, 0.6])
    flat = people - pivot
    solid = torch.cat((flat, 0.3 * depth.expand(CLIPS, 1, COUNT)[..., None]), -1)  # [N, 1, K, 3]
    turned = torch.einsum("ntij,nukj->ntki", rotation, solid)[..., :2] + pivot
    turned[:, :, 40:] = people[:, :, 40:]  # shoulders stay
    turned[:, :, 13, 1] += 0.1 * units[..., JAW]
    sway = 0.01 * torch.randn(CLIPS, FRAMES, 1, 2, generator=numbers)
    jacobian = rotation[..., None, :2, :2].expand(CLIPS, FRAMES, COUNT, 2, 2).clone()
    return Observations(turned + sway, jacobian, pose, units), rotation


def test_turns_are_learnt_with_pivot_and_depth(heads):
    seen, rotation = heads
    learnt = fit(seen, ANATOMY, "detector", "0" * 64)
    clip = 1
    still = Keypoints(seen.value[clip : clip + 1, 0], seen.jacobian[clip : clip + 1, 0])
    yaw, pitch, roll = np.degrees(seen.pose[clip, 5].numpy())
    edit = EditSettings(yaw=float(yaw), pitch=float(pitch), roll=float(roll), mouth=0.0)
    moved = learnt.apply(still, edit, ANATOMY)
    wanted = seen.value[clip, 5].clone()
    wanted[13, 1] -= 0.1 * seen.units[clip, 5, JAW]
    travelled = (wanted - still.value[0])[:40].norm(dim=-1).mean()
    missed = (moved.value[0] - wanted)[:40]
    assert float((missed - missed.mean(0)).norm(dim=-1).mean() / travelled) < 0.35
    assert float((moved.value[0] - still.value[0])[40:].norm(dim=-1).mean() / travelled) < 0.35
    bent = moved.jacobian[0, :40] - rotation[clip, 5, :2, :2]
    assert float(bent.abs().mean()) < 0.03


def test_an_expression_is_told_from_the_turn_and_from_sway(heads):
    learnt = fit(heads[0], ANATOMY, "detector", "0" * 64)
    mouth = learnt.value[STROKES.index("mouth")]
    assert int(mouth.norm(dim=-1).argmax()) == 13
    others = torch.cat((mouth[:13], mouth[14:]))
    assert float(others.norm(dim=-1).max()) < 0.2 * float(mouth[13].norm())
    assert float(learnt.value[STROKES.index("smile")].abs().max()) < 0.2 * float(mouth[13].norm())
    assert torch.equal(learnt.value[:, 40:], torch.zeros(len(STROKES), 2, 2))


def test_a_blink_s_jacobians_are_left_to_the_flow_and_a_mouth_s_are_learnt(heads):
    seen, _ = heads
    squeezed = seen.jacobian.clone()
    units = seen.units.clone()
    units[..., BLINK] = torch.rand(units.shape[:2], generator=torch.Generator().manual_seed(3))
    units[:, 0] = 0
    squeezed[..., 1, 1] -= 0.5 * (units[..., BLINK] + units[..., JAW])[..., None]
    learnt = fit(replace(seen, jacobian=squeezed, units=units), ANATOMY, "detector", "0" * 64).jacobian
    assert not learnt[STROKES.index("blink")].any()
    assert learnt[STROKES.index("mouth"), :40, 1, 1].abs().min() > 0.1


@pytest.fixture
def clips(tmp_path, make_photo):
    """Two labelled clips of a drifting pattern."""
    (tmp_path / "train").mkdir()
    photo = iio.imread(make_photo(tmp_path / "pattern.png", size=(96, 96)))
    numbers = np.random.default_rng(0)
    for name in ("1a", "1b"):
        frames = np.stack([photo[step : step + 64, 16:80] for step in range(9)])
        iio.imwrite(tmp_path / "train" / f"{name}.mp4", frames, plugin="FFMPEG", fps=25, macro_block_size=8)
        pose, units = numbers.normal(0, 0.1, (9, 3)), numbers.uniform(0, 1, (9, UNITS))
        np.savez(tmp_path / "train" / f"{name}.npz", pose=pose, expression=units.astype(np.float16))
    (tmp_path / "index.json").write_text(json.dumps({name: {"split": "train"} for name in ("1a", "1b")}))
    return tmp_path


def test_a_model_is_asked_about_clips(clips, editing_checkpoint):
    loaded = load_model(str(editing_checkpoint))
    told = []
    learnt = learn_directions(loaded.model, loaded.info.sha256, clips, progress=lambda *step: told.append(step))
    assert learnt.checkpoint == loaded.info.sha256
    assert learnt.value.shape == (len(STROKES), 42, 2)
    assert told == [(1, 2), (2, 2)]


def test_wrong_clips_and_models_without_a_face_are_refused(clips, editing_checkpoint, tiny_checkpoint, tmp_path):
    model = load_model(str(editing_checkpoint)).model
    with pytest.raises(MediaError, match=r"index\.json"):
        learn_directions(model, "", tmp_path / "nowhere")
    (clips / "train" / "1b.npz").write_bytes(b"")
    with pytest.raises(MediaError, match="1b"):
        learn_directions(model, "", clips)
    with pytest.raises(CheckpointError, match="tied to the face"):
        learn_directions(load_model(str(tiny_checkpoint)).model, "", clips)
