"""What the Live tab answers, asked as the page asks."""

import json

import pytest
from live_samples import camera_jpeg, consented_photo

from fomm.studio.live.events import LiveEvents


@pytest.fixture
def events(studio):
    return LiveEvents(studio)


@pytest.fixture
def photo(studio, tmp_path):
    return consented_photo(tmp_path / "ada.png", studio.pipeline.ledger)


@pytest.fixture
def begun(events, studio, visitor, photo):
    """What the page gets when its visitor goes live."""
    told, _, *buttons = events.start(visitor, str(photo), "photo", 1.0, "private")
    yield json.loads(told), buttons
    studio.sessions.close(visitor.session_hash)


def feed(studio, begun, frames):
    stream = studio.live.get(begun[0]["key"])
    for index in range(frames):
        stream.frame(camera_jpeg(shift=index % 3))
    return stream


def test_a_consent_to_animations_does_not_cover_live(events, visitor, portrait_photo):
    note, consent, form = events.look(visitor, str(portrait_photo))
    assert note == ""
    assert "does not cover live use" in consent
    assert form.visible


def test_a_photo_with_leave_shows_it_and_one_without_a_face_says_so(events, visitor, photo, make_photo, tmp_path):
    _, consent, form = events.look(visitor, str(photo))
    assert "Ada agreed" in consent
    assert not form.visible
    assert "No face" in events.look(visitor, str(make_photo(tmp_path / "plain.png")))[0]


def test_the_form_gives_leave(events, visitor, make_photo, tmp_path):
    art = str(make_photo(tmp_path / "art.png", seed=11))
    values = ["ai-generated", "", "", "A model, 2025", ["animate", "live"], ["private"], "", None, False]
    told, form = events.consent(visitor, art, *values)
    assert "A model, 2025" in told
    assert not form.visible
    assert "Choose a photo" in events.consent(visitor, None, *values)[0]


def test_going_live_gives_a_key_and_the_buttons(begun, studio):
    told, (start, stop, calibrate, record, _) = begun
    assert studio.live.get(told["key"]) is not None
    assert told["hints"]["nobody"].endswith("yet.")
    assert not start.visible
    assert stop.visible
    assert calibrate.interactive
    assert record.interactive


def test_without_photo_or_leave_nothing_starts(events, visitor, portrait_photo, studio):
    for file, words in ((None, "Choose a photo"), (str(portrait_photo), "live")):
        told, note, start, *_ = events.start(visitor, file, "photo", 1.0, "private")
        assert told == ""
        assert words in note
        assert start.visible
    assert len(studio.live) == 0


def test_the_second_visitor_is_told_that_the_places_are_taken(events, begun, photo):
    from types import SimpleNamespace

    other = SimpleNamespace(session_hash="somebody else")
    assert "All live places are taken" in events.start(other, str(photo), "photo", 1.0, "private")[1]
    assert "Go live first" in events.calibrate(other)
    assert "Go live first" in events.record(other)[0]


def test_stopping_gives_the_place_back_and_tells_why(events, visitor, begun, studio):
    assert "camera is off" in events.stop(visitor, "")[1]
    assert len(studio.live) == 0
    assert "No camera" in events.stop(visitor, "No camera was found.")[1]


def test_a_recording_comes_back_verified(events, visitor, begun, studio):
    assert "Calibrate before" in events.record(visitor)[0]
    feed(studio, begun, 8)
    told, _, _, calibrate, record, save = events.record(visitor)
    assert "Recording" in told
    assert not calibrate.interactive
    assert not record.visible
    assert save.visible
    assert "Stop the recording" in events.calibrate(visitor)
    feed(studio, begun, 8)
    told, group, video, download, report = list(events.save(visitor))[-1]
    assert "AI generated" in told
    assert group.visible
    assert video == download
    assert "Intact." in report
    assert video.startswith(str(studio.sessions.folders))
    assert "recording with it" in list(events.save(visitor))[-1][0]


def test_strength_and_calibration_reach_the_stream(events, visitor, begun, studio):
    stream = feed(studio, begun, 8)
    assert stream.frame(camera_jpeg()).hint == ""
    assert events.calibrate(visitor) == ""
    assert stream.frame(camera_jpeg()).hint == "calibrating"
    assert events.adjust(visitor, 0.5) == ""
