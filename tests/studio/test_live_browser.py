"""Going live in a real browser with a made-up camera: calibrate, record, stop; a revocation; a refused camera."""

import pytest
from chromium import CHROMIUM, PATIENCE, QUIET, keep_picture, note_failures
from live_samples import consented_photo

from fomm.tasks.demo import demo_files

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="for this test: apt-get install chromium")
CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


@pytest.fixture(scope="module")
def browser(driver, ffmpeg_command, tmp_path_factory):
    """A browser whose camera plays the bundled driving clip again and again."""
    clip = tmp_path_factory.mktemp("camera") / "camera.mjpeg"
    look = "scale=240:240,pad=320:240:40:0:gray"
    ffmpeg_command("-i", str(demo_files()[1]), "-vf", look, "-r", "15", "-q:v", "3", "-pix_fmt", "yuvj420p", str(clip))
    arguments = [*QUIET, *CAMERA, f"--use-file-for-fake-video-capture={clip}"]
    browser = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
    yield browser
    browser.close()


@pytest.fixture
def photo(studio, tmp_path):
    return consented_photo(tmp_path / "ada.png", studio.pipeline.ledger)


def visit(browser, address, failed, **options):
    """Open the Live tab; scripts that fail are noted."""
    page = browser.new_page(**options)
    page.set_default_timeout(PATIENCE)
    note_failures(page, failed)
    page.goto(address)
    page.wait_for_selector("#render")
    page.get_by_role("tab", name="Live").click()
    return page


@pytest.fixture
def page(browser, address):
    failed = []
    page = visit(browser, address, failed, viewport={"width": 1440, "height": 900})
    yield page
    page.close()
    assert failed == []


def go_live(page, photo):
    page.locator("#live-photo input[type=file]").set_input_files(str(photo))
    page.wait_for_selector("#live-consent-note .good")
    page.get_by_role("button", name="Go live").click()
    page.wait_for_function("fommLive.timings().length > 8")


def test_a_visitor_goes_live_records_and_stops(page, studio, photo):
    go_live(page, photo)
    page.wait_for_function("document.getElementById('live-numbers').textContent.includes('ms from camera to screen')")
    assert page.evaluate("document.getElementById('live-canvas').width") >= 512
    page.get_by_role("button", name="Calibrate").focus()
    page.keyboard.press("Enter")
    count = page.evaluate("fommLive.timings().length")
    page.wait_for_function(f"fommLive.timings().length > {count + 10}")
    keep_picture(page, "live.png")
    page.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_function("document.getElementById('live-numbers').textContent.includes('1 s recorded')")
    page.get_by_role("button", name="Stop and save").click()
    page.wait_for_selector("#live-report .note.good")
    assert "Intact." in page.locator("#live-report").inner_text()
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("document.documentElement.scrollWidth <= 390")  # the strip of tabs folds a moment later
    keep_picture(page, "live-phone.png")
    page.get_by_role("button", name="Stop", exact=True).click()
    page.wait_for_selector("#live-status .note")
    page.get_by_role("button", name="Go live").wait_for()
    assert page.evaluate("document.getElementById('live-camera').srcObject") is None
    assert page.evaluate("document.getElementById('live-canvas').width") == 1
    assert len(studio.live) == 0


def test_a_revoked_consent_stops_the_page(page, studio, photo):
    go_live(page, photo)
    ledger = studio.pipeline.ledger
    ledger.revoke(ledger.consents()[-1].consent.id)
    page.wait_for_selector("#live-status .note.bad")
    assert "revoked" in page.locator("#live-status").inner_text()
    assert page.evaluate("document.getElementById('live-camera').srcObject") is None


def test_leaving_the_page_frees_the_place(browser, address, studio, tmp_path):
    photo = consented_photo(tmp_path / "b.png", studio.pipeline.ledger, slice(0, 280))
    failed = []
    page = visit(browser, address, failed)
    go_live(page, photo)
    assert len(studio.live) == 1
    page.close()
    waiting = browser.new_page()
    for _ in range(200):
        if not len(studio.live):
            break
        waiting.wait_for_timeout(100)
    waiting.close()
    assert len(studio.live) == 0
    assert failed == []


def test_a_camera_that_is_refused_is_explained(driver, address, studio, tmp_path):
    photo = consented_photo(tmp_path / "c.png", studio.pipeline.ledger, slice(0, 270))
    blind = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
    failed = []
    page = visit(blind, address, failed)
    page.locator("#live-photo input[type=file]").set_input_files(str(photo))
    page.wait_for_selector("#live-consent-note .good")
    page.get_by_role("button", name="Go live").click()
    page.wait_for_selector("#live-status .note.bad")
    assert "camera" in page.locator("#live-status").inner_text()
    page.get_by_role("button", name="Go live").wait_for()
    assert len(studio.live) == 0
    blind.close()
    assert failed == []
