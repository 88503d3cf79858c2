"""A mood is what a motion starts from: the photo's own expression and more of a smile, or less."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from fomm.config.animate import DEFAULT_MODEL, AnimateSettings
from fomm.config.edit import MoodSettings
from fomm.config.live import LiveSettings
from fomm.config.render import RenderSettings
from fomm.errors import CheckpointError
from fomm.tasks.animate import Pipeline
from fomm.tasks.directions import start_of
from fomm.tasks.live import LivePortrait
from fomm.tasks.preview import preview
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import ConsentTerms


@pytest.fixture(scope="module")
def bundled(ledger):
    return Pipeline(DEFAULT_MODEL, RenderSettings(device="cpu"), ledger)


@pytest.fixture(scope="module")
def portrait(bundled, portrait_photo):
    settings = AnimateSettings()
    return bundled.portrait(bundled.authorise(portrait_photo, settings), portrait_photo, settings)


def mouth(pipeline, value):
    """How wide a mouth is and how far its lips are apart, in face sizes."""
    size = float(pipeline.anatomy.size(value))
    corners = value[0, 0] - value[0, 1]  # the first two tied keypoints
    gaps = torch.stack([column.gap(value) for column in pipeline.anatomy.lips])
    return float(corners.norm()) / size, float(gaps.mean()) / size


def test_a_smile_comes_and_goes(bundled, portrait):
    own = mouth(bundled, portrait.keypoints.value)
    assert own[1] > 0.05  # she shows her teeth
    less, more = (mouth(bundled, start_of(bundled, portrait, MoodSettings(smile=smile)).value) for smile in (-0.6, 0.6))
    assert less[0] < own[0] < more[0]
    assert less[1] < 0.6 * own[1]


def test_brows_go_up_and_nothing_is_the_photo_itself(bundled, portrait):
    own = portrait.keypoints
    assert start_of(bundled, portrait, MoodSettings()) is own
    raised = start_of(bundled, portrait, MoodSettings(brows=1.0)).value - own.value
    assert float(raised[0, 22:28, 1].mean()) < -0.01  # the brows among the tied keypoints
    assert float(raised[0, :2].abs().max()) < 0.01  # the corners of the mouth


def test_every_frame_is_in_the_mood(editing_checkpoint, ledger, portrait_photo, talk, settings, kept, tmp_path):
    editor = Pipeline(str(editing_checkpoint), RenderSettings(device="cpu"), ledger)
    made = []
    for smile in (0.0, 1.0):
        wanted = settings(mood={"smile": smile}, max_seconds=0.2)
        editor.animate(portrait_photo, talk, tmp_path / "out.mp4", wanted, silent=True)
        made.append([frame.astype(int) for frame in kept])
    assert len(made[0]) == len(made[1]) > 2
    assert all(abs(plain - smiling).max() > 10 for plain, smiling in zip(*made, strict=True))


def test_a_photo_that_rests_live_is_in_the_mood(editing_checkpoint, portrait_photo, tmp_path):
    ledger = Ledger(tmp_path)
    terms = ConsentTerms(subject="Ada", make=("live",), expires="2999-01-31", statement="Yes, live.")
    ledger.grant(portrait_photo.read_bytes(), terms, name="ada.png")
    editor = Pipeline(str(editing_checkpoint), RenderSettings(device="cpu"), ledger)
    shown = []
    for smile in (0.0, 1.0):
        live = LivePortrait(editor, portrait_photo, LiveSettings(mood=MoodSettings(smile=smile)))
        frame = live.frame(np.full((160, 160, 3), 128, np.uint8), 0.0)  # nobody is there
        shown.append(np.asarray(Image.open(io.BytesIO(frame.jpeg))).astype(int))
        live.close()
    assert abs(shown[1] - shown[0]).max() > 50  # no watermark is as strong


def test_a_model_without_directions_says_so(pipeline, portrait_photo, talk, settings, tmp_path):
    with pytest.raises(CheckpointError, match="keypoints training tied to the face"):
        pipeline.animate(portrait_photo, talk, tmp_path / "out.mp4", settings(mood={"smile": 0.5}), silent=True)
    assert not list(tmp_path.iterdir())


def test_a_preview_does_not_blame_the_clip_for_it(pipeline, portrait_photo, talk, motion, settings, tmp_path):
    wanted = settings(mood={"smile": 0.5})
    leave = pipeline.authorise(portrait_photo, wanted)
    with pytest.raises(CheckpointError) as caught:
        preview(pipeline, leave, portrait_photo, talk, motion, tmp_path / "out.png", wanted)
    assert talk.name not in str(caught.value)
    assert not list(tmp_path.iterdir())
