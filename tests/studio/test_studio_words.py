"""The page's sentences and controls."""

import importlib.util
from pathlib import Path

import pytest
from click.testing import CliRunner

from fomm.cli.commands.studio import studio as command
from fomm.errors import ConsentError, FaceError, SettingsError
from fomm.media.photo.image import read_image
from fomm.media.probe import probe
from fomm.studio import words
from fomm.studio.app import Serving
from fomm.studio.controls import CONTROLS, settings_of
from fomm.studio.gallery import bundled
from fomm.tasks.demo import demo_files
from fomm.tasks.progress import Reached
from fomm.trust.consent.suggestion import grant_command

BLANK = [None] * len(CONTROLS)


def test_commands_and_temp_paths_become_steps_and_names():
    photo = Path("/uploads/abc/ada.png")
    told = words.explain(
        ConsentError(f"No consent is recorded for {photo}; if the person in it agreed, record it: "
                     f"{grant_command(str(photo))}"), photo
    )  # fmt: skip
    assert told == "No consent is recorded for ada.png; record one in the consent step."
    told = words.explain(
        FaceError("No face was found in the photo; mark it yourself with --source-box x,y,width,height.")
    )
    assert "--" not in told


def test_nothing_a_visitor_names_is_read_as_html():
    assert "<script>" not in words.note("<script>alert(1)</script>")
    assert "<b>" not in words.photo_stage(Path('/x/"><b>.png'), (10, 10), [], None, None)


def test_progress_names_frames_speed_and_time_left():
    told = words.progress(Reached("render", 50, 100, 12.5, 0.7, 90.0))
    for part in ("Animating", "50 of 100 frames", "12.5 fps", "1 min 30 s left", "width:70.0%"):
        assert part in told


def test_controls_follow_the_settings():
    defaults = settings_of(BLANK, "largest", None, None)
    assert defaults == type(defaults)()
    for control in CONTROLS:
        assert control.component().label == control.label
    values = list(BLANK)
    values[[control.path for control in CONTROLS].index("transfer.strength")] = 3.0
    with pytest.raises(SettingsError, match="'Motion strength' must be at most 2"):
        settings_of(values, "largest", 1.0, "")


def test_a_crop_by_hand_replaces_the_found_face():
    assert settings_of(BLANK, "2", 1.2, "1,2,30,40").face.source_box == (1, 2, 30, 40)
    with pytest.raises(SettingsError, match="four whole numbers"):
        settings_of(BLANK, "2", 1.2, "a,b")


def test_a_public_link_needs_a_password():
    with pytest.raises(SettingsError, match="--auth"):
        Serving(share=True)
    assert Serving(share=True, auth=(("ada", "secret"),)).share


def test_without_gradio_one_sentence_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    refused = CliRunner().invoke(command).exception
    assert isinstance(refused, SettingsError)
    assert "pip install 'fomm[studio]'" in str(refused)


def test_the_gallery_offers_several_portraits_and_clips_that_can_be_read():
    portraits, clips = bundled()
    assert len(portraits) > 3
    assert len(clips) > 1
    assert portraits[0].path == demo_files()[0]
    assert all(min(read_image(example.path).shape[:2]) >= 512 for example in portraits)
    assert all(probe(example.path).frame_count for example in clips)


@pytest.mark.parametrize(
    ("typed", "side"), [("Original", None), ("original", 0), ("2160", 2160), ("1080", 1080), ("", 2160)]
)
def test_the_largest_side_may_be_chosen_typed_or_left_alone(typed, side):
    place = next(i for i, control in enumerate(CONTROLS) if control.path == "refine.max_side")
    values = [None] * len(CONTROLS)
    values[place] = typed
    if side is None:
        with pytest.raises(SettingsError, match="'Output size at most'"):
            settings_of(values, "largest", 1.0, "")
    else:
        assert settings_of(values, "largest", 1.0, "").refine.max_side == side
    shown = CONTROLS[place].component()
    assert shown.value == "2160"
    assert {value for _, value in shown.choices} >= {"original", "2160"}
