from dataclasses import replace

import pytest
import torch
from tiny_training import compact_mapping

from fomm.config.training.stages import CompactConfig
from fomm.errors import SettingsError
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import EYES
from fomm.model.compact import CompactModel
from fomm.training.data.labelled_clips import PairedClips
from fomm.training.loop.start import start_from
from fomm.training.tasks.paired import PairedTask
from fomm.weights.loading import save_model


@pytest.fixture
def small_settings():
    return CompactConfig.from_mapping(compact_mapping(), where="test").model


@pytest.fixture
def checkpoint(small_settings, tmp_path):
    torch.manual_seed(5)
    model = CompactModel(small_settings).eval()
    with torch.no_grad():
        for parameter in model.dense_motion.mask.parameters():
            parameter.normal_()
    path = tmp_path / "small.safetensors"
    save_model(path, model, name="small", licence="none", origin="a test")
    return model, path


def test_a_model_with_more_keypoints_still_finds_the_old_ones(checkpoint, small_settings):
    old, path = checkpoint
    grown = CompactModel(replace(small_settings, free_keypoints=6, carried_motions=2)).eval()
    start_from(grown, str(path))
    picture = torch.rand(1, 3, 256, 256)
    torch.testing.assert_close(
        grown.detect(picture).value[:, : small_settings.num_keypoints], old.detect(picture).value, atol=1e-5, rtol=1e-4
    )


def test_new_keypoints_hardly_change_where_the_old_ones_move_things(checkpoint, small_settings):
    old, path = checkpoint
    grown = CompactModel(replace(small_settings, free_keypoints=6)).eval()
    start_from(grown, str(path))
    with torch.no_grad():
        grown.dense_motion.log_reach[small_settings.num_keypoints :] = -12.0  # far smaller than a cell
    source, picture = 0.5 * torch.randn(2, 1, grown.settings.num_keypoints, 2), torch.rand(1, 3, 256, 256)
    jacobian = torch.eye(2).expand(1, grown.settings.num_keypoints, 2, 2)
    driving, resting = (Keypoints(value, jacobian) for value in source)
    known = slice(small_settings.num_keypoints)
    first = [Keypoints(seen.value[:, known], jacobian[:, known]) for seen in (driving, resting)]
    before, after = old.move(picture, *first).displacement(), grown.move(picture, driving, resting).displacement()
    assert (before - after).abs().max() < 1e-3 < before.abs().max()


def test_irises_join_the_tied_keypoints_near_their_eyes(checkpoint, small_settings):
    old, path = checkpoint
    grown = CompactModel(replace(small_settings, tied_keypoints=small_settings.tied_keypoints + 2)).eval()
    start_from(grown, str(path))
    picture = torch.rand(1, 3, 256, 256)
    before, after = old.detect(picture).value, grown.detect(picture).value
    tied = small_settings.tied_keypoints
    torch.testing.assert_close(torch.cat((after[:, :tied], after[:, tied + 2 :]), 1), before, atol=1e-5, rtol=1e-4)
    for iris, eye in zip(after[0, tied : tied + 2], EYES, strict=True):
        around = before[0, list(eye)]
        assert (iris >= around.amin(0) - 0.05).all()
        assert (iris <= around.amax(0) + 0.05).all()


def test_a_checkpoint_with_more_keypoints_is_refused(checkpoint, small_settings):
    with pytest.raises(SettingsError, match="more keypoints"):
        start_from(CompactModel(replace(small_settings, free_keypoints=1)), str(checkpoint[1]))


def test_more_carried_motions_start_as_another_background(checkpoint, small_settings, tmp_path):
    two = CompactModel(replace(small_settings, carried_motions=2)).eval()
    start_from(two, str(checkpoint[1]))
    path = tmp_path / "two.safetensors"
    with torch.no_grad():
        two.dense_motion.carried.weight.normal_(std=0.2)
    save_model(path, two, name="two", licence="none", origin="a test")
    three = CompactModel(replace(small_settings, carried_motions=3)).eval()
    start_from(three, str(path))
    value = 0.5 * torch.randn(2, 1, small_settings.num_keypoints, 2)
    driving, resting = (Keypoints(seen) for seen in value)
    here, grown = (model.dense_motion.carried(driving, resting) for model in (two, three))
    torch.testing.assert_close(grown[:, :2], here)
    torch.testing.assert_close(grown[:, 2], torch.tensor([[0.0, 0.0, 1.0, 0.0, 0.0, 1.0]]))


def test_a_finer_flow_starts_with_the_old_corrections(checkpoint, small_settings):
    old, path = checkpoint
    with torch.no_grad():
        old.dense_motion.residual.weight.normal_(std=5.0)
    save_model(path, old, name="small", licence="none", origin="a test")
    fine = CompactModel(replace(small_settings, flow_detail=2)).eval()
    start_from(fine, str(path))
    picture = torch.rand(1, 3, 256, 256)
    still = Keypoints(torch.zeros(1, small_settings.num_keypoints, 2))
    side = small_settings.motion_side
    before, after = old.move(picture, still, still), fine.move(picture, still, still)
    assert after.flow.shape[1] == 2 * side
    assert before.displacement().abs().max() > 0.01
    torch.testing.assert_close(after.flow_on(side)[:, 1:-1, 1:-1], before.flow[:, 1:-1, 1:-1], atol=2e-3, rtol=0)


def test_a_detector_that_reads_more_pixels_starts_seeing_the_same(checkpoint, small_settings):
    old, path = checkpoint
    fine = CompactModel(replace(small_settings, detector_detail=4)).eval()
    start_from(fine, str(path))
    picture = torch.rand(1, 3, 256, 256)
    torch.testing.assert_close(fine.detect(picture).value, old.detect(picture).value, atol=1e-5, rtol=1e-4)
    with pytest.raises(SettingsError, match="stem"):
        start_from(CompactModel(replace(small_settings, detector_detail=3)), str(path))


def test_a_generator_that_is_told_of_the_mouth_starts_without_heeding_it(checkpoint, small_settings):
    old, path = checkpoint
    told = CompactModel(replace(small_settings, mouth_map=True)).eval()
    start_from(told, str(path))
    source, driving = torch.rand(2, 1, 3, 256, 256)
    before, after = (
        model.animate(model.encode(source), model.detect(driving), model.detect(source)).image for model in (old, told)
    )
    torch.testing.assert_close(after, before, atol=1e-5, rtol=0)


def test_training_starts_from_the_checkpoint_it_names(checkpoint, labelled_clips, clip_cache):
    old, path = checkpoint
    config = CompactConfig.from_mapping(compact_mapping({"name": "motion", "steps": 1}, start=str(path)), where="test")
    task = PairedTask(config, PairedClips(labelled_clips, "train", clip_cache / "start"), torch.device("cpu"))
    for name, value in old.state_dict().items():
        torch.testing.assert_close(task.model.state_dict()[name], value)


def test_a_wider_model_starts_with_the_same_pictures(checkpoint, small_settings):
    old, path = checkpoint
    torch.manual_seed(3)
    for module in old.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5)
            module.running_mean.uniform_(-0.2, 0.2)
    save_model(path, old, name="small", licence="none", origin="a test")
    sizes = {"detector_width": 6, "motion_width": 9, "max_width": 20, "generator_width": 8, "generator_blocks": 2}
    wide = CompactModel(replace(small_settings, **sizes)).eval()
    start_from(wide, str(path))
    source, driving = torch.rand(2, 1, 3, 256, 256)
    results = []
    for model in (old, wide):
        found = model.detect(driving), model.detect(source)
        results.append((found[0].value, found[0].jacobian, model.animate(model.encode(source), *found).image))
    for before, after in zip(*results, strict=True):
        torch.testing.assert_close(after, before, atol=2e-4, rtol=1e-3)


def test_what_a_wider_model_repeats_can_learn_apart(checkpoint, small_settings):
    _, path = checkpoint
    wide = CompactModel(replace(small_settings, generator_width=8)).train()
    start_from(wide, str(path))
    torch.manual_seed(4)
    source, driving = torch.rand(2, 2, 3, 256, 256)
    frames = wide.animate(wide.encode(source), wide.detect(driving), wide.detect(source))
    (frames.image - driving).square().mean().backward()
    first = wide.generator.encode_half[0]
    torch.testing.assert_close(first.weight[:4], first.weight[4:])
    assert (first.weight.grad[:4] - first.weight.grad[4:]).norm() > 0.1 * first.weight.grad.norm()


def test_a_model_with_a_matte_starts_from_one_without(checkpoint, small_settings):
    old, path = checkpoint
    filled = {"hidden_margin": 0.06, "hidden_fill": True}
    grown = CompactModel(replace(small_settings, matte_width=4, **filled)).eval()
    new = {name: value.clone() for name, value in grown.matte.state_dict().items()}
    start_from(grown, str(path))
    assert torch.equal(grown.generator.paint.weight, old.generator.paint.weight)
    assert all(torch.equal(value, new[name]) for name, value in grown.matte.state_dict().items())
    save_model(path, grown, name="grown", licence="none", origin="a test")
    again = CompactModel(replace(small_settings, matte_width=4, max_width=12, **filled)).eval()
    start_from(again, str(path))
    blocks = torch.rand(1, 12, 64, 64)
    torch.testing.assert_close(again.matte(blocks), grown.matte(blocks), atol=2e-4, rtol=1e-3)
    finer = CompactModel(replace(small_settings, matte_width=6, matte_detail=4, **filled)).eval()
    start_from(finer, str(path))  # a matte of another size begins anew
    assert torch.equal(finer.generator.paint.weight, grown.generator.paint.weight)


def test_a_model_that_looks_closer_starts_from_one_that_does_not(checkpoint, small_settings):
    old, path = checkpoint
    tied = {"tied_keypoints": 42}
    grown = CompactModel(replace(small_settings, close_look=4, **tied)).eval()
    assert start_from(grown, str(path)).close_look == 0
    assert torch.equal(grown.generator.paint.weight, old.generator.paint.weight)
    save_model(path, grown, name="closer", licence="none", origin="a test")
    again = CompactModel(replace(small_settings, close_look=4, **tied)).eval()
    start_from(again, str(path))
    assert torch.equal(again.detector.close.eye.heatmap.weight, grown.detector.close.eye.heatmap.weight)
    other = CompactModel(replace(small_settings, close_look=6, **tied)).eval()
    start_from(other, str(path))  # another width begins anew
    assert torch.equal(other.detector.hourglass.stem[0].weight, grown.detector.hourglass.stem[0].weight)


def test_a_wider_checkpoint_is_refused_by_name(checkpoint, small_settings):
    _, path = checkpoint
    with pytest.raises(SettingsError, match=r"training\.start: .*small\.safetensors.* max_width is smaller"):
        start_from(CompactModel(replace(small_settings, max_width=4)), str(path))
