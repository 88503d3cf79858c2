"""A photo that follows a camera: found, calibrated, hinted, marked, recorded."""

import io
from dataclasses import replace

import imageio.v3 as iio
import numpy as np
import pytest
import skimage.data
import skimage.transform
from PIL import Image

from fomm.config.live import LiveSettings
from fomm.config.motion import TransferSettings
from fomm.errors import ConsentError, MotionError, OutputError
from fomm.face.crop import CropWindow
from fomm.media.video import read_video
from fomm.retarget.live import NEAR
from fomm.tasks.live import SIDE, LivePortrait, stage
from fomm.tasks.live_driver import AWAY, CALIBRATING, NOBODY, LiveDriver
from fomm.tasks.recording import release_recording
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import ConsentTerms
from fomm.trust.marks.verify import verify
from fomm.trust.release.registry import Registry

FPS = 10
BLANK = np.full((160, 160, 3), 128, np.uint8)
SETTINGS = LiveSettings.from_mapping({"encode": {"preset": "ultrafast"}, "render": {"device": "cpu"}})


@pytest.fixture(scope="module")
def live_photo(ledger, tmp_path_factory):
    """A photo whose person agreed to live use, too."""
    path = tmp_path_factory.mktemp("live") / "ada.png"
    iio.imwrite(path, skimage.data.astronaut()[:280, 90:360])
    ledger.grant(
        path.read_bytes(),
        ConsentTerms(subject="Ada", make=("animate", "live"), expires="2999-01-31", statement="Yes, live."),
    )
    return path


@pytest.fixture(scope="module")
def camera():
    """Frames of a face; `camera(i)` sways, `camera(i, side=...)` is nearer or farther."""
    photo = skimage.data.astronaut() / 255.0

    def frame(index, side=200.0, sway=6.0):
        x, y = 225 + sway * np.sin(index), 112.0
        where = skimage.transform.SimilarityTransform(scale=side / 160, translation=(x - side / 2, y - side / 2))
        return np.round(skimage.transform.warp(photo, where, output_shape=(160, 160), mode="edge") * 255).astype(
            np.uint8
        )

    return frame


@pytest.fixture
def live(pipeline, live_photo):
    portrait = LivePortrait(pipeline, live_photo, SETTINGS)
    yield portrait
    portrait.close()


@pytest.fixture
def drive(live):
    """Show camera frames one after another and return what left for each."""
    clock = iter(range(10_000))
    return lambda frames: [live.frame(frame, next(clock) / FPS) for frame in frames]


def shown(frame):
    return np.asarray(Image.open(io.BytesIO(frame.jpeg)).convert("RGB")).astype(int)


def test_a_camera_moves_the_photo(live, drive, camera):
    left = drive(camera(index) for index in range(12))
    assert [frame.hint for frame in left[:4]] == [CALIBRATING] * 4
    assert left[-1].hint == ""
    assert {shown(frame).shape for frame in left} == {(*reversed(live.size), 3)}
    assert min(live.size) == SIDE
    still, moved = shown(left[0]), shown(left[-1])
    assert np.abs(moved - still).max() > 20


def test_until_somebody_is_there_the_photo_rests(live, drive, camera):
    left = drive([BLANK] * 3)
    assert {frame.hint for frame in left} == {NOBODY}
    assert np.array_equal(shown(left[0]), shown(left[2]))
    assert drive(camera(index) for index in range(12))[-1].hint == ""


def test_who_leaves_is_told_and_the_pose_stays(live, drive, camera):
    drive(camera(index) for index in range(10))
    gone = drive([BLANK] * 8)
    assert gone[-1].hint == AWAY
    assert np.array_equal(shown(gone[-1]), shown(gone[-2]))
    assert drive(camera(index) for index in range(8))[-1].hint != AWAY


def test_calibrating_makes_the_present_pose_the_photos(live, drive, camera):
    rest = shown(drive([BLANK])[0])
    drive(camera(0) for _ in range(12))
    away = shown(drive([camera(8, side=190.0)] * 4)[-1])
    live.calibrate()
    home = shown(drive([camera(8, side=190.0)] * 12)[-1])
    assert np.abs(home - rest).mean() < np.abs(away - rest).mean() / 2


def test_a_driver_who_stays_nearer_is_asked_to_calibrate(pipeline, live, camera, monkeypatch):
    """The keypoints of the random model do not follow a scale; here they do."""
    driver = LiveDriver(pipeline, live._portrait.keypoints, SETTINGS)
    base, size = live._portrait.keypoints, [1.0]
    monkeypatch.setattr(pipeline._animator, "detect", lambda squares: replace(base, value=base.value.cpu() * size[0]))
    for index in range(20):
        driver.see(camera(0), index / FPS)
    assert driver.hint == ""
    size[0] = 1.3
    for index in range(20, 100):
        driver.see(camera(0), index / FPS)
    assert driver.hint == NEAR
    driver.calibrate()
    for index in range(100, 120):
        driver.see(camera(0), index / FPS)
    assert driver.hint == ""


def test_strength_can_be_changed_while_it_runs(live, drive, camera):
    rest = shown(drive([BLANK])[0])
    drive(camera(0) for _ in range(12))
    live.adjust(TransferSettings(strength=0.0, full_blinks=False))
    assert np.abs(shown(drive([camera(8)] * 3)[-1]) - rest).mean() < 1


def test_another_camera_size_calibrates_anew(live, drive, camera):
    drive(camera(index) for index in range(8))
    wide = np.pad(camera(0), ((0, 0), (20, 20), (0, 0)), mode="edge")
    assert drive([wide])[0].hint == CALIBRATING


def test_a_recording_leaves_as_a_verified_file(pipeline, ledger, live, live_photo, drive, camera, tmp_path):
    with pytest.raises(MotionError, match="Calibrate"):
        live.record()
    drive(camera(index) for index in range(8))
    live.record()
    with pytest.raises(MotionError, match="Stop the recording"):
        live.calibrate()
    assert drive(camera(index) for index in range(11))[-1].recorded == pytest.approx(1.0)
    recorder, settings = live.stop_recording()
    assert drive([camera(0)])[0].recorded is None
    assert live.stop_recording() is None
    receipt = release_recording(pipeline, live_photo, recorder, tmp_path / "live.mp4", settings)
    assert receipt.frames == 26
    assert receipt.output_id != live.output_id
    assert verify(receipt.path, ledger).verdict == "intact"
    frames = list(read_video(receipt.path))
    assert min(frames[0].shape[:2]) == SIDE


def test_a_session_is_one_output_of_its_consent(ledger, live, drive, camera):
    output = Registry(ledger).show(live.output_id)
    drive([camera(0)])
    assert output.state == "released"
    assert ledger.show(output.consent).consent.terms.make == ("animate", "live")


def test_without_leave_for_live_use_nothing_begins(pipeline, portrait_photo):
    with pytest.raises(ConsentError, match="live"):
        LivePortrait(pipeline, portrait_photo, SETTINGS)


def test_a_recording_needs_leave_to_animate(pipeline, ledger, tmp_path, camera, make_photo):
    only_live = tmp_path / "only-live.png"
    iio.imwrite(only_live, skimage.data.astronaut()[:260, 110:340])
    terms = ConsentTerms(subject="Ada", make=("live",), expires="2999-01-31", statement="Yes, live only.")
    ledger.grant(only_live.read_bytes(), terms)
    live = LivePortrait(pipeline, only_live, SETTINGS)
    for index in range(8):
        live.frame(camera(index), index / FPS)
    live.record()
    for index in range(8, 20):
        live.frame(camera(index), index / FPS)
    recorder, settings = live.stop_recording()
    with pytest.raises(ConsentError, match="animate"):
        release_recording(pipeline, only_live, recorder, tmp_path / "live.mp4", settings)
    assert [path.name for path in tmp_path.iterdir()] == ["only-live.png"]


def test_revoking_ends_it(pipeline, tmp_path, monkeypatch):
    monkeypatch.setattr("fomm.trust.release.live.RECHECK_SECONDS", 0.0)
    photo = tmp_path / "ada.png"
    iio.imwrite(photo, skimage.data.astronaut()[:280, 90:360])
    own = Ledger(tmp_path / "home")
    consent = own.grant(
        photo.read_bytes(), ConsentTerms(subject="Ada", make=("live",), expires="2999-01-31", statement="Yes.")
    )
    monkeypatch.setattr(pipeline, "ledger", own)
    live = LivePortrait(pipeline, photo, SETTINGS)
    live.frame(BLANK, 0.0)
    own.revoke(consent.id)
    with pytest.raises(ConsentError, match="revoked"):
        live.frame(BLANK, 0.1)
    with pytest.raises(OutputError, match="ended"):
        live.frame(BLANK, 0.2)


@pytest.mark.parametrize(("view", "size"), [("photo", (910, 512)), ("face", (512, 512))])
def test_a_wide_photo_is_shown_around_its_face(view, size):
    photo = np.zeros((300, 1200, 3), np.uint8)
    photo[:, 900:] = 255
    picture, window = stage(photo, CropWindow(950, 50, 200), view)
    assert (picture.shape[1], picture.shape[0]) == size
    assert window.crop(picture, 64).min() == 255  # it still shows what it showed
