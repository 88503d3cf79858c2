"""What the Edit tab answers, asked as the page asks; and the same through the API."""

import gradio_client
import imageio.v3 as iio
import pytest

from fomm.studio.edit.events import EditEvents
from fomm.studio.edit.tab import EDIT_CONTROLS
from fomm.track.track import MotionTrack


@pytest.fixture
def events(editor):
    return EditEvents(editor, EDIT_CONTROLS)


@pytest.fixture
def fill_edit(portrait_photo):
    """Return the values of the tab's inputs, with chosen ones replaced."""

    def values(*, photo=portrait_photo, **controls):
        given = {name.replace("__", "."): value for name, value in controls.items()}
        return [photo and str(photo), "largest", 1.0, "", *(given.get(control.path) for control in EDIT_CONTROLS)]

    return values


def test_a_slider_changes_the_preview(events, visitor, fill_edit):
    plain, told = events.preview(visitor, *fill_edit())
    assert told == ""
    smiling, _ = events.preview(visitor, *fill_edit(edit__smile=1.0))
    assert (iio.imread(plain).astype(int) - iio.imread(smiling)).any()


def test_no_consent_no_edit_and_it_is_said_where(events, visitor, fill_edit, make_photo, tmp_path):
    stranger = make_photo(tmp_path / "stranger.png", size=(300, 300))
    shown, told = events.preview(visitor, *fill_edit(photo=stranger))
    assert shown is None
    assert "consent" in told
    assert "consent step" in events.still(visitor, ".png", *fill_edit(photo=stranger))[0]
    assert "consent step" in events.motion(visitor, *fill_edit(photo=stranger, edit__yaw=5.0))[0]
    assert "Choose a photo first" in events.still(visitor, ".png", *fill_edit(photo=None))[0]


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_picture_is_saved_with_its_report(events, editor, visitor, fill_edit, suffix):
    told, group, picture, download, report = events.still(visitor, suffix, *fill_edit(edit__yaw=5.0))
    assert "AI generated" in told
    assert group.visible
    assert picture == download
    assert picture.endswith(suffix)
    assert "Intact." in report
    assert picture.startswith(str(editor.sessions.folders))


def test_an_edit_is_saved_as_a_motion_that_fits_the_model(events, editor, visitor, fill_edit):
    told, file = events.motion(visitor, *fill_edit(edit__pitch=-6.0))
    assert "Animate tab" in told
    assert len(MotionTrack.load(file.value["path"], editor.pipeline.detector)) > 25
    assert "Nothing is changed" in events.motion(visitor, *fill_edit())[0]
    assert "gaze" in events.motion(visitor, *fill_edit(edit__gaze_x=0.5))[0]


def test_values_out_of_range_are_named_as_the_page_does(events, visitor, fill_edit):
    assert "Turn&#x27; must be at most 25" in events.preview(visitor, *fill_edit(edit__yaw=70.0))[1]


def test_a_model_that_cannot_edit_says_why(studio, editor):
    assert "tied to the face" in studio.why_no_edit()
    assert editor.why_no_edit() == ""


def test_the_api_explains_too(client, portrait_photo):
    photo = gradio_client.handle_file(str(portrait_photo))
    with pytest.raises(gradio_client.exceptions.AppError, match="tied to the face"):
        client.predict(photo, {"edit": {"yaw": 5.0}}, api_name="/edit")
    with pytest.raises(gradio_client.exceptions.AppError, match="yow"):
        client.predict(photo, {"edit": {"yow": 5.0}}, api_name="/edit_motion")
