"""The login page in a real browser: behind all doors it still lets in who knows the password."""

import pytest
from chromium import CHROMIUM, PATIENCE, note_failures

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="for this test: apt-get install chromium")


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_visitor_logs_in_and_sees_the_page(browser, locked, portrait_photo, name):
    context, failed = browser.new_context(), []
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    note_failures(page, failed)
    page.goto(str(locked.base_url).replace("127.0.0.1", name))
    page.get_by_label("username").fill("ada")
    page.get_by_label("password").fill("secret")
    page.get_by_role("button", name="Login").click()
    page.wait_for_selector("#render")
    page.locator("#photo input[type=file]").set_input_files(str(portrait_photo))
    page.wait_for_selector("#photo-stage .face.chosen")
    context.close()
    assert failed == []
