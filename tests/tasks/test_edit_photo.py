"""Editing a photo: marked, consented, and the same face for a still and for a motion."""

import imageio.v3 as iio
import numpy as np
import pytest
import torch

from fomm.config.animate import DEFAULT_MODEL
from fomm.config.edit_photo import EditPhotoSettings
from fomm.config.render import RenderSettings
from fomm.errors import CheckpointError, ConsentError, OutputError, SettingsError
from fomm.tasks.animate import Pipeline
from fomm.tasks.directions import directions_of
from fomm.tasks.edit import edit_motion, edit_still, save_edit_motion
from fomm.track.track import MotionTrack
from fomm.trust.marks.verify import verify


@pytest.fixture(scope="module")
def editor(editing_checkpoint, ledger):
    return Pipeline(str(editing_checkpoint), RenderSettings(device="cpu"), ledger)


def edited(**edit):
    return EditPhotoSettings.from_mapping({"edit": edit})


def test_a_still_is_marked_and_differs_by_the_edit(editor, portrait_photo, tmp_path, ledger):
    plain = edit_still(editor, portrait_photo, tmp_path / "plain.png", edited())
    smiling = edit_still(editor, portrait_photo, tmp_path / "smile.png", edited(smile=1.0))
    found = verify(smiling.path, ledger)
    assert found.verdict == "intact"
    assert found.watermark.id == smiling.output_id
    before, after = iio.imread(plain.path).astype(int), iio.imread(smiling.path).astype(int)
    assert before.shape == after.shape
    assert abs(before - after).max() > 30


def test_no_consent_no_edit(editor, make_photo, tmp_path):
    stranger = make_photo(tmp_path / "stranger.png", size=(300, 300))
    for make in (
        lambda: edit_still(editor, stranger, tmp_path / "out.png", edited(yaw=5.0)),
        lambda: edit_motion(editor, stranger, edited(yaw=5.0)),
    ):
        with pytest.raises(ConsentError):
            make()
    assert [path.name for path in tmp_path.iterdir()] == ["stranger.png"]


def test_a_motion_goes_there_and_back_or_stays(editor, portrait_photo, tmp_path):
    path = tmp_path / "nod.safetensors"
    save_edit_motion(editor, portrait_photo, path, edited(pitch=-8.0))
    track = MotionTrack.load(path, editor.detector)
    assert torch.allclose(track.value[0], track.value[-1])
    away = (track.value - track.value[0]).square().sum((1, 2))
    assert float(away.max()) == float(away[len(track) // 2]) > 0
    held = EditPhotoSettings.from_mapping({"edit": {"pitch": -8.0}, "motion": {"path": "hold"}})
    holding = edit_motion(editor, portrait_photo, held)
    assert torch.allclose(holding.value[-1], track.value[len(track) // 2])


def test_a_motion_refuses_what_it_cannot_carry(editor, portrait_photo, tmp_path):
    with pytest.raises(SettingsError, match="gaze"):
        edit_motion(editor, portrait_photo, edited(gaze_x=0.5))
    with pytest.raises(SettingsError, match="Nothing is changed"):
        edit_motion(editor, portrait_photo, edited())
    with pytest.raises(OutputError, match="safetensors"):
        save_edit_motion(editor, portrait_photo, tmp_path / "nod.mp4", edited(pitch=5.0))


def test_a_gaze_moves_the_photos_irises_and_little_else(ledger, portrait_photo, tmp_path):
    model = Pipeline(DEFAULT_MODEL, RenderSettings(device="cpu"), ledger)
    plain = edit_still(model, portrait_photo, tmp_path / "plain.png", edited())
    aside = edit_still(model, portrait_photo, tmp_path / "aside.png", edited(gaze_x=1.0))
    assert verify(aside.path, ledger).verdict == "intact"
    before, after = (iio.imread(made.path).astype(int) for made in (plain, aside))
    changed = abs(after - before).max(axis=2)
    (face,) = model.finder.find(before.astype("uint8"))
    eyes = np.zeros(changed.shape, bool)
    for x, y in face.points[:2]:
        reach = round(0.15 * face.size)
        eyes[round(y) - reach : round(y) + reach, round(x) - reach : round(x) + reach] = True
    assert changed[eyes].max() > 60
    assert changed[~eyes].max() < 30


def test_a_model_without_named_keypoints_says_so(pipeline, portrait_photo, tmp_path):
    with pytest.raises(CheckpointError, match="tied to the face"):
        edit_still(pipeline, portrait_photo, tmp_path / "out.png", edited(yaw=5.0))


def test_the_bundled_model_has_its_directions_and_lends_them_to_its_copies(ledger, tmp_path):
    bundled = Pipeline(DEFAULT_MODEL, RenderSettings(device="cpu"), ledger)
    assert len(directions_of(bundled).turn) > 40
    copy = tmp_path / "adapted.safetensors"
    copy.write_bytes(bundled.checkpoint.read_bytes())
    lent = directions_of(Pipeline(str(copy), RenderSettings(device="cpu"), ledger))
    assert torch.equal(lent.value, directions_of(bundled).value)


def test_a_motion_of_the_bundled_model_carries_a_gaze_and_nothing_else(ledger, portrait_photo):
    model = Pipeline(DEFAULT_MODEL, RenderSettings(device="cpu"), ledger)
    looking = EditPhotoSettings.from_mapping({"edit": {"gaze_x": 1.0}, "motion": {"path": "hold"}})
    track = edit_motion(model, portrait_photo, looking)
    step = track.value[-1] - track.value[0]  # [K, 2]
    irises = list(model.anatomy.irises)
    assert len(irises) == 2
    assert (step[irises, 0] > 0.005).all()
    assert step.abs().sum() == step[irises].abs().sum()
