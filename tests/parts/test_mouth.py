"""The drawn mouth lies between the inner lips of the frame to make, wherever they are, and nowhere else."""

import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from fomm.config.training.compact import CompactSettings
from fomm.errors import SettingsError
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import TIED_LANDMARKS
from fomm.model.compact import CompactModel
from fomm.parts.mouth import mouth_map
from fomm.render.optimise import prepare

SIDE = 128
HALF = 0.25  # half the width of the mouth below
PLACES = {61: (-1, 0), 291: (1, 0), 168: (0, -2.2), 98: (-0.3, -0.7), 327: (0.3, -0.7)}
INSIDE, BELOW_UPPER, ABOVE_LOWER, ALONG, DEPTH, SHOWN = range(6)


def face(opening=0.8, angle=0.0, where=(0.0, 0.0), upper=0.0):
    """Keypoints of a face whose lips are `opening` half widths apart amid the mouth, and 7/8 of that beside it."""
    value = torch.zeros(1, 40, 2)
    places = dict(PLACES)
    for landmark, x, part in ((81, -0.5, 0.875), (13, 0.0, 1.0), (311, 0.5, 0.875)):
        places[landmark] = (x, upper * part)
    for landmark, x, part in ((178, -0.5, 0.875), (14, 0.0, 1.0), (402, 0.5, 0.875)):
        places[landmark] = (x, (upper + opening) * part)
    for landmark, place in places.items():
        value[0, TIED_LANDMARKS.index(landmark)] = HALF * torch.tensor(place)
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return Keypoints(value @ turn.T + torch.tensor(where)), turn


def read(planes, places, turn, where):
    """Read planes at places given in half widths of the mouth: `[6, N]`."""
    at = HALF * torch.tensor(places) @ turn.T + torch.tensor(where)
    return F.grid_sample(planes, at.view(1, -1, 1, 2), align_corners=False)[0, :, :, 0]


@pytest.mark.parametrize(("angle", "where"), [(0.0, (0.0, 0.0)), (0.6, (0.3, -0.2)), (-2.5, (-0.2, 0.1))])
def test_a_place_in_the_mouth_knows_lips_skull_and_middle(angle, where):
    driving, turn = face(angle=angle, where=where)
    planes = mouth_map(driving, driving, SIDE)
    seen = read(planes, [(0.0, 0.3), (0.25, 0.5)], turn, where)
    torch.testing.assert_close(seen[INSIDE], torch.ones(2))
    torch.testing.assert_close(seen[BELOW_UPPER], torch.tensor([0.3, 0.5]), atol=0.02, rtol=0)
    torch.testing.assert_close(seen[ABOVE_LOWER], torch.tensor([0.5, 0.25]), atol=0.03, rtol=0)
    torch.testing.assert_close(seen[ALONG], torch.tensor([0.0, 0.25]), atol=0.02, rtol=0)
    torch.testing.assert_close(seen[DEPTH], torch.tensor([1.0, 1.2]) / 1.5, atol=0.02, rtol=0)
    torch.testing.assert_close(seen[SHOWN], torch.full((2,), 0.8), atol=0.02, rtol=0)


def test_outside_of_the_lips_nothing_is_drawn():
    driving, turn = face()
    outside = [(0.0, -0.15), (0.0, 1.0), (-1.1, 0.05), (0.9, 0.5), (0.0, -2.0)]
    assert not read(mouth_map(driving, driving, SIDE), outside, turn, (0.0, 0.0)).any()


def test_shut_lips_leave_no_inside():
    shut, _ = face(opening=0.0)
    wide, _ = face()
    assert mouth_map(shut, wide, SIDE)[:, INSIDE].max() < 0.6
    assert mouth_map(shut, wide, SIDE)[:, INSIDE].mean() < 0.1 * mouth_map(wide, shut, SIDE)[:, INSIDE].mean()
    assert not mouth_map(wide, shut, SIDE)[:, SHOWN].any()


@pytest.mark.parametrize("where", [(0.0, 0.0), (0.7, 0.8), (-1.1, -0.9), (3.0, 0.0)])
def test_mouths_are_whole_wherever_they_are_in_a_batch(where):
    (first, _), (second, _) = face(), face(angle=2.0, where=where)
    both = mouth_map(Keypoints.cat([first, second]), Keypoints.cat([first, first]), SIDE)
    torch.testing.assert_close(both[1:], mouth_map(second, first, SIDE))
    torch.testing.assert_close(both[:1], mouth_map(first, first, SIDE))


def test_lips_in_a_wrong_order_give_numbers():
    crossed, _ = face()
    value = crossed.value.clone()
    value[0] = value[0].flip(0)
    planes = mouth_map(Keypoints(value), crossed, SIDE)
    assert planes.isfinite().all()
    assert planes.abs().max() <= 2
    nowhere = mouth_map(Keypoints(torch.zeros(1, 40, 2)), crossed, SIDE)
    assert nowhere.isfinite().all()


@pytest.fixture
def model():
    torch.manual_seed(1)
    return CompactModel(replace(SMALL, mouth_map=True)).eval()


SMALL = CompactSettings(detector_width=4, motion_width=4, max_width=8, levels=2, generator_width=4, generator_blocks=0)


def test_the_generator_sees_how_far_the_mouth_is_open(model):
    source = torch.rand(1, 3, 256, 256)
    jacobian = torch.eye(2).expand(1, 44, 2, 2)
    shut, wide = (Keypoints(F.pad(face(opening)[0].value, (0, 0, 0, 4)), jacobian) for opening in (0.0, 0.8))
    encoded = model.encode(source)
    moved = replace(model.move(source, shut, shut), mouth=mouth_map(wide, shut, SIDE))
    plain = model.generator.decode(source, encoded.features[1:], model.move(source, shut, shut)).image
    opened = model.generator.decode(source, encoded.features[1:], moved).image
    changed = (plain - opened).abs().amax(1)[0] > 1e-6
    assert changed[128:160, 100:156].float().mean() > 0.5
    assert not changed[:90].any()


def copied_shares(copying, driving, source, training=False):
    """Return the copied share `[256, 256]` of a frame that goes from the keypoints `source` to `driving`."""
    torch.manual_seed(1)
    model = CompactModel(replace(SMALL, mouth_map=True, copying=copying)).train(training)
    jacobian = torch.eye(2).expand(1, 44, 2, 2)
    moments = [Keypoints(F.pad(keypoints.value, (0, 0, 0, 4)), jacobian) for keypoints in (driving, source)]
    picture = torch.rand(1, 3, 256, 256)
    motion = model.move(picture, *moments)
    return model.generator.decode(picture, model.generator.encode(picture), motion).copied[0, 0]


def test_more_is_copied_but_where_a_shut_mouth_opens():
    wide, shut = face()[0], face(opening=0.0)[0]
    inside = (slice(140, 148), slice(124, 132))
    plain, more = (copied_shares(copying, wide, shut) for copying in (0.0, 2.0))
    torch.testing.assert_close(more[inside], plain[inside], atol=1e-4, rtol=0)
    torch.testing.assert_close(more[:90].logit(), plain[:90].logit() + 2, atol=1e-3, rtol=0)
    plain, more = (copied_shares(copying, wide, wide) for copying in (0.0, 2.0))  # here there are teeth to copy
    torch.testing.assert_close(more[inside].logit(), plain[inside].logit() + 2, atol=1e-3, rtol=0)


def test_training_goes_on_without_more_copies():
    wide = face()[0]
    plain, more = (copied_shares(copying, wide, wide, training=True) for copying in (0.0, 2.0))
    torch.testing.assert_close(more, plain)


def test_the_decoder_reads_all_of_it_in_the_layout_that_is_fast(model):
    prepare(model, torch.bfloat16)
    layouts = []
    model.generator.decode_half.register_forward_pre_hook(
        lambda module, inputs: layouts.append(inputs[0].is_contiguous(memory_format=torch.channels_last))
    )
    with torch.inference_mode():
        source = torch.rand(1, 3, 256, 256)
        found = model.detect(source)
        model.animate(model.encode(source), found, found)
    assert layouts == [True]


def test_a_motion_without_a_mouth_is_refused(model):
    source = torch.rand(1, 3, 256, 256)
    found = model.detect(source)
    motion = replace(model.move(source, found, found), mouth=None)
    with pytest.raises(ValueError, match="where the mouth is"):
        model.generator.decode(source, model.encode(source).features[1:], motion)


def test_a_model_without_lips_cannot_draw_them():
    with pytest.raises(SettingsError, match=r"model\.mouth_map"):
        CompactModel(replace(SMALL, tied_keypoints=20, mouth_map=True))
