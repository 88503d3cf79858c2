import pytest
import torch
from tiny_training import compact_mapping

from fomm.errors import SettingsError
from fomm.training.clips import PairedClips
from fomm.training.mouths import cut_mouths
from fomm.training.paired_task import PairedTask
from fomm.training.settings import CompactConfig
from fomm.training.task import Draw


def frames_with_mouths(*places):
    """Return frames that are white where a mouth of 16 x 8 pixels is, and its planes; None for a shut one."""
    planes = torch.zeros(len(places), 6, 16, 16)
    for number, place in enumerate(places):
        if place:
            planes[number, 0, place[0] : place[0] + 2, place[1] : place[1] + 4] = 1
    return torch.nn.functional.interpolate(planes[:, :1], scale_factor=4.0).expand(-1, 3, -1, -1), planes


def test_pieces_have_the_mouth_in_their_middle_wherever_it_is():
    frames, planes = frames_with_mouths((7, 2), None, (3, 8))
    (pieces,) = cut_mouths((frames,), planes, 16)
    assert pieces.shape == (2, 9, 16, 16)
    for piece in pieces:
        assert piece[:3, 5:11, 2:14].mean() == 1
        assert piece[:3, :4].sum() == 0
        assert piece[:3, 12:].sum() == 0
        assert piece[3, 7:9, 2:14].mean() == pytest.approx(1)


def test_a_mouth_at_the_border_is_cut_within_the_frame():
    frames, planes = frames_with_mouths((0, 12))
    (piece,), (other,) = cut_mouths((frames, 1 - frames), planes, 32)
    assert piece[:3, :8, 16:].mean() == 1
    assert torch.equal(other[:3], 1 - piece[:3])
    assert torch.equal(other[3:], piece[3:])


def test_shut_mouths_alone_give_nothing_to_judge():
    frames, planes = frames_with_mouths(None, None)
    (pieces,) = cut_mouths((frames,), planes, 16)
    assert pieces.shape == (0, 9, 16, 16)


@pytest.fixture
def judged_task(labelled_clips, clip_cache):
    """Return a function: a task whose adversary judges mouths."""
    clips = PairedClips(labelled_clips, "train", clip_cache)

    def build(mouth_map=True, **discriminator):
        stage = {
            "name": "generator",
            "steps": 1,
            "judged": "mouths",
            "generator": {"adversarial": 1.0, "feature_matching": 1.0},
            "discriminator": {"block_expansion": 4, "num_blocks": 1, **discriminator},
        }
        mapping = compact_mapping(stage)
        mapping["model"]["mouth_map"] = mouth_map
        task = PairedTask(CompactConfig.from_mapping(mapping, where="test"), clips, torch.device("cpu"))
        task.begin(0)
        return task

    return build


@pytest.fixture
def mouths(monkeypatch):
    """Return a function that opens or shuts the mouths of all frames to come."""

    def draw(open_ones):
        def mouth_map(driving, source, side):
            planes = torch.zeros(len(driving), 6, side, side)
            planes[:open_ones, :, side // 4 : side // 2, side // 4 : side // 2] = 1
            return planes

        monkeypatch.setattr("fomm.nn.compact_motion.mouth_map", mouth_map)

    return draw


def test_the_adversary_of_mouths_sees_open_ones_only(judged_task, mouths):
    task = judged_task()
    sample = task.make_batch(Draw(0, 0, 5))
    mouths(1)
    outcome = task.losses(sample)
    assert len(outcome.generated) == len(outcome.target) == 1
    assert {"adversarial", "feature_matching"} <= set(outcome.losses)
    outcome.losses["adversarial"].backward()
    assert task.model.generator.paint.weight.grad.abs().sum() > 0
    own = task.critic.own_losses(outcome.generated, outcome.target, outcome.driving)["discriminator"]
    assert float(own.detach()) > 0
    mouths(0)
    outcome = task.losses(sample)
    assert outcome.generated is None
    assert "adversarial" not in outcome.losses
    assert "pixels" in outcome.losses


@pytest.mark.parametrize("wrong", [{"mouth_map": False}, {"use_kp": True}])
def test_an_adversary_of_mouths_without_their_planes_is_refused(judged_task, wrong):
    with pytest.raises(SettingsError, match="mouth_map"):
        judged_task(**wrong)
