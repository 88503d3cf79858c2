"""Which settings visitors may choose: none that opens a file of the server or costs without bound."""

import dataclasses

import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError

from fomm.config.animate import AnimateSettings
from fomm.config.edit_photo import EditPhotoSettings
from fomm.config.settings import Settings
from fomm.errors import SettingsError
from fomm.studio.animate.events import AnimateEvents
from fomm.studio.controls import CONTROLS
from fomm.studio.serve.asked import check_asked


def texts(kind, above=()):
    """Yield the place of every setting that takes any text."""
    for field in dataclasses.fields(kind):
        value = field.default if field.default is not dataclasses.MISSING else field.default_factory()
        if isinstance(value, Settings):
            yield from texts(type(value), (*above, field.name))
        elif isinstance(value, str) and not field.metadata.get("choices"):
            yield (*above, field.name)


def nested(place, value):
    for name in reversed(place):
        value = {name: value}
    return value


@pytest.mark.parametrize("kind", [AnimateSettings, EditPhotoSettings])
def test_no_setting_takes_the_path_of_a_file(kind, tmp_path):
    secret = tmp_path / "secret.ttf"
    secret.touch()
    places = list(texts(kind))
    assert {("model",), ("label", "font")} <= set(places)
    for place in set(places) - {("label", "text")}:  # words that are drawn
        with pytest.raises(SettingsError, match=place[-1]):
            check_asked(kind.from_mapping(nested(place, str(secret))))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"label": {"font": "/usr/share/fonts/a.ttf"}}, "label.font"),
        ({"model": "/etc/passwd"}, "model"),
        ({"render": {"batch_size": 256}}, "render.batch_size"),
        ({"refine": {"min_side": 4096}}, "refine.min_side.*1080"),
    ],
)
def test_over_http_they_are_refused_by_name_whatever_is_asked(client, portrait_photo, talk, settings, words):
    photo, clip = handle_file(portrait_photo), handle_file(talk)
    asked = [
        ("/faces", (photo,)), ("/preview", (photo, clip)), ("/animate", (photo, clip)), ("/track", (clip,)),
    ]  # fmt: skip
    for name, files in asked:
        with pytest.raises(AppError, match=words):
            client.predict(*files, settings, api_name=name)
    for name in ("/edit", "/edit_motion"):
        with pytest.raises(AppError, match=words):
            client.predict(photo, settings, api_name=name)


def test_the_pages_own_events_refuse_them_as_well(studio, visitor, fill):
    events = AnimateEvents(studio)
    assert "refine.min_side" in events.preview(visitor, *fill(refine__min_side=4096))[1]
    assert "refine.min_side" in list(events.render(visitor, *fill(refine__min_side=4096)))[-1][0]


def test_the_page_offers_no_more_than_is_taken(studio):
    offered = {control.path: control.component() for control in CONTROLS}
    check_asked(AnimateSettings.from_mapping({"refine": {"min_side": offered["refine.min_side"].maximum}}))
    check_asked(AnimateSettings.from_mapping({"label": {"text": "gemacht"}, "face": {"source_face": "left"}}))
