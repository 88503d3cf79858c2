"""What stands between a motion and the model reaches the keypoints that the model is handed, each by its setting."""

from fractions import Fraction

import pytest
import torch

from fomm.config.animate import AnimateSettings
from fomm.config.render import RenderSettings
from fomm.geometry.keypoints import Keypoints
from fomm.tasks.animate import Pipeline
from fomm.track.track import MotionTrack


@pytest.fixture(scope="module")
def bundled(ledger):
    return Pipeline(render=RenderSettings(device="cpu"), ledger=ledger)


@pytest.fixture(scope="module")
def own(bundled, portrait_photo):
    """Keypoints of the photo, whose mouth and eyes are open."""
    settings = AnimateSettings.from_mapping({"refine": {"min_side": 0}})
    return bundled.portrait(bundled.authorise(portrait_photo, settings), portrait_photo, settings).keypoints


@pytest.fixture
def driven(bundled, own):
    """Return a track of these keypoints `[T, K, 2]`, as if somebody who looks like the photo had been filmed."""

    def make(value):
        found = torch.ones(len(value), dtype=torch.bool)
        jacobian = own.jacobian.repeat(len(value), 1, 1, 1)
        return MotionTrack(value, jacobian, fps=Fraction(25), reference=0, found=found, detector=bundled.detector)

    return make


@pytest.fixture
def handed(bundled, driven, portrait_photo, settings, kept, tmp_path, monkeypatch):
    """Animate the photo with keypoints and settings; return those that the model is asked for, rendering none."""
    asked = []

    def finished(_portrait, driving, _finish):
        asked.append(Keypoints.cat(list(driving)).value)
        yield from ()

    monkeypatch.setattr(bundled._animator, "finished", finished)

    def animate(value, *, refine=None, **changes):
        driven(value).save(tmp_path / "driver.safetensors")
        wanted = settings(refine={"min_side": 0, **(refine or {})}, **changes)
        bundled.animate(portrait_photo, tmp_path / "driver.safetensors", tmp_path / "out.mp4", wanted)
        return asked.pop()

    return animate


def jitter(value):
    """How much keypoints `[T, K, 2]` tremble: what no smooth movement has."""
    return float(torch.diff(value, 4, dim=0).square().mean())


def gaps(bundled, value):
    """How far the lips are apart in each frame, `[T]`."""
    return torch.stack([column.gap(value) for column in bundled.anatomy.lips]).mean(0)


def openings(bundled, value):
    return torch.stack([eye.opening(value) for eye in bundled.anatomy.eyes]).mean(0)


def talking(bundled, own, shares):
    """Frames whose lips are apart by shares of the photo's gap, `[T, K, 2]`."""
    value = own.value.repeat(len(shares), 1, 1)
    for column in bundled.anatomy.lips:
        column.part(value, (torch.tensor(shares) - 1) * column.gap(own.value))
    return value


def blinking(bundled, own, shares):
    """Frames whose eyes are open by shares of the photo's opening, `[T, K, 2]`."""
    value = own.value.repeat(len(shares), 1, 1)
    for eye in bundled.anatomy.eyes:
        lids = value[:, eye.upper] - value[:, eye.lower]
        value[:, eye.upper] = value[:, eye.lower] + torch.tensor(shares)[:, None] * lids
    return value


def test_jitter_is_taken_out_of_a_motion_unless_it_is_to_stay(own, handed):
    frames = 40
    sway = 0.05 * torch.sin(torch.arange(frames) / 6)[:, None, None] * torch.tensor([1.0, 0.3])
    noise = 0.004 * torch.randn(frames, *own.value.shape[1:], generator=torch.Generator().manual_seed(0))
    calm, rough = (handed(own.value + sway + noise, smooth={"enabled": wanted}) for wanted in (True, False))
    assert jitter(calm) < 0.1 * jitter(rough)
    apart = (calm - rough).mean(1)  # [T, 2], but for the frame that each is told from
    assert float((apart - apart.mean(0)).abs().max()) < 0.005  # the sway is as far as it was
    finer = handed(own.value + sway + noise, smooth={"window": 0.2})
    assert jitter(calm) < 0.7 * jitter(finer)


@pytest.mark.parametrize(("meet", "least", "most"), [(True, -0.1, 0.1), (False, 0.3, 0.7)])
def test_lips_meet_as_the_drivers_do_unless_they_need_not(bundled, own, handed, meet, least, most):
    """The driver's mouth, less open to begin with, shuts: the same way does not shut the photo's."""
    moved = handed(talking(bundled, own, [0.5, 0.5, 0.0]), transfer={"lips_meet": meet, "reference": "first"})
    share = gaps(bundled, moved) / gaps(bundled, own.value)
    assert least < float(share[2]) < most
    assert float(share[0]) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(("meet", "share"), [(True, 2.5), (False, 1.0)])
def test_a_mouth_opens_as_far_as_one_that_is_never_shut_unless_it_need_not(bundled, own, handed, meet, share):
    moved = handed(talking(bundled, own, [2.5, 2.5]), transfer={"lips_meet": meet, "reference": "first"})
    assert float(gaps(bundled, moved)[1] / gaps(bundled, own.value)) == pytest.approx(share, abs=0.1)


@pytest.mark.parametrize(("full", "least", "most"), [(True, -0.1, 0.1), (False, 0.3, 0.7)])
def test_eyes_shut_as_the_drivers_do_unless_they_need_not(bundled, own, handed, full, least, most):
    moved = handed(blinking(bundled, own, [0.5, 0.5, 0.0]), transfer={"full_blinks": full, "reference": "first"})
    assert least < float(openings(bundled, moved)[2] / openings(bundled, own.value)) < most


@pytest.mark.parametrize(
    ("changes", "least", "most"),
    [
        ({}, 0.05, 0.25),
        ({"transfer": {"roam": 0.0}}, -0.02, 0.02),
        ({"transfer": {"roam": 2.0}}, 0.58, 0.62),
        ({"refine": {"crop_only": True}}, 0.58, 0.62),
    ],
    ids=["held back", "stays", "wherever", "a plain square"],
)
def test_a_body_is_held_back_where_there_is_a_photo_around_it(bundled, own, handed, changes, least, most):
    away = torch.tensor([0.0, 0.0, 0.6])[:, None, None] * torch.tensor([1.0, 0.0])
    moved = handed(own.value + away, **{"smooth": {"enabled": False}, **changes})
    went = (moved - own.value)[:, list(bundled.anatomy.body), 0].mean(1)
    assert float(went[0].abs()) < 0.01
    assert least < float(went[2]) < most
