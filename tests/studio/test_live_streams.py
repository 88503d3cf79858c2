"""Live places and the address that frames go to: who gets one, whose frames go where, and what is refused."""

import threading
from contextlib import suppress
from types import SimpleNamespace

import httpx
import pytest
from live_samples import camera_jpeg, consented_photo, decoded

from fomm.config.label import LabelSettings
from fomm.config.live import LiveSettings
from fomm.errors import ConsentError, MediaError
from fomm.studio.app import Serving, launch
from fomm.studio.live.streams import MOST_BYTES, LiveStream, LiveStreams, PlacesTakenError
from fomm.studio.session import Sessions
from fomm.trust.marks.label import Label

SETTINGS = LiveSettings()


@pytest.fixture
def photo(studio, tmp_path):
    return consented_photo(tmp_path / "live.png", studio.pipeline.ledger)


@pytest.fixture
def stream(studio, photo, visitor):
    """A running stream of this test's visitor."""
    opened = studio.live.open(studio.sessions.get(visitor.session_hash), photo, SETTINGS)
    yield opened
    opened.close()


@pytest.fixture
def post(address, stream):
    """Send a camera frame as the page does; keywords replace headers."""

    def send(data=None, **headers):
        given = {"X-Fomm-Live": stream.key, "Sec-Fetch-Site": "same-origin"}
        given.update({name.replace("_", "-"): value for name, value in headers.items()})
        return httpx.post(f"{address}/live/frame", content=data or camera_jpeg(), headers=given)

    return send


def test_a_camera_frame_is_answered_by_a_labelled_one(post):
    answer = post()
    frame = decoded(answer.content)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "no-store"
    assert '"hint": "calibrating"' in answer.headers["x-fomm-told"]
    x0, y0, x1, y1 = Label(LabelSettings(corner="bottom-right"), frame.shape[1], frame.shape[0]).box
    plate = frame[y0:y1, x0:x1]
    assert plate.max() > 240  # white ink
    assert plate[5:-5, 5:-5].mean() < 128  # on a dark plate


def test_without_the_key_nobody_feeds_or_reads_a_stream(post, address):
    assert post(X_Fomm_Live="guessed").status_code == 410
    assert httpx.post(f"{address}/live/frame", content=camera_jpeg()).status_code == 410
    assert httpx.get(f"{address}/live/frame").status_code in (404, 405)


@pytest.mark.parametrize(
    "headers",
    [{"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"}, {"Origin": "https://elsewhere.example"}],
)
def test_other_sites_are_refused(address, stream, headers):
    given = {"X-Fomm-Live": stream.key, **{name.replace("_", "-"): value for name, value in headers.items()}}
    answer = httpx.post(f"{address}/live/frame", content=camera_jpeg(), headers=given)
    assert answer.status_code == 403
    assert "own page" in answer.json()["error"]


def test_frames_too_large_or_of_another_kind_are_refused_and_the_stream_goes_on(post):
    assert post(b"\xff\xd8\xff" + bytes(MOST_BYTES)).status_code == 413
    assert post(b"GIF89a").status_code == 422
    assert post(b"\xff\xd8\xff broken").status_code == 422
    assert post(camera_jpeg(size=(2000, 100))).status_code == 422
    assert post().status_code == 200


def test_where_a_login_is_needed_frames_need_it_too(studio, photo):
    page, address = launch(studio, Serving(port=0, auth=(("ada", "secret"),)))
    stream = studio.live.open(studio.sessions.get("login"), photo, SETTINGS)
    try:
        with httpx.Client(base_url=address, headers={"X-Fomm-Live": stream.key}) as browser:
            assert browser.post("live/frame", content=camera_jpeg()).status_code == 401
            browser.post("login", data={"username": "ada", "password": "secret"})
            assert browser.post("live/frame", content=camera_jpeg()).status_code == 200
    finally:
        stream.close()
        page.close(verbose=False)


def test_revoking_ends_the_stream_and_frees_its_place(studio, post, stream, monkeypatch):
    monkeypatch.setattr("fomm.trust.release.live.RECHECK_SECONDS", 0.0)
    assert post().status_code == 200
    ledger = studio.pipeline.ledger
    entry = next(entry for entry in reversed(ledger.consents()) if "live" in entry.consent.terms.make)
    ledger.revoke(entry.consent.id)
    refused = post()
    assert refused.status_code == 410
    assert "revoked" in refused.json()["error"]
    again = post()  # the page may get this answer first
    assert again.status_code == 410
    assert again.json() == refused.json()
    assert len(studio.live) == 0


def test_no_picture_touches_the_disk(studio, post):
    root = studio.sessions.folders.parent
    before = {path for path in root.rglob("*") if path.is_file()}
    for shift in range(3):
        post(camera_jpeg(shift))
    assert {path for path in root.rglob("*") if path.is_file()} == before


def test_places_are_few_and_come_back(studio, photo):
    places, (ours, theirs) = LiveStreams(studio.pipeline, 1), (studio.sessions.get(key) for key in ("ours", "theirs"))
    first = places.open(ours, photo, SETTINGS)
    with pytest.raises(PlacesTakenError, match="All live places are taken"):
        places.open(theirs, photo, SETTINGS)
    again = places.open(ours, photo, SETTINGS)  # the visitor's own place
    assert not first.running
    assert places.of(ours) is again
    assert places.of(theirs) is None
    studio.sessions.close("ours")
    assert not again.running
    assert places.open(theirs, photo, SETTINGS).running
    studio.sessions.close("theirs")


def test_a_refusal_takes_no_place(studio, portrait_photo):
    places = LiveStreams(studio.pipeline, 1)
    with pytest.raises(ConsentError, match="live"):
        places.open(studio.sessions.get("refused"), portrait_photo, SETTINGS)
    assert len(places) == 0


def test_who_sends_nothing_loses_their_place(studio, photo):
    now = [100.0]
    places = LiveStreams(studio.pipeline, 1, idle_seconds=30, clock=lambda: now[0])
    stream = places.open(studio.sessions.get("idle"), photo, SETTINGS)
    now[0] += 29
    stream.frame(camera_jpeg())
    now[0] += 29
    assert places.get(stream.key) is stream
    now[0] += 2
    assert places.get(stream.key) is None
    assert not stream.running


class SlowPortrait:
    """Takes as long as it is told to, and counts."""

    def __init__(self):
        self.begun, self.go, self.made = threading.Semaphore(0), threading.Semaphore(0), []

    def see(self, camera, now):
        self.begun.release()
        assert self.go.acquire(timeout=10)
        return camera.mean()

    def show(self, seen):
        self.made.append(seen)
        return SimpleNamespace(jpeg=b"")

    def close(self):
        pass


def test_only_the_newest_waiting_frame_is_made():
    sessions, portrait = Sessions(), SlowPortrait()
    stream = LiveStream(sessions.get("slow"), portrait, None, SETTINGS, lambda: 0.0)
    answers = {}

    def send(number):
        answers[number] = stream.frame(camera_jpeg(shift=number))

    senders = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    senders[0].start()
    assert portrait.begun.acquire(timeout=10)  # the first is being made
    for number, sender in enumerate(senders[1:], 1):
        sender.start()
        for _ in range(1000):
            if stream._newest > number:
                break
            threading.Event().wait(0.005)
    portrait.go.release(4)
    for sender in senders:
        sender.join(timeout=10)
    sessions.close_all()
    assert len(portrait.made) == 2
    assert [answers[number] is None for number in range(4)] == [False, True, True, False]


class TwoHalves:
    """Shows nothing before the next camera frame was looked at."""

    def __init__(self):
        self.looks, self.looked = 0, threading.Event()

    def see(self, camera, now):
        self.looks += 1
        if self.looks == 2:
            self.looked.set()
        return self.looks

    def show(self, seen):
        assert self.looked.wait(10)
        return SimpleNamespace(jpeg=bytes([seen]))

    def close(self):
        pass


def test_the_next_camera_frame_is_looked_at_while_a_frame_is_made():
    sessions = Sessions()
    stream = LiveStream(sessions.get("two"), TwoHalves(), None, SETTINGS, lambda: 0.0)
    first = []
    sender = threading.Thread(target=lambda: first.append(stream.frame(camera_jpeg(shift=0))))
    sender.start()
    for _ in range(1000):
        if stream._portrait.looks:
            break
        threading.Event().wait(0.005)
    assert stream.frame(camera_jpeg(shift=1)).jpeg == b"\x02"
    sender.join(timeout=10)
    sessions.close_all()
    assert first[0].jpeg == b"\x01"


class Refusing:
    """Is refused at the exit once two frames are under way, and says what a closed release does from then on."""

    def __init__(self):
        self.under_way, self.closed = threading.Barrier(2, timeout=10), False

    def see(self, camera, now):
        return camera

    def show(self, seen):
        if self.closed:
            raise ConsentError("closed.")
        self.under_way.wait()
        raise ConsentError("revoked.")

    def close(self):
        self.closed = True


def test_frames_under_way_are_all_told_the_first_reason():
    sessions, portrait, told = Sessions(), Refusing(), []
    stream = LiveStream(sessions.get("refused"), portrait, None, SETTINGS, lambda: 0.0)

    def send():
        with pytest.raises(ConsentError) as refused:
            stream.frame(camera_jpeg())
        told.append(str(refused.value))

    senders = [threading.Thread(target=send) for _ in range(2)]
    senders[0].start()
    for _ in range(1000):
        if portrait.under_way.n_waiting:
            break
        threading.Event().wait(0.005)
    senders[1].start()
    portrait.under_way.wait()
    for sender in senders:
        sender.join(timeout=10)
    sessions.close_all()
    assert told == ["revoked.", "revoked."]


def test_a_closed_stream_makes_nothing(studio, stream):
    stream.close()
    with pytest.raises(Exception, match="ended"):
        stream.frame(camera_jpeg())
    with suppress(MediaError):
        stream.frame(b"")
    assert studio.live.get(stream.key) is None
