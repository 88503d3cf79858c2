"""A single picture in the driving clip's place, from end to end."""

import imageio.v3 as iio
import numpy as np
import pytest

from fomm.config.render import RenderSettings
from fomm.errors import FaceError, MediaError, MotionError, OutputError
from fomm.tasks.animate import Pipeline
from fomm.trust.marks.verify import verify


@pytest.fixture(scope="session")
def editor(editing_checkpoint, ledger):
    """A pipeline whose keypoints are tied to a face."""
    return Pipeline(str(editing_checkpoint), RenderSettings(device="cpu"), ledger)


@pytest.fixture(scope="session")
def smile(portrait_photo, tmp_path_factory):
    """The portrait mirrored and enlarged: a face, and another picture."""
    path = tmp_path_factory.mktemp("still") / "smile.jpg"
    iio.imwrite(path, np.kron(iio.imread(portrait_photo)[:, ::-1], np.ones((2, 2, 1), np.uint8)))
    return path


def test_a_pictures_expression_becomes_a_clip_without_sound(editor, portrait_photo, smile, tmp_path, settings):
    receipt = editor.animate(portrait_photo, smile, tmp_path / "out.mp4", settings())
    frames = iio.imread(receipt.path, plugin="pyav")
    assert len(frames) == receipt.frames > 40
    assert verify(receipt.path, editor.ledger).verdict == "intact"


def test_or_a_picture(editor, portrait_photo, smile, tmp_path, settings):
    receipt = editor.animate(portrait_photo, smile, tmp_path / "out.png", settings())
    assert iio.imread(receipt.path).shape == (612, 512, 3)  # the photo's own shape, as large as a watermark needs
    assert verify(receipt.path, editor.ledger).verdict == "intact"


def test_a_clip_does_not_fit_into_a_picture(editor, portrait_photo, talk, motion_file, tmp_path, settings):
    with pytest.raises(OutputError, match=r"out\.png is the name of a picture.*end the name in \.mp4"):
        editor.animate(portrait_photo, talk, tmp_path / "out.png", settings())
    assert list(tmp_path.iterdir()) == []


def test_a_picture_can_be_kept_as_a_track(editor, smile, settings):
    track = editor.track(smile, settings())
    assert len(track) == 1
    assert track.size == (502, 600)


def test_a_model_without_tied_keypoints_names_the_way_out(pipeline, portrait_photo, smile, tmp_path, settings):
    with pytest.raises(MotionError, match=r"smile\.jpg.*give a clip"):
        pipeline.animate(portrait_photo, smile, tmp_path / "out.mp4", settings())


def test_a_picture_without_a_face_and_a_damaged_one_are_refused(editor, portrait_photo, make_photo, tmp_path, settings):
    make_photo(tmp_path / "hills.png", size=(96, 80))
    with pytest.raises(FaceError, match=r"hills\.png"):
        editor.animate(portrait_photo, tmp_path / "hills.png", tmp_path / "out.mp4", settings())
    (tmp_path / "hills.png").write_bytes((tmp_path / "hills.png").read_bytes()[:60])
    with pytest.raises(MediaError, match=r"hills\.png"):
        editor.animate(portrait_photo, tmp_path / "hills.png", tmp_path / "out.mp4", settings())


def test_a_marked_picture_that_drives_is_named_in_the_manifest(editor, portrait_photo, smile, tmp_path, settings):
    wanted = settings(refine={"min_side": 512})
    marked = editor.animate(portrait_photo, smile, tmp_path / "marked.png", wanted)
    iio.imwrite(tmp_path / "copy.png", iio.imread(marked.path))  # only the watermark is left
    anywhere = settings(face={"driving_box": (0, 0, 500, 500), "any_face": True})
    again = editor.animate(portrait_photo, tmp_path / "copy.png", tmp_path / "again.png", anywhere)
    assert marked.output_id.encode() in again.path.read_bytes()
