"""Training clips are drawn from recorded portraits of nobody living alone, and nobody makes up a set of themselves."""

import shutil

import imageio.v3 as iio
import numpy as np
import pytest
from PIL import Image, ImageEnhance
from toy_portraits import TERMS, make_toys

from fomm.config.synthesize import SynthesisSettings
from fomm.errors import ConsentError, MediaError, TrustError
from fomm.media.photo.image import read_image
from fomm.synthesis.clip.draw import Clip
from fomm.synthesis.clip.file import store_clip
from fomm.synthesis.portraits import PortraitFolder
from fomm.synthesis.run import Sources, synthesize
from fomm.trust.consent.portraits import authorise_portraits
from fomm.trust.consent.terms import ConsentTerms
from fomm.trust.marks.kinds import RESULT_SHEET
from fomm.trust.marks.verify import verify
from fomm.trust.release.sheet import SheetMarker

SETTINGS = SynthesisSettings(train_pairs=1, test_pairs=0, frames=2)


@pytest.fixture
def toys(tmp_path):
    return make_toys(tmp_path / "toys")


def draw(toys, output):
    return synthesize(Sources(toys.portraits, toys.units, toys.mouth), output, SETTINGS, ledger=toys.ledger)


def refused(toys, error=ConsentError):
    output = toys.portraits.parent / "clips"
    with pytest.raises(error) as caught:
        draw(toys, output)
    assert not output.exists()
    return str(caught.value)


def record_of(toys, name):
    found, _ = toys.ledger.find(toys.portraits / f"{name}.jpg")
    return found[0].consent


def leave_for(toys):
    folder = PortraitFolder(toys.portraits)
    return authorise_portraits({name: folder.picture(name) for name in folder.names}, toys.ledger)


def test_portraits_without_a_record_are_refused_with_the_command_that_records_them(tmp_path):
    said = refused(make_toys(tmp_path / "toys", recorded=False))
    assert "a_1.jpg has no record" in said
    assert f"fomm consent grant {tmp_path / 'toys' / 'portraits'} " in said
    assert "--nobody" in said


def test_one_portrait_without_a_record_is_enough(toys):
    path = toys.portraits / "a_2.jpg"
    iio.imwrite(path, np.rot90(read_image(path)).copy())
    assert "a_2.jpg has no record" in refused(toys)


def again(path, other, change):
    """Put a changed copy of one portrait in another's place."""
    picture = change(Image.open(path).convert("RGB"))
    picture.save(other, quality=90)


@pytest.mark.parametrize(
    ("change", "how"),
    [
        (None, "the same picture"),
        (lambda picture: picture, "the same picture"),
        (lambda picture: ImageEnhance.Brightness(picture).enhance(1.05), "the same picture"),
        (lambda picture: picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT), "the mirror image"),
    ],
    ids=["copied", "saved again", "brighter", "mirrored"],
)
def test_the_same_face_twice_is_refused(toys, change, how):
    first, second = toys.portraits / "a_1.jpg", toys.portraits / "b_3.jpg"
    if change is None:
        shutil.copy(first, second)
    else:
        again(first, second, change)
    toys.ledger.grant(second, TERMS)
    said = refused(toys)
    assert how in said
    assert "a_1.jpg" in said
    assert "b_3.jpg" in said


def test_a_revoked_portrait_is_refused_and_so_is_its_look_alike(toys):
    path = toys.portraits / "a_2.jpg"
    revoked = record_of(toys, "a_2")
    toys.ledger.revoke(revoked.id)
    assert "revoked" in refused(toys)
    again(path, path, lambda picture: ImageEnhance.Brightness(picture).enhance(1.05))
    assert revoked.id in refused(toys)


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        (ConsentTerms(subject="Ada", expires="2999-01-01", statement="Yes.", make=("animate", "train")), "living"),
        (ConsentTerms(**{**TERMS.to_mapping(), "make": ("dub",)}), "allows to dub"),
        (ConsentTerms(**{**TERMS.to_mapping(), "outputs": 1}), "limits how many outputs"),
        (ConsentTerms(**{**TERMS.to_mapping(), "not_before": "2998-01-01"}), "starts on"),
    ],
    ids=["living", "other purpose", "capped", "not yet"],
)
def test_a_record_has_to_cover_it(tmp_path, terms, why):
    toys = make_toys(tmp_path / "toys", recorded=False)
    for name in toys.folder.names:
        toys.ledger.grant(toys.portraits / f"{name}.jpg", terms)
    assert why in refused(toys)


def test_a_picture_that_fomm_made_is_no_portrait(toys):
    path = toys.portraits / "a_2.jpg"
    face = np.asarray(Image.fromarray(read_image(path)).resize((512, 512)))
    sheet = SheetMarker(RESULT_SHEET, "test", toys.ledger.keys).mark(face[None, None])
    Image.fromarray(sheet.pixels).save(path, quality=95)
    toys.ledger.grant(path, TERMS)
    assert "is not a photo but output" in refused(toys, TrustError)


def test_a_portrait_exchanged_after_it_was_judged_is_not_read(toys):
    leave = leave_for(toys)
    shutil.copy(toys.portraits / "a_1.jpg", toys.portraits / "a_2.jpg")
    folder = PortraitFolder(toys.portraits, leave)
    assert folder.load("a_1").name == "a_1"
    with pytest.raises(ConsentError, match="not the picture that was recorded"):
        folder.load("a_2")


def clip():
    frames = np.random.default_rng(0).integers(0, 255, (3, 64, 64, 3), np.uint8)
    return Clip(frames, {"pose": np.zeros((3, 3), np.float32)}, quality=18)


def test_a_revocation_while_it_draws_stores_nothing_more(toys, tmp_path):
    leave = leave_for(toys)
    store_clip(tmp_path, "first", clip(), ("a_1", "b_3"), leave)
    toys.ledger.revoke(record_of(toys, "b_3").id)
    store_clip(tmp_path, "second", clip(), ("a_1", "a_2"), leave)
    with pytest.raises(ConsentError, match="b_3 does not hold: it was revoked"):
        store_clip(tmp_path, "third", clip(), ("a_1", "b_3"), leave)
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {
        f"{name}.{kind}" for name in ("first", "second") for kind in ("mp4", "npz")
    }


def test_a_leave_that_was_made_up_stores_nothing(toys, tmp_path):
    leave = leave_for(toys)
    records = {**leave.records, "a_1": leave.records["a_2"]}
    stranger = make_toys(tmp_path / "other", recorded=False)
    made_up = type(leave)(stranger.ledger.keys.directory, records)
    with pytest.raises((ConsentError, TrustError)):
        store_clip(tmp_path, "x", clip(), ("a_1",), made_up)
    assert not list(tmp_path.glob("x.*"))


def test_a_clip_of_old_paintings_says_so_and_names_no_record(toys, tmp_path):
    painting = ConsentTerms(**{**TERMS.to_mapping(), "origin": "public-domain", "source": "a museum"})
    toys.ledger.revoke(record_of(toys, "a_2").id)
    toys.ledger.grant(toys.portraits / "a_2.jpg", painting, renew=True)
    leave = leave_for(toys)
    store_clip(tmp_path, "x", clip(), ("a_1", "a_2"), leave)
    data = (tmp_path / "x.mp4").read_bytes()
    assert b"compositeSynthetic" in data
    assert b"public-domain (a museum)" in data
    assert leave.records["a_2"].consent.encode() not in data
    statement = verify(tmp_path / "x.mp4", toys.ledger, deep=False).manifest.statement
    assert len(statement["portraits"]) == 2


def test_a_folder_that_is_none_is_refused_as_before(toys, tmp_path):
    with pytest.raises(MediaError, match="not a folder"):
        synthesize(Sources(tmp_path / "no", toys.units, toys.mouth), tmp_path / "clips", SETTINGS, ledger=toys.ledger)


def test_recorded_portraits_are_drawn(toys, tmp_path, opengl):
    assert draw(toys, tmp_path / "clips") == 1
