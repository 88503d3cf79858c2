import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from skimage import data, transform

from fomm.errors import SettingsError, TrustError
from fomm.trust.watermark import Watermark, WatermarkSettings, accumulate, carriers, code, detect, pose, search, windows

KEY = bytes(range(32))
PAYLOAD = bytes.fromhex("0123456789abcdef")


@pytest.fixture(scope="module")
def photo():
    return data.astronaut()


@pytest.fixture(scope="module")
def watermark():
    return Watermark(KEY)


@pytest.fixture(scope="module")
def marked(photo, watermark):
    return watermark.embedder(PAYLOAD, 512, 512)(photo)


def resized(picture, height, width):
    result = transform.resize(picture, (height, width), anti_aliasing=True, preserve_range=True)
    return result.round().astype(np.uint8)


def psnr(first, second):
    return 10 * np.log10(255**2 / np.mean((first.astype(float) - second) ** 2))


def test_mark_is_read_back_from_one_picture(watermark, marked):
    detection = watermark.detect([marked])
    assert (detection.found, detection.payload, detection.frames) == (True, PAYLOAD, 1)
    assert detection.scale == pytest.approx(1, abs=0.006)
    assert detection.confidence > 0.8


def test_marked_picture_stays_above_42_db_and_keeps_its_colours(photo, marked):
    assert 42 <= psnr(marked, photo) < 45
    change = marked.astype(int) - photo
    inside = ((photo > 20) & (photo < 235)).all(axis=2)
    assert (change[inside] == change[inside][:, :1]).all()  # the same in red, green and blue: luma only


def test_plain_picture_is_marked_more_faintly(watermark, photo, marked):
    wall = np.full((512, 512, 3), 128, np.uint8)
    faint = watermark.embedder(PAYLOAD, 512, 512)(wall)
    assert psnr(faint, wall) > psnr(marked, photo) + 3
    assert watermark.detect([faint]).payload == PAYLOAD


def test_strength_setting_is_the_lowest_psnr(watermark, photo):
    for wanted in (40.0, 45.0):
        mark = watermark.embedder(PAYLOAD, 512, 512, WatermarkSettings(psnr=wanted, masking=0.3))
        assert wanted - 0.1 < psnr(mark(photo), photo) < wanted + 1
    with pytest.raises(SettingsError, match="psnr"):
        WatermarkSettings(psnr=20)


def test_mark_survives_crop_and_half_size(watermark, marked):
    detection = watermark.detect([resized(marked[30:490, 17:477], 230, 230)])
    assert detection.payload == PAYLOAD
    assert detection.scale == pytest.approx(512 / 460, rel=0.01)


@pytest.mark.parametrize(("height", "width"), [(600, 720), (375, 333), (1080, 608)])
def test_any_frame_size(watermark, photo, height, width):
    frame = resized(photo, height, width)
    mark = watermark.embedder(PAYLOAD, height, width)
    assert watermark.detect([mark(frame)]).payload == PAYLOAD
    assert mark.small == (min(height, width) < 512)


def turned(picture, degrees):
    """Turn counter-clockwise and cut the empty corners off."""
    away = transform.rotate(picture, degrees, preserve_range=True)
    edge = int(np.ceil(len(picture) / 2 * abs(np.sin(np.radians(degrees)))))
    return away[edge : len(picture) - edge, edge : len(picture) - edge].round().astype(np.uint8)


EDITS = {
    "mirrored": (lambda picture: picture[:, ::-1], {"mirrored": True}),
    "quarter turn": (np.rot90, {"turned": 90}),
    "upside down": (lambda picture: np.rot90(picture, 2), {"turned": 180}),
    "three quarters": (lambda picture: np.rot90(picture, 3), {"turned": 270}),
    "negative": (lambda picture: 255 - picture, {"negative": True}),
    "mirrored, turned, negative": (
        lambda picture: 255 - np.rot90(picture[:, ::-1]),
        {"mirrored": True, "turned": 90, "negative": True},
    ),
    "3 degrees": (lambda picture: turned(picture, 3), {"turned": 3}),
    "-1.2 degrees": (lambda picture: turned(picture, -1.2), {"turned": -1.2}),
    "17 degrees": (lambda picture: turned(picture, 17), {"turned": 17}),
    "wide": (lambda picture: resized(picture, 512, 589), {"aspect": 1.15}),
    "wide, turned, mirrored": (lambda picture: turned(resized(picture, 512, 580)[:, 500::-1][:500], 2), {"turned": 2}),
}


@pytest.mark.parametrize("edit", EDITS)
def test_deep_search_reads_a_picture_however_it_lies(watermark, marked, edit):
    change, expected = EDITS[edit]
    picture = np.ascontiguousarray(change(marked))
    found = watermark.detect([picture], deep=True)
    assert found.payload == PAYLOAD
    unchanged = {"aspect": 1, "turned": 0, "mirrored": False, "negative": False}
    if "wide, turned" not in edit:
        for name, value in (unchanged | expected).items():
            assert getattr(found, name) == pytest.approx(value, abs=0.8 if name == "turned" else 0.03), name


def test_a_mirrored_picture_needs_the_deep_search(watermark, marked):
    assert not watermark.detect([np.ascontiguousarray(marked[:, ::-1])]).found


def test_mark_is_read_from_the_moving_frames_of_a_clip(watermark, photo):
    mark = watermark.embedder(PAYLOAD, 320, 320)
    detection = watermark.detect(mark(np.ascontiguousarray(photo[i : i + 320, 60 : 60 + 320])) for i in range(0, 60, 6))
    assert (detection.payload, detection.frames) == (PAYLOAD, 10)
    assert watermark.detect((mark(photo[:320, :320].copy()) for _ in range(10)), limit=3).frames == 3


def test_another_key_finds_nothing(marked):
    detection = Watermark(KEY[::-1]).detect([marked])
    assert (detection.found, detection.payload, detection.confidence) == (False, None, 0)


def test_unmarked_pictures_are_not_accepted():
    residual = accumulate([data.chelsea()])
    for number in range(8):
        key = hashlib.sha256(bytes([number])).digest()
        assert not Watermark(key).search(residual, least_sync=0).found  # every candidate decoded


def test_false_accept_bound_counts_every_checked_tag(watermark, photo):
    nothing = watermark.search(accumulate([photo]), least_sync=0)
    assert nothing.tries == detect.CANDIDATES * code.LISTED
    assert nothing.false_accept_bound == nothing.tries / 2**32
    deep = watermark.search(accumulate([photo] * 5), least_sync=0, deep=True)
    assert deep.tries == 5 * detect.CANDIDATES * code.LISTED  # clip and opening, both in all orientations, and survey
    assert deep.false_accept_bound < 1e-6


def test_false_accept_bound_of_a_file_counts_every_window(watermark, photo, monkeypatch):
    monkeypatch.setattr(windows, "WINDOW", 2)
    frames = [np.roll(photo[:256, :256], 3 * step, axis=1) for step in range(4)]
    alone = sum(watermark.detect(frames[start : start + 2]).tries for start in (0, 2))
    whole = windows.search_windows(iter(frames), watermark, deep=False)
    assert not whole.found
    assert whole.tries == alone
    longest = (windows.WINDOWS * 2 + 5) * detect.CANDIDATES * code.LISTED
    assert longest / 2**32 < 1e-5


def test_marking_is_deterministic_and_shared_by_threads(watermark, photo, marked):
    before = photo.copy()
    mark = watermark.embedder(PAYLOAD, 512, 512)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(mark, [photo] * 8))
    assert all(np.array_equal(result, marked) for result in results)
    assert np.array_equal(photo, before)


def test_layout_of_a_key_never_changes():
    layout = carriers.Carriers.from_key(KEY)
    parts = (layout.sign, layout.sync, layout.data, layout.bit)
    digest = hashlib.sha256(b"".join(part.astype("<i4").tobytes() for part in parts)).hexdigest()
    assert digest.startswith("1d2c5caed80f9773"), "files marked with earlier versions would no longer be read"


def test_carriers_are_read_where_the_transform_has_them():
    values = np.random.default_rng(1).normal(size=(256, 300)).astype(np.float32)
    ky, kx = carriers.bins()
    period = 128 * 0.777
    down = np.exp(-2j * np.pi * np.outer(ky, np.arange(256) - 128) / period)
    across = np.exp(-2j * np.pi * np.outer(kx, np.arange(300) - 150) / period)
    exact = np.einsum("nh,hw,nw->n", down, values, across, optimize=True)
    exact /= np.maximum(np.abs(exact), 1e-9)
    read = search.read(search.spectrum_of(values), 128.0, pose.poses(np.array([0.777]))).carriers[0]
    agreement = np.abs(np.vdot(exact, read)) / np.abs(read).sum()
    assert agreement > 0.98


def test_every_code_bit_has_carriers_of_its_own():
    layout = carriers.Carriers.from_key(KEY)
    assert np.bincount(layout.bit, minlength=code.CODE_BITS).min() >= 2
    assert not set(layout.sync) & set(layout.data)
    assert len(layout.sync) + len(layout.data) == 2 * len(layout.ky)


def test_wrong_input_is_refused(watermark, photo):
    with pytest.raises(TrustError, match="at least 16 bytes"):
        Watermark(b"short")
    with pytest.raises(TrustError, match="8 bytes"):
        watermark.embedder(b"123", 512, 512)
    with pytest.raises(TrustError, match="20x512"):
        watermark.embedder(PAYLOAD, 512, 20)
    with pytest.raises(TrustError, match="marks uint8"):
        watermark.embedder(PAYLOAD, 512, 512)(photo[:100])
    with pytest.raises(TrustError, match="no frame"):
        watermark.detect([])
    with pytest.raises(TrustError, match="float64"):
        watermark.detect([photo / 255])
    with pytest.raises(TrustError, match="Frame 1"):
        watermark.detect([photo, photo[:400]])
