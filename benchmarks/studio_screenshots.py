"""Pictures of every tab of the studio, at 1440 and 390 px, into docs/studio-*.png: run again with each new model.

    python benchmarks/studio_screenshots.py

Drives Chromium through a newcomer's path with the bundled portrait and clip and a ledger of its own, so nothing of the
user's is touched or shown.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from fomm.config.animate import DEFAULT_MODEL
from fomm.config.edit_photo import EditPhotoSettings
from fomm.studio.app import Serving, launch
from fomm.studio.service import Studio
from fomm.tasks.animate import Pipeline
from fomm.tasks.demo import ORIGIN, SOURCE, demo_files
from fomm.tasks.edit import edit_still
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import NO_LIVING, ConsentTerms

WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
PATIENCE = 120_000  # ms
MOST_BYTES = 600_000
TALLEST = 3200  # px of a phone's page that are worth showing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).parents[1] / "docs")
    parser.add_argument("--only", nargs="*", help="names of tabs; all if not given")
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("chromium-browser"))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["FOMM_HOME"] = home

        _consent(demo_files()[0])
        studio = Studio(Pipeline(DEFAULT_MODEL))
        page, address = launch(studio, Serving(port=0))
        try:
            with sync_playwright() as driver:
                browser = driver.chromium.launch(executable_path=chosen.chromium, args=QUIET)
                for name, visit in VISITS.items():
                    if not chosen.only or name in chosen.only:
                        _show(browser, address, name, visit, chosen.output)
                browser.close()
        finally:
            page.close(verbose=False)
            studio.close()


def _consent(portrait: Path) -> None:
    """Record that the bundled portrait may be animated and shown live."""
    terms = ConsentTerms(
        subject="demo portrait", kind=NO_LIVING, origin=ORIGIN, source=SOURCE, make=("animate", "live"),
        capture="source-statement",
    )  # fmt: skip
    Ledger().grant(portrait.read_bytes(), terms, name=portrait.name)


def _show(browser: Any, address: str, name: str, visit: Any, output: Path) -> None:
    """Fill a tab at full width, then narrow the window to a phone's."""
    tab = browser.new_page(viewport=WIDE)
    tab.set_default_timeout(PATIENCE)
    tab.goto(address)
    tab.wait_for_selector("#render")
    if name != "animate":
        tab.get_by_role("tab", name=name.capitalize() if name != "dub" else "Dub and refine").click()
    visit(tab)
    tab.mouse.move(5, 5)
    tab.wait_for_timeout(1500)
    _keep(tab, output / f"studio-{name}.png")
    tab.set_viewport_size(PHONE)
    tab.wait_for_timeout(1000)
    _keep(tab, output / f"studio-{name}-phone.png")
    tab.close()


def _keep(tab: Page, path: Path) -> None:
    """Save the whole page with as many colours as fit the size allowed."""
    picture = Image.open(io.BytesIO(tab.screenshot(full_page=True))).convert("RGB")
    if tab.viewport_size == PHONE:
        picture = picture.crop((0, 0, picture.width, min(picture.height, TALLEST)))
    for colours in (256, 128, 64):
        buffer = io.BytesIO()
        picture.quantize(colours, dither=Image.Dither.NONE if colours == 64 else Image.Dither.FLOYDSTEINBERG).save(
            buffer, "PNG", optimize=True
        )
        if buffer.tell() < MOST_BYTES:
            break
    path.write_bytes(buffer.getvalue())
    print(f"{path}: {picture.width} x {picture.height} px, {buffer.tell() // 1000} kB")


def _animate(tab: Page) -> None:
    tab.locator("#portraits button").first.click()
    tab.wait_for_selector("#photo-stage .face.chosen")
    tab.locator("#clips button").first.click()
    tab.wait_for_selector("#clip-note .note")
    tab.wait_for_selector("#preview img")
    tab.get_by_label("Stop after (seconds)").fill("2")
    tab.keyboard.press("Tab")
    tab.get_by_role("button", name="Render", exact=True).click()
    tab.wait_for_selector("#report .note")
    tab.wait_for_function("document.querySelector('#video video').readyState >= 2")


def _edit(tab: Page) -> None:
    tab.locator("#edit-portraits button").first.click()
    tab.wait_for_selector("#edit-photo-stage .face.chosen")
    tab.wait_for_selector("#edit-preview img")
    for label, value in (("Turn", "10"), ("Smile", "0.8"), ("Look left or right", "0.6")):
        number = tab.locator(".card").filter(has_text="Move a slider").get_by_label(f"number input for {label}")
        number.fill(value)
        number.press("Enter")
    tab.wait_for_timeout(3000)
    tab.get_by_role("button", name="Save the picture").click()
    tab.wait_for_selector("#edit-report .note")
    tab.wait_for_selector("#edit-picture img")


def _live(tab: Page) -> None:
    tab.locator("#live-portraits button").first.click()
    tab.wait_for_timeout(3000)


def _verify(tab: Page) -> None:
    """Check a still that the studio itself made."""
    made = Path(os.environ["FOMM_HOME"]) / "made.png"

    edit_still(Pipeline(DEFAULT_MODEL), demo_files()[0], made, EditPhotoSettings(edit={"smile": 0.5}))
    tab.locator("#verify-file input[type=file]").set_input_files(str(made))
    tab.wait_for_selector("#verify-report .note")


def _look(tab: Page) -> None:
    tab.wait_for_timeout(500)


VISITS = {"animate": _animate, "edit": _edit, "live": _live, "dub": _look, "batch": _look, "verify": _verify}


if __name__ == "__main__":
    main()
