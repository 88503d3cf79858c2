"""The label stays off the face in what leaves, wherever the face is and whichever way it leaves."""

import imageio.v3 as iio
import pytest
import skimage.data

from fomm.config.edit_photo import EditPhotoSettings
from fomm.config.label import CORNERS, LabelSettings
from fomm.config.live import LiveSettings
from fomm.config.render import RenderSettings
from fomm.retarget.live import Recorder
from fomm.tasks.animate import Pipeline
from fomm.tasks.edit import edit_still
from fomm.tasks.live import LivePortrait
from fomm.tasks.preview import preview
from fomm.tasks.recording import release_recording
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import ConsentTerms
from fomm.trust.marks.label import LEGIBLE, Label

LIVE = LiveSettings.from_mapping({"encode": {"preset": "ultrafast"}, "render": {"device": "cpu"}})


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """A face in the corner that a label takes where it is free to choose."""
    path = tmp_path_factory.mktemp("corner") / "corner.png"
    iio.imwrite(path, skimage.data.astronaut()[:182, :278])
    return path


@pytest.fixture(scope="module")
def editor(editing_checkpoint, photo, tmp_path_factory):
    ledger = Ledger(tmp_path_factory.mktemp("label-ledger"))
    terms = ConsentTerms(subject="Ada", make=("animate", "live"), expires="2999-01-31", statement="Yes.")
    ledger.grant(photo.read_bytes(), terms, name=photo.name)
    return Pipeline(str(editing_checkpoint), RenderSettings(device="cpu"), ledger)


def covered(place, face):
    """How many pixels of a face a place covers, both (x0, y0, x1, y1)."""
    wide, high = (min(place[i + 2], face[i + 2]) - max(place[i], face[i]) for i in (0, 1))
    return max(0, wide) * max(0, high)


def animated(editor, photo, driving, output, settings):
    editor.animate(photo, driving, output, settings(max_seconds=0.1), silent=True)
    return output


def edited(editor, photo, _driving, output, _settings):
    edit_still(editor, photo, output, EditPhotoSettings.from_mapping({"edit": {"smile": 0.2}}))
    return output


def previewed(editor, photo, driving, output, settings):
    motion = editor.track(driving, settings(max_seconds=0.1))
    preview(editor, editor.authorise(photo), photo, driving, motion, output, settings())
    return output


def shown_live(editor, photo, driving, output, _settings):
    live = LivePortrait(editor, photo, LIVE)
    output.write_bytes(live.frame(iio.imread(driving, index=0, plugin="pyav"), 0.0).jpeg)
    live.close()
    return output


def recorded(editor, photo, driving, output, settings):
    track = editor.track(driving, settings(max_seconds=0.2))
    recorder = Recorder(track.keypoints(0, 1), editor.detector, max_seconds=9.0)
    for index in range(4):
        recorder.add(track.keypoints(index, index + 1), True, index / 10)
    release_recording(editor, photo, recorder, output, LIVE)
    return output


@pytest.mark.parametrize(
    ("make", "driver", "name"),
    [
        (animated, "talk", "clip.mp4"),
        (animated, "portrait_photo", "still.png"),
        (edited, "portrait_photo", "edit.png"),
        (previewed, "talk", "preview.png"),
        (shown_live, "talk", "live.jpg"),
        (recorded, "talk", "recording.mp4"),
    ],
    ids=["clip", "still", "edit", "preview", "live", "recording"],
)
def test_the_label_leaves_the_face_free(editor, photo, request, settings, tmp_path, make, driver, name):
    made = make(editor, photo, request.getfixturevalue(driver), tmp_path / name, settings)
    frame = iio.imread(made, index=1, plugin="pyav") if made.suffix == ".mp4" else iio.imread(made)
    height, width = frame.shape[:2]
    labels = {corner: Label(LabelSettings(corner=corner), width, height) for corner in CORNERS}
    (drawn,) = [label for label in labels.values() if label.legibility(frame) > LEGIBLE]
    (face,) = editor.finder.find(iio.imread(photo))
    box = [edge * width / 278 for edge in face.box]
    assert covered(labels["bottom-right"].box, box) > 0.05 * (box[2] - box[0]) * (box[3] - box[1])
    assert covered(drawn.box, box) == 0
