import dataclasses

import pytest
import torch
from tiny_models import randomise, tiny_mapping

from fomm.config.training.paper import CommonParams, DiscriminatorParams, KeypointParams, ModelConfig
from fomm.errors import SettingsError
from fomm.geometry.keypoints import Keypoints
from fomm.model.build import build_model, family_of, model_settings
from fomm.model.paper import build_paper_model
from fomm.networks.paper.discriminator import MultiScaleDiscriminator


def parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.fixture
def meta_vox():
    with torch.device("meta"):
        return build_paper_model(ModelConfig())


def test_vox_detector_has_the_published_layout(meta_vox):
    state = {key: tuple(value.shape) for key, value in meta_vox.detector.state_dict().items()}
    assert (len(state), parameters(meta_vox.detector)) == (75, 14_215_368)
    widths = [state[f"predictor.encoder.down_blocks.{i}.conv.weight"][:2] for i in range(5)]
    assert widths == [(64, 3), (128, 64), (256, 128), (512, 256), (1024, 512)]
    widths = [state[f"predictor.decoder.up_blocks.{i}.conv.weight"][:2] for i in range(5)]
    assert widths == [(512, 1024), (256, 1024), (128, 512), (64, 256), (32, 128)]
    assert state["kp.weight"] == (10, 35, 7, 7)
    assert state["jacobian.weight"] == (40, 35, 7, 7)
    assert state["down.weight"] == (3, 1, 13, 13)
    assert state["predictor.encoder.down_blocks.0.norm.num_batches_tracked"] == ()


def test_vox_generator_has_the_published_layout(meta_vox):
    state = {key: tuple(value.shape) for key, value in meta_vox.generator.state_dict().items()}
    assert (len(state), parameters(meta_vox.generator)) == (196, 45_575_391)
    dense = "dense_motion_network."
    assert state[f"{dense}hourglass.encoder.down_blocks.0.conv.weight"] == (128, 44, 3, 3)
    assert state[f"{dense}hourglass.decoder.up_blocks.4.conv.weight"] == (64, 256, 3, 3)
    assert state[f"{dense}mask.weight"] == (11, 108, 7, 7)
    assert state[f"{dense}occlusion.weight"] == (1, 108, 7, 7)
    assert state["first.conv.weight"] == (64, 3, 7, 7)
    assert state["bottleneck.r5.conv2.weight"] == (256, 256, 3, 3)
    assert state["bottleneck.r0.norm1.running_var"] == (256,)
    assert state["up_blocks.1.conv.weight"] == (64, 128, 3, 3)
    assert state["final.weight"] == (3, 64, 7, 7)


def test_discriminator_has_the_published_layout():
    with torch.device("meta"):
        net = MultiScaleDiscriminator(
            CommonParams(), DiscriminatorParams(scales=(1.0, 0.5), block_expansion=32, sn=True, use_kp=True)
        )
    state = {key: tuple(value.shape) for key, value in net.state_dict().items()}
    assert state["discs.1.down_blocks.0.conv.weight_orig"] == (64, 13, 4, 4)
    assert state["discs.1.down_blocks.3.conv.weight_v"] == (256 * 16,)
    assert state["discs.0-5.conv.weight_u"] == (1,)
    assert "discs.1.down_blocks.0.norm.weight" not in state
    assert state["discs.1.down_blocks.1.norm.weight"] == (128,)
    assert "discs.1.down_blocks.1.norm.running_mean" not in state


def test_jacobians_start_as_the_identity():
    model = build_paper_model(ModelConfig.from_mapping(tiny_mapping()))
    jacobian = model.detect(torch.rand(1, 3, 64, 64)).jacobian
    torch.testing.assert_close(jacobian, torch.eye(2).expand(1, 3, 2, 2))


@torch.inference_mode()
def test_one_encoded_source_serves_a_batch(paper_model, two_images):
    source, driving = two_images[0, :1], two_images[1]
    encoded, at_source, at_driving = paper_model.encode(source), paper_model.detect(source), paper_model.detect(driving)
    batch = paper_model.animate(encoded, at_driving, at_source)
    for i in range(2):
        single = paper_model.animate(encoded, at_driving[i : i + 1], at_source)
        torch.testing.assert_close(batch.image[i : i + 1], single.image, atol=1e-5, rtol=1e-4)


@torch.inference_mode()
@pytest.mark.parametrize("how", ["autocast", "bfloat16 weights", "channels_last"])
def test_faster_precision_and_layout_stay_close(paper_model, two_images, how):
    def run(model):
        source, driving = two_images
        return model.animate(model.encode(source), model.detect(driving), model.detect(source))

    exact = run(paper_model)
    if how == "autocast":
        with torch.autocast("cpu", torch.bfloat16):
            fast = run(paper_model)
    elif how == "bfloat16 weights":
        fast = run(paper_model.to(torch.bfloat16))
    else:
        fast = run(paper_model.to(memory_format=torch.channels_last))
    assert fast.image.dtype == fast.motion.flow.dtype == fast.visible.dtype == torch.float32
    assert (fast.image - exact.image).abs().mean() < (1e-6 if how == "channels_last" else 0.01)


@torch.inference_mode()
def test_flow_keeps_full_precision_under_autocast(paper_model):
    """Shifting the keypoints of both images by a hair must move the flow as little, not by bfloat16 steps."""
    small = torch.rand(1, 3, 16, 16)
    points = Keypoints(torch.tensor([[[0.5, 0.5]] * 3]), torch.eye(2).expand(1, 3, 2, 2))
    shifted = Keypoints(points.value + 1e-4, points.jacobian)
    with torch.autocast("cpu", torch.bfloat16):
        flows = [paper_model.dense_motion(small, points, p).flow for p in (points, shifted)]
    assert 0 < (flows[1] - flows[0]).abs().max() < 2e-3


def test_gradients_reach_every_weight(paper_model, two_images):
    paper_model.train()
    source, driving = two_images
    frames = paper_model.animate(paper_model.encode(source), paper_model.detect(driving), paper_model.detect(source))
    frames.image.square().mean().backward()
    without = [name for name, weight in paper_model.named_parameters() if weight.grad is None]
    assert not without


def test_model_without_jacobians_or_occlusion_animates():
    mapping = tiny_mapping()
    mapping["common_params"]["estimate_jacobian"] = False
    mapping["generator_params"]["estimate_occlusion_map"] = False
    model = randomise(build_paper_model(ModelConfig.from_mapping(mapping)))
    image = torch.rand(1, 3, 64, 64)
    points = model.detect(image)
    frames = model.animate(model.encode(image), points, points)
    assert points.jacobian is None
    assert frames.motion.occlusion is None
    assert frames.visible.shape == (1, 1, 16, 16)
    assert (frames.visible == 1).all()


@pytest.mark.parametrize("call", ["detect", "encode"])
def test_wrong_image_size_is_explained(paper_model, call):
    with pytest.raises(SettingsError, match=r"60x64 pixels.*multiples of 16"):
        getattr(paper_model, call)(torch.rand(1, 3, 64, 60))


def test_discriminator_judges_every_scale_and_returns_features():
    config = ModelConfig.from_mapping(tiny_mapping())
    params = dataclasses.replace(config.discriminator_params, scales=(1.0, 0.5))
    net = MultiScaleDiscriminator(config.common_params, params)
    pyramid = {1.0: torch.rand(2, 3, 64, 64), 0.5: torch.rand(2, 3, 32, 32)}
    at = [Keypoints(torch.full((2, 3, 2), place)) for place in (0.0, 0.6)]
    judgements = [net.eval()(pyramid, keypoints) for keypoints in at]
    assert [len(j.features) for j in judgements[0]] == [3, 3]
    assert judgements[0][0].realness.shape == (2, 1, 10, 10)
    assert not torch.equal(judgements[0][0].realness, judgements[1][0].realness)


def test_keypoint_discriminator_refuses_to_judge_without_keypoints():
    config = ModelConfig.from_mapping(tiny_mapping())
    net = MultiScaleDiscriminator(config.common_params, config.discriminator_params)
    with pytest.raises(ValueError, match="driving keypoints"):
        net({1.0: torch.rand(1, 3, 64, 64)})


def test_families_are_told_apart():
    config = model_settings("paper", {"common_params": {"num_kp": 4}})
    assert family_of(config) == "paper"
    with pytest.raises(SettingsError, match="Unknown model family 'papper'"):
        model_settings("papper", {})
    with pytest.raises(SettingsError, match="KeypointParams does not describe a model"):
        build_model(KeypointParams())
