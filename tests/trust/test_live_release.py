"""Live frames leave marked, under a consent that stands, or not at all."""

from __future__ import annotations

import io

import numpy as np
import pytest
import skimage.data
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from trust_samples import encode, picture

from fomm.config.label import LabelSettings
from fomm.errors import ConsentError, OutputError, SettingsError
from fomm.trust.consent.authorise import authorise
from fomm.trust.consent.terms import ConsentTerms
from fomm.trust.marks.already_marked import WATERMARK_SECRET
from fomm.trust.marks.label import Label
from fomm.trust.marks.verify import verify
from fomm.trust.release import live
from fomm.trust.release.film import LiveRelease, Provenance
from fomm.trust.release.registry import Registry
from fomm.trust.release.rendered import Rendered
from fomm.trust.watermark import Watermark

SIDE = 512
SIZE = (SIDE, SIDE)


def live_terms(**changes) -> ConsentTerms:
    values = {"subject": "Ada", "make": ("animate", "live"), "expires": "2027-01-31", "statement": "Yes, live too."}
    return ConsentTerms(**{**values, **changes})


@pytest.fixture
def leave(ledger, photo):
    ledger.grant(photo, live_terms())
    return authorise(photo, purpose="live", ledger=ledger)


@pytest.fixture
def no_wait(monkeypatch):
    """Ask the ledger before every frame."""
    monkeypatch.setattr(live, "RECHECK_SECONDS", 0.0)


def decoded(jpeg: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))


def test_a_second_of_live_frames_names_its_output(ledger, leave):
    release = LiveRelease(leave, SIZE)
    seen = [decoded(release.send(Rendered(picture(seed, SIDE, SIDE), leave))) for seed in range(12)]
    found = Watermark(ledger.keys.secret(WATERMARK_SECRET)).detect(seen)
    assert found.payload.hex() == release.output_id
    assert release.frames == 12


def test_the_session_is_registered_before_its_first_frame(ledger, leave):
    release = LiveRelease(leave, SIZE, provenance=Provenance(model="m" * 8))
    output = Registry(ledger).show(release.output_id)
    assert (output.state, output.consent, output.model, output.sha256) == ("released", leave.consent.id, "m" * 8, "")


def test_one_kept_frame_of_a_photo_is_found_in_the_registry(ledger, leave, tmp_path):
    release = LiveRelease(leave, SIZE)
    kept = tmp_path / "kept.jpg"
    kept.write_bytes(release.send(Rendered(skimage.data.astronaut(), leave)))
    report = verify(kept, ledger)
    assert (report.verdict, report.registry.output_id) == ("marked", release.output_id)
    assert "shown live" in report.registry.detail
    assert release.output_id in Image.open(kept).getexif()[0x010E]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 1),
    width=st.integers(SIDE, 640),
    height=st.integers(SIDE, 640),
    corner=st.sampled_from(["bottom-right", "bottom-left", "top-right", "top-left"]),
)
def test_no_live_frame_is_without_label_and_watermark(ledger, leave, seed, width, height, corner):
    """Whatever the picture: the plate is in its corner, and the rest differs as the embedder would have it."""
    look = LabelSettings(corner=corner)
    plate = Label(look, width, height)
    release = LiveRelease(leave, (width, height), label=look)
    frame = picture(seed, height, width)
    left = decoded(release.send(Rendered(frame, leave))).astype(float)
    embed = Watermark(ledger.keys.secret(WATERMARK_SECRET)).embedder(bytes.fromhex(release.output_id), height, width)
    x0, y0, x1, y1 = plate.box
    labelled = plate.apply(frame)
    assert np.abs(left[y0:y1, x0:x1] - labelled[y0:y1, x0:x1]).mean() < 12
    assert np.abs(frame[y0:y1, x0:x1].astype(float) - labelled[y0:y1, x0:x1]).mean() > 12
    mark = embed(labelled).astype(float) - labelled
    rest = np.ones((height, width), bool)
    rest[y0:y1, x0:x1] = False
    change, wanted = (left - labelled)[rest].mean(axis=1), mark[rest].mean(axis=1)
    assert np.corrcoef(change, wanted)[0, 1] > 0.12  # 0.03 for another id, 0 for no mark


def test_revoking_mid_stream_stops_it_for_good(ledger, leave, no_wait):
    release = LiveRelease(leave, SIZE)
    frame = picture(1, SIDE, SIDE)
    release.send(Rendered(frame, leave))
    ledger.revoke(leave.consent.id)
    with pytest.raises(ConsentError, match="revoked"):
        release.send(Rendered(frame, leave))
    with pytest.raises(OutputError, match="ended"):
        release.send(Rendered(frame, leave))
    assert release.frames == 1


def test_a_running_session_is_asked_about_every_few_seconds(ledger, leave, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    release = LiveRelease(leave, SIZE)
    ledger.revoke(leave.consent.id)
    frame = picture(1, SIDE, SIDE)
    release.send(Rendered(frame, leave))
    now[0] += live.RECHECK_SECONDS
    with pytest.raises(ConsentError):
        release.send(Rendered(frame, leave))
    assert live.RECHECK_SECONDS <= 5


def test_a_consent_that_ends_mid_stream_stops_it(leave, clock, no_wait):
    release = LiveRelease(leave, SIZE)
    clock.move(days=400)
    with pytest.raises(ConsentError, match="2027-01-31"):
        release.send(Rendered(picture(1, SIDE, SIDE), leave))


@pytest.mark.parametrize("nothing", [None, True, object()])
def test_without_an_authorisation_nothing_opens(nothing):
    with pytest.raises(ConsentError, match="authorise"):
        LiveRelease(nothing, SIZE)


def test_leave_to_animate_is_no_leave_for_live(ledger, photo, terms):
    ledger.grant(photo, terms)
    with pytest.raises(ConsentError, match="live"):
        authorise(photo, purpose="live", ledger=ledger)
    with pytest.raises(ConsentError, match="live use only"):
        LiveRelease(authorise(photo, ledger=ledger), SIZE)


def test_a_revocation_between_asking_and_opening_counts(ledger, leave):
    ledger.revoke(leave.consent.id)
    with pytest.raises(ConsentError, match="revoked"):
        LiveRelease(leave, SIZE)
    assert Registry(ledger).outputs() == []


def test_a_session_counts_as_one_output(ledger):
    capped = encode(picture(9))
    ledger.grant(capped, live_terms(outputs=1))
    leave = authorise(capped, purpose="live", ledger=ledger)
    LiveRelease(leave, SIZE)
    with pytest.raises(ConsentError, match="allows 1 output"):
        LiveRelease(leave, SIZE)


def test_a_wrong_frame_ends_the_session(leave):
    release = LiveRelease(leave, SIZE)
    with pytest.raises(OutputError, match="uint8"):
        release.send(Rendered(np.zeros((SIDE, SIDE, 3), np.float32), leave))
    with pytest.raises(OutputError, match="ended"):
        release.send(Rendered(np.zeros((SIDE, SIDE, 3), np.uint8), leave))


def test_a_label_that_does_not_fit_registers_nothing(ledger, leave):
    with pytest.raises(SettingsError, match="label"):
        LiveRelease(leave, SIZE, label=LabelSettings(text="words " * 6, scale=3.0))
    with pytest.raises(OutputError, match="512 px"):
        LiveRelease(leave, (400, 600))
    assert Registry(ledger).outputs() == []
