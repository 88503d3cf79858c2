"""What the Animate tab answers, asked as the page asks."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import imageio.v3 as iio
import pytest

from fomm.studio.animate.events import AnimateEvents
from fomm.studio.consent_form import PERSON


@pytest.fixture
def events(studio):
    return AnimateEvents(studio)


@pytest.fixture
def fresh_photo(portrait_photo, tmp_path):
    """A photo of a face that nobody agreed to yet."""
    path = tmp_path / "fresh.png"
    iio.imwrite(path, iio.imread(portrait_photo)[40:, 20:])
    return path


@pytest.fixture
def form():
    """Values of the consent form, with chosen ones replaced."""
    until = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"
    values = {
        "kind": PERSON, "subject": "Ada", "statement": "Yes.", "source": "", "make": ["animate"], "use": ["private"],
        "until": until, "evidence": None, "renew": False,
    }  # fmt: skip
    return lambda **changes: list({**values, **changes}.values())


def test_a_photo_shows_its_face_and_consent(events, visitor, portrait_photo):
    _, stage, _, chooser, consent, form = events.look(visitor, str(portrait_photo), None, 1.0, "")
    assert 'class="face chosen"' in stage.value
    assert 'class="window"' in stage.value
    assert not chooser.visible
    assert "Ada agreed" in consent
    assert not form.visible


def test_a_photo_without_face_or_of_no_kind_is_explained(events, visitor, make_photo, tmp_path):
    empty, plain = tmp_path / "empty.png", make_photo(tmp_path / "plain.png")
    empty.touch()
    assert "Crop by hand" in events.look(visitor, str(plain), None, 1.0, "")[1].value
    told = events.look(visitor, str(empty), None, 1.0, "")[1].value
    assert "empty.png is empty" in told
    assert str(tmp_path) not in told


def test_consent_is_asked_for_taken_and_found_again(events, visitor, fresh_photo, form, fill):
    assert events.look(visitor, str(fresh_photo), None, 1.0, "")[5].visible
    told, group = events.record(visitor, str(fresh_photo), *form(statement=""))
    assert "give a proof" in told
    assert group.visible
    assert list(events.render(visitor, *fill(photo=fresh_photo)))[-1][0].count("consent step") == 1
    told, group = events.record(visitor, str(fresh_photo), *form())
    assert "Ada agreed" in told
    assert not group.visible


def test_a_portrait_of_nobody_states_its_source(events, visitor, make_photo, tmp_path, form):
    art = make_photo(tmp_path / "art.png", seed=5)
    told, _ = events.record(visitor, str(art), *form(kind="public-domain", source=""))
    assert "source" in told
    told, _ = events.record(visitor, str(art), *form(kind="public-domain", source="A museum, 1890"))
    assert "A museum, 1890" in told


def test_settings_change_the_preview_and_wrong_ones_are_named(events, visitor, fill, studio):
    calm, told = events.preview(visitor, *fill(transfer__strength=0.0))
    assert told == ""
    lively, _ = events.preview(visitor, *fill(transfer__strength=2.0))
    assert (iio.imread(calm).astype(int) - iio.imread(lively)).any()
    assert "Start frame" in events.preview(visitor, *fill(transfer__reference="soon"))[1]


def test_a_render_tells_its_progress_and_shows_its_report(events, visitor, fill, studio):
    shown = list(events.render(visitor, *fill(max_seconds=0.5)))
    assert any("Animating" in step[0] or "Reading the motion" in step[0] for step in shown)
    status, group, video, _, download, report, photo = shown[-1]
    assert "AI generated" in status
    assert group.visible
    assert video == download
    assert "Intact." in report
    assert video.startswith(str(studio.sessions.folders))
    assert 'alt="The photo as it was"' in photo


def test_stop_ends_a_render_and_leaves_nothing(events, visitor, fill, studio):
    folder = studio.sessions.get(visitor.session_hash).folder
    running = events.render(visitor, *fill())
    next(running)
    events.stop(visitor)
    assert "Stopped" in list(running)[-1][0]
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_a_clip_that_is_too_long_is_refused_with_the_limit(events, visitor, fill, make_talk, tmp_path):
    long = make_talk(tmp_path / "long.mp4", frames=40)
    assert "renders up to 1 s" in list(events.render(visitor, *fill(clip=long)))[-1][0]


def test_a_saved_motion_takes_the_clips_place(events, visitor, fill):
    *_, (told, file) = events.save(visitor, *fill())
    assert "ready" in told
    assert "without picture" in events.clip(visitor, None, file.value["path"])


def test_saved_motions_are_offered_to_their_visitor_alone(events, visitor, fill, studio):
    assert not events.saved(visitor).visible
    list(events.save(visitor, *fill()))
    offered = events.saved(visitor)
    assert offered.visible
    [(title, path)] = offered.choices
    assert title == "1. talk"
    assert events.pick(visitor, path) == path
    other = SimpleNamespace(session_hash="somebody else")
    assert not events.saved(other).visible
    assert events.pick(other, path) is None
