"""What tests in a real browser share: Debian's Chromium, how it is started quietly, and screenshots to look at."""

import os
import shutil
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip
PATIENCE = 60_000  # ms, for a busy machine


def note_failures(page, failed):
    """Note scripts that fail, and what the page's own security policy keeps from working."""
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.on("console", lambda said: "Content Security Policy" in said.text and failed.append(said.text))


def keep_picture(page, name):
    """Keep a screenshot where the caller asks for them."""
    if os.environ.get("FOMM_SCREENSHOTS"):
        page.screenshot(path=str(Path(os.environ["FOMM_SCREENSHOTS"]) / name), full_page=True)
