"""Jitter is taken out of what a camera sees, live and in a recording."""

import imageio.v3 as iio
import pytest
import torch

from fomm.config.animate import AnimateSettings
from fomm.config.live import LiveSettings
from fomm.config.motion import TransferSettings
from fomm.geometry.keypoints import Keypoints
from fomm.retarget.live import Recorder
from fomm.tasks.live_driver import LiveDriver
from fomm.tasks.recording import release_recording

FRAMES, FPS = 40, 25
PLAIN = {"transfer": {"adapt_scale": False, "reference": "first"}, "refine": {"min_side": 0}}


@pytest.fixture
def trembling(pipeline):
    """Keypoints of somebody who holds still, as an uncertain detector finds them."""
    base = pipeline._animator.detect([torch.zeros(64, 64, 3, dtype=torch.uint8).numpy()])
    noise = 0.004 * torch.randn(FRAMES, *base.value.shape[1:], generator=torch.Generator().manual_seed(0))
    return [Keypoints(base.value + shift, base.jacobian) for shift in noise]


def jitter(keypoints):
    return float(torch.diff(torch.cat([each.value for each in keypoints]), dim=0).square().mean())


def test_a_live_driver_who_holds_still_hardly_moves_the_photo(pipeline, talk, trembling, monkeypatch):
    frame, found = iio.imread(talk, index=0, plugin="pyav"), iter(trembling)
    monkeypatch.setattr(pipeline._animator, "detect", lambda squares: next(found))
    settings = AnimateSettings(transfer=TransferSettings(adapt_scale=False))
    driver = LiveDriver(pipeline, trembling[0], settings)
    moved = [driver.see(frame, index / FPS) for index in range(FRAMES)]
    assert 0 < jitter(moved[8:]) < 0.5 * jitter(trembling[8:])


@pytest.mark.parametrize(("enabled", "least", "most"), [(True, 0.0, 0.3), (False, 0.9, 1.1)])
def test_a_recording_is_calm_unless_it_is_to_tremble(
    pipeline, portrait_photo, trembling, monkeypatch, tmp_path, enabled, least, most
):
    recorder = Recorder(trembling[0], pipeline.detector, max_seconds=9.0)
    for index, keypoints in enumerate(trembling):
        recorder.add(keypoints, True, index / FPS)
    frames, handed = pipeline.frames, []

    def few(portrait, transfer, paste, first=0):
        handed.append(transfer.driving(first))
        return frames(portrait, transfer, paste, len(transfer) - 1)

    monkeypatch.setattr(pipeline, "frames", few)
    settings = LiveSettings.from_mapping({**PLAIN, "smooth": {"enabled": enabled}})
    release_recording(pipeline, portrait_photo, recorder, tmp_path / "out.mp4", settings)
    assert least < jitter(handed) / jitter(trembling) < most
