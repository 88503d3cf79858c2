"""A head that turns from aside to the front: its far half is the mirrored photo's, down to the photo's own pixels."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from fomm.config.refine import RefineSettings
from fomm.config.render import RenderSettings
from fomm.config.training.compact import CompactSettings
from fomm.face.crop import CropWindow
from fomm.geometry.anatomy import Anatomy
from fomm.geometry.grids import coordinate_grid
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import MEAN_FACE, MIRROR
from fomm.geometry.motion import Motion
from fomm.model.compact import CompactModel
from fomm.model.interface import EncodedSource, GeneratedFrames, MirroredDetail
from fomm.render.animator import Animator, Portrait
from fomm.render.mirrored_half import with_far_half
from fomm.render.paste_back import PasteBack
from fomm.source.mirrored_half import FarHalf

SIDE = 64
ANATOMY = Anatomy.of_tied(42)


def head(yaw):
    x, _, z = (0.3 * torch.tensor(MEAN_FACE)).T
    angle = math.radians(yaw)
    return torch.stack((x * math.cos(angle) + z * math.sin(angle), 0.3 * torch.tensor(MEAN_FACE)[:, 1]), dim=-1)[None]


def half_of(yaw):
    other = head(yaw)[:, list(MIRROR)] * torch.tensor([-1.0, 1.0])
    return FarHalf(Keypoints(head(yaw)), Keypoints(other), ANATOMY)


def frames(image, front=None):
    flow = coordinate_grid(16, 16, torch.zeros(()), corners=False)[None]
    share = torch.ones(1, 1, SIDE, SIDE)
    return GeneratedFrames(image, Motion(flow, front=front), share, moved=image, behind=0.5 * share)


def picture(seed=1):
    coarse = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, size=(SIDE, SIDE), mode="bilinear")


def test_the_far_half_is_the_mirrored_persons_and_the_rest_the_photos():
    made, other = frames(picture(1)), frames(picture(2))
    both = with_far_half(made, other, half_of(30), head(0))
    rows = slice(22, 34)
    left, right = slice(0, 28), slice(39, 43)  # columns: 30 degrees to the right, the far half is the right one
    assert torch.equal(both.image[..., left], made.image[..., left])
    assert both.visible[..., rows, right].max() < 0.1
    assert both.behind[..., rows, right].max() < 0.1
    assert both.mirrored.share[..., rows, right].min() > 0.9
    near = (both.image - other.image).abs()[..., rows, right].mean()
    assert near < 0.5 * (both.image - made.image).abs()[..., rows, right].mean()


def test_what_is_no_person_in_the_mirrored_frame_is_not_taken():
    made, other = frames(picture(1)), frames(picture(2), front=torch.zeros(1, 1, 16, 16))
    assert torch.equal(with_far_half(made, other, half_of(30), head(0)).image, made.image)


def test_light_from_the_other_side_takes_the_photos_colours():
    """A face that is dark on its far half, and its mirror image, which is dark on the other one."""
    shade = torch.linspace(0.8, 0.5, SIDE).expand(1, 3, SIDE, SIDE)
    both = with_far_half(frames(shade), frames(shade.flip(-1)), half_of(30), head(0))
    there = with_far_half(frames(shade), frames(shade.flip(-1)), half_of(30), head(0)).mirrored.share > 0.9
    wrong = (both.image - shade).abs()[there.expand_as(shade)].mean()
    assert wrong < 0.35 * (shade.flip(-1) - shade).abs()[there.expand_as(shade)].mean()


def test_fine_detail_is_read_from_the_mirrored_place_of_the_photo():
    noise = np.random.default_rng(3).integers(0, 256, (256, 256, 3)).astype(np.uint8)
    window = CropWindow(32.0, 16.0, 192.0)
    square = torch.from_numpy(window.crop(noise, SIDE).copy()).permute(2, 0, 1)[None].float() / 255
    portrait = Portrait(noise, window, EncodedSource(square, ()), Keypoints(torch.zeros(1, 1, 2)))
    still, mirror = torch.zeros(1, 2, 16, 16), square.flip(-1)
    made = replace(
        frames(mirror),
        visible=torch.zeros(1, 1, SIDE, SIDE),
        behind=None,
        mirrored=MirroredDetail(still, torch.ones(1, 1, SIDE, SIDE), mirror),
    )
    shown = PasteBack(portrait, RefineSettings(edge=0.05)).compose(made)[0]
    inner = slice(60, 190)
    expected = noise[:, 32:224][:, ::-1]  # the window's columns mirrored
    assert np.abs(shown[inner, 60:196].astype(int) - expected[inner, 28:164]).mean() < 2


def make_animator(precision):
    """An animator of a tiny untrained model."""
    sizes = {"image_size": SIDE, "motion_side": 16, "max_width": 12, "levels": 2, "generator_blocks": 1}
    widths = {"detector_width": 6, "motion_width": 6, "generator_width": 6}
    torch.manual_seed(0)
    model = CompactModel(CompactSettings(tied_keypoints=42, free_keypoints=0, **sizes, **widths)).eval()
    return Animator(model, SIDE, RenderSettings(device="cpu", precision=precision))


@pytest.fixture
def animator():
    return make_animator("float32")


def portrait_of(animator, monkeypatch, yaw):
    monkeypatch.setattr(animator._model, "detect", lambda image: points(yaw))
    photo = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    return animator.portrait(photo, CropWindow(0.0, 0.0, float(SIDE)))


def points(*yaws):
    value = torch.cat([head(yaw) for yaw in yaws])
    return Keypoints(value, torch.eye(2).expand(len(yaws), 42, 2, 2).clone())


def images(animator, portrait, driving):
    return torch.cat([made.image for made in animator.frames(portrait, driving)]).float()


def test_only_frames_that_show_more_of_the_far_half_change(animator, monkeypatch):
    portrait = portrait_of(animator, monkeypatch, 30)
    driving = points(30, 40, 0)
    plain = images(animator, replace(portrait, mirrored=None), driving)
    helped = images(animator, portrait, driving)
    assert torch.equal(helped[:2], plain[:2])
    assert not torch.allclose(helped[2], plain[2], atol=1e-3)
    one_by_one = torch.cat([images(animator, portrait, driving[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(helped, one_by_one, atol=1e-4, rtol=0)


def test_a_photo_from_the_front_costs_no_second_look(animator, monkeypatch):
    assert portrait_of(animator, monkeypatch, 5).mirrored is None


def test_places_are_exact_where_networks_are_not(monkeypatch):
    """The mirrored head that stays where it is keeps its surroundings as they are."""
    animator = make_animator("bfloat16")
    portrait = portrait_of(animator, monkeypatch, 30)
    following = portrait.mirrored.half.follow(points(30))
    torch.testing.assert_close(following.jacobian, torch.eye(2).expand(1, 42, 2, 2), atol=1e-4, rtol=0)
