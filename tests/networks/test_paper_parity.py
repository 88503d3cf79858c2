import numpy as np
import pytest
import reference
import torch
from tiny_models import randomise

from fomm.geometry.keypoints import Keypoints
from fomm.geometry.motion import Motion
from fomm.networks.paper import blocks

TOLERANCE = 1e-5


def close(ours, theirs):
    np.testing.assert_allclose(ours.detach().numpy(), np.asarray(theirs), atol=TOLERANCE, rtol=TOLERANCE)


@pytest.mark.parametrize(
    ("block", "formula"),
    [
        (blocks.SameBlock(5, 7), reference.same_block),
        (blocks.DownBlock(5, 7), reference.down_block),
        (blocks.UpBlock(5, 7), reference.up_block),
        (blocks.ResidualBlock(5), reference.residual_block),
    ],
    ids=["same", "down", "up", "residual"],
)
def test_block_matches_its_formula(block, formula):
    x = torch.randn(2, 5, 12, 8)
    state = {f"b.{key}": value for key, value in randomise(block).state_dict().items()}
    with torch.inference_mode():
        close(block(x.clone()), formula(state, "b", x.double()))


def test_hourglass_matches_its_formula():
    net = randomise(blocks.Hourglass(block_expansion=4, in_features=3, num_blocks=3, max_features=10))
    x = torch.randn(1, 3, 16, 24)
    state = {f"h.{key}": value for key, value in net.state_dict().items()}
    out = net(x)
    assert out.shape[1] == net.out_features
    close(out, reference.hourglass(state, "h", x.double(), 3))


@pytest.mark.parametrize(("scale", "kernel"), [(0.5, 5), (0.25, 13)])
def test_downsampling_is_blur_then_every_nth_pixel(scale, kernel):
    down = blocks.AntiAliasDownsample(3, scale)
    image = torch.rand(1, 3, 32, 48)
    assert down.weight.shape == (3, 1, kernel, kernel)
    close(down(image), reference.blur_and_subsample(image, scale))


def test_warp_looks_up_bilinearly_and_is_black_outside():
    features, flow = torch.randn(1, 4, 9, 7), 1.6 * torch.rand(1, 9, 7, 2) - 0.4
    close(blocks.warp(features, flow)[0], reference.sample(features[0].double().numpy(), flow[0].double().numpy()))


@pytest.fixture
def chain(paper_model, two_images):
    """Reference results of the whole chain for source and driving images."""
    source, driving = two_images
    options = {"scale": 0.25, "depth": 2, "temperature": 0.1, "num_kp": 3}
    detector, generator = paper_model.detector.state_dict(), paper_model.generator.state_dict()
    at_source = reference.detect(detector, source, **options)
    at_driving = reference.detect(detector, driving, **options)
    motion_state = {k.removeprefix("dense_motion_network."): v for k, v in generator.items()}
    flow, occlusion = reference.dense_motion(
        motion_state, source, at_driving, at_source, scale=0.25, depth=2, variance=0.01
    )
    frame = reference.generate(generator, source, flow, occlusion, down_blocks=2, residual_blocks=2)
    return {"source": at_source, "driving": at_driving, "flow": flow, "occlusion": occlusion, "frame": frame}


def as_keypoints(pair):
    return Keypoints(*(torch.from_numpy(part).float() for part in pair))


@torch.inference_mode()
def test_every_stage_of_the_paper_model_matches_the_reference(paper_model, two_images, chain):
    found = paper_model.detect(two_images[1])
    close(found.value, chain["driving"][0])
    close(found.jacobian, chain["driving"][1])

    encoded = paper_model.encode(two_images[0])
    motion = paper_model.dense_motion(
        encoded.features[1], as_keypoints(chain["driving"]), as_keypoints(chain["source"])
    )
    close(motion.flow, chain["flow"])
    close(motion.occlusion, chain["occlusion"])

    reference_motion = Motion(
        torch.from_numpy(chain["flow"]).float(), torch.from_numpy(chain["occlusion"]).float(), corners=True
    )
    close(paper_model.generator.decode(encoded.features[0], reference_motion), chain["frame"])


@torch.inference_mode()
def test_whole_frame_matches_the_reference(paper_model, two_images, chain):
    paper_model.double()  # a chain of warps amplifies the rounding of float32 beyond the tolerance
    source, driving = two_images.double()
    frames = paper_model.animate(paper_model.encode(source), paper_model.detect(driving), paper_model.detect(source))
    assert chain["frame"].std() > 0.02, "a flat picture would prove nothing"
    close(frames.image, chain["frame"])
    close(frames.visible, chain["occlusion"])
