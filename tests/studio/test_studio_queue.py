"""Visitors who render at once in real browsers: the second sees their place, Stop stops, and nothing stays behind."""

import json
import time

import pytest
from chromium import CHROMIUM, PATIENCE, keep_picture

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="for this test: apt-get install chromium")

KEPT = """async () => ({
  local: {...localStorage}, session: {...sessionStorage}, caches: await caches.keys(),
  databases: (await indexedDB.databases()).map((database) => database.name), cookies: document.cookie,
})"""


@pytest.fixture
def ready(browser, address, portrait_photo, talk):
    """Open a page on which everything is chosen, as a visitor of its own."""
    contexts = []

    def open_page():
        contexts.append(browser.new_context(viewport={"width": 1440, "height": 900}))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(address)
        page.wait_for_selector("#render")
        page.locator("#photo input[type=file]").set_input_files(str(portrait_photo))
        page.wait_for_selector("#consent-note .good")
        page.locator("#clip input[type=file]").set_input_files(str(talk))
        page.wait_for_selector("#preview img")
        return page

    yield open_page
    for context in contexts:
        context.close()


def test_the_second_visitor_sees_their_place_and_stop_stops(ready, studio, slow_frames):
    slow_frames.set()  # previews are quick
    first, second = ready(), ready()
    before = set(studio.sessions.folders.rglob("*.mp4"))
    slow_frames.clear()
    first.get_by_role("button", name="Render", exact=True).click()
    first.locator("#status").get_by_text("Animating").wait_for()
    second.get_by_role("button", name="Render", exact=True).click()
    second.locator("#status").get_by_text("queue: 1/1").wait_for()
    keep_picture(second, "waiting.png")
    first.get_by_role("button", name="Stop", exact=True).click()
    first.locator("#status").get_by_text("Stopped; nothing of it was kept.").wait_for()
    first.get_by_role("button", name="Render", exact=True).wait_for()
    second.locator("#status").get_by_text("Animating").wait_for()
    second.get_by_role("button", name="Stop", exact=True).click()
    second.get_by_role("button", name="Render", exact=True).wait_for()
    slow_frames.set()  # the frame that was under way when it was stopped comes to its end
    end = time.monotonic() + 30
    while set(studio.sessions.folders.rglob("*.mp4")) != before:
        assert time.monotonic() < end
        time.sleep(0.05)
    first.get_by_role("button", name="Render", exact=True).click()
    first.wait_for_selector("#report .note.good")


def test_nothing_of_a_visitor_stays_in_the_browser(ready):
    page = ready()
    page.get_by_label("Stop after (seconds)").fill("0.2")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Render", exact=True).click()
    page.wait_for_selector("#report .note.good")
    kept = page.evaluate(KEPT)
    assert (kept["caches"], kept["databases"]) == ([], [])
    for trace in ("astronaut", "talk", "data:", "blob:", "Ada", "sessions/", "uploads/"):
        assert trace not in json.dumps(kept)
