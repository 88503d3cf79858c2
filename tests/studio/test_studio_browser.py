"""The newcomer's path in a real browser: pick portrait and clip, consent, preview, render, play, verify."""

import re
from pathlib import Path

import httpx
import imageio.v3 as iio
import pytest
from chromium import CHROMIUM, PATIENCE, keep_picture, note_failures

from fomm.studio.gallery import bundled

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="for this test: apt-get install chromium")


@pytest.fixture
def page(browser, address):
    """The open page; scripts that fail fail the test."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE)
    failed = []
    note_failures(page, failed)
    page.goto(address)
    page.wait_for_selector("#render")
    yield page
    page.close()
    assert failed == []


def test_a_newcomer_makes_a_marked_animation(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # the studio is started from anywhere
    page.locator("#portraits button").first.click()
    page.wait_for_selector("#photo-stage .face.chosen")
    page.locator("#clips button").first.click()
    page.wait_for_selector("#clip-note .note")
    page.get_by_label("Nobody: made by AI").check()
    page.get_by_label("Where the picture comes from").fill("Stable Diffusion 3, CC0")
    page.get_by_role("button", name="Record this consent").click()
    page.wait_for_selector("#consent-note .good")
    page.wait_for_selector("#preview img")
    page.get_by_label("Stop after (seconds)").fill("0.4")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Render", exact=True).click()
    page.wait_for_selector("#report .note.good")
    assert "Intact." in page.locator("#report").inner_text()
    page.wait_for_function("document.querySelector('#video video').readyState >= 2")
    page.evaluate("document.querySelector('#video video').play()")
    page.wait_for_function("document.querySelector('#video video').currentTime > 0")
    with page.expect_download() as download:
        page.locator("#download").click()
    made = download.value.path()
    keep_picture(page, "result.png")
    page.get_by_role("tab", name="Verify").click()
    page.locator("#verify-file input[type=file]").set_input_files(
        {"name": "made.mp4", "mimeType": "video/mp4", "buffer": Path(made).read_bytes()}
    )
    page.wait_for_selector("#verify-report .note.good")
    keep_picture(page, "verify.png")


def give(page, place, file):
    page.locator(f"#{place} input[type=file]").set_input_files(str(file))


def told(page, place, words):
    """Wait until the page says something in one of its steps."""
    page.locator(place).get_by_text(re.compile(words)).first.wait_for()


def test_every_refusal_is_told_in_its_step_and_the_page_stays_usable(
    page, portrait_photo, make_photo, make_talk, tmp_path
):
    empty, text = tmp_path / "empty.png", tmp_path / "text.png"
    empty.touch()
    text.write_text("not a picture")
    for photo, words in (
        (empty, "empty.png is empty"),
        (text, "text.png is a text file, not a picture"),
        (make_photo(tmp_path / "plain.png"), "No face was found"),
    ):
        give(page, "photo", photo)
        told(page, "#photo-stage", words)
        page.get_by_role("button", name="Choose another photo").click()
    stranger = tmp_path / "stranger.png"
    iio.imwrite(stranger, iio.imread(portrait_photo)[30:])  # another picture: nobody agreed to it
    give(page, "photo", stranger)
    page.wait_for_selector("#photo-stage .face.chosen")
    told(page, "#consent-note", "No consent is recorded for this photo yet")

    nothing = tmp_path / "nothing.mp4"
    nothing.touch()
    for clip, words in (
        (nothing, "nothing.mp4 is empty"),
        (make_talk(tmp_path / "long.mp4", frames=40, audio=False), "renders up to 1 s"),
    ):
        give(page, "clip", clip)
        told(page, "#clip-note", words)
        if clip == nothing:
            page.locator("#clip").get_by_role("button", name="Clear").first.click()
    page.get_by_role("button", name="Render", exact=True).click()
    told(page, "#status", "renders up to 1 s")
    page.get_by_label("Stop after (seconds)").fill("0.4")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Render", exact=True).click()
    told(page, "#status", "No consent is recorded for stranger.png")
    keep_picture(page, "refused.png")

    page.get_by_label("Their name or a pseudonym").fill("Ada")
    page.get_by_label("The words by which they agreed").fill("Yes, animate it.")
    page.get_by_role("button", name="Record this consent").click()
    page.wait_for_selector("#consent-note .good")
    page.get_by_role("button", name="Render", exact=True).click()
    page.wait_for_selector("#report .note.good")


def test_a_file_of_another_kind_is_refused_before_it_is_sent(page, tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    for place in ("photo", "clip"):
        give(page, place, text)
    page.get_by_text("Only image/* allowed").first.wait_for()
    page.get_by_text("Only video/x-m4v,video/* allowed").first.wait_for()
    page.locator("#portraits button").first.click()
    page.wait_for_selector("#photo-stage .face.chosen")


def test_nothing_scrolls_sideways_on_a_phone(page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("document.documentElement.scrollWidth <= 390")  # the strip of tabs folds a moment later


def test_closing_the_page_deletes_the_visitors_files(browser, address, studio, portrait_photo):
    page = browser.new_page()
    page.goto(address)
    page.locator("#photo input[type=file]").set_input_files(str(portrait_photo))
    page.wait_for_selector("#photo-stage svg", timeout=PATIENCE)
    before = httpx.get(f"{address}/health").json()["sessions"]
    uploaded = [path for session in studio.sessions._sessions.values() for path in session.uploads]
    assert any(path.exists() for path in uploaded)
    page.close()
    waiter = browser.new_page()
    for _ in range(300):
        if httpx.get(f"{address}/health").json()["sessions"] < before:
            break
        waiter.wait_for_timeout(100)
    waiter.close()
    assert httpx.get(f"{address}/health").json()["sessions"] < before


def test_settings_are_remembered_in_the_browser_and_nothing_else(browser, address, portrait_photo):
    visit = browser.new_context()
    page = visit.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    strength = page.get_by_label("number input for Motion strength").first
    strength.fill("0.55")
    strength.press("Tab")
    page.locator("#photo input[type=file]").set_input_files(str(portrait_photo))
    page.wait_for_selector("#photo-stage .face.chosen")
    page.wait_for_function("JSON.stringify(localStorage).includes('0.55')")
    kept = page.evaluate("JSON.stringify(localStorage)")
    assert "Ada" not in kept
    assert portrait_photo.name not in kept
    page.reload()
    page.wait_for_selector("#render")
    page.wait_for_function(
        "document.querySelector('[aria-label=\"number input for Motion strength\"]').value === '0.55'"
    )
    page.locator("#animate-reset").click()
    page.wait_for_function("document.querySelector('[aria-label=\"number input for Motion strength\"]').value === '1'")
    visit.close()


def test_the_consent_form_follows_the_photo(page):
    ticked = "document.querySelector('#consent-kind input[value={}]')?.checked"
    page.locator("#portraits button").nth(1).click()
    page.wait_for_selector("#photo-stage .face.chosen")
    page.wait_for_function(ticked.format("ai-generated"))
    assert "CC0" in page.get_by_label("Where the picture comes from").first.input_value()
    page.get_by_role("button", name="Choose another photo").first.click()
    page.locator("#photo input[type=file]").set_input_files(str(bundled()[0][2].path))
    page.wait_for_selector("#photo-stage .face.chosen")
    page.wait_for_function(ticked.format("person"))
