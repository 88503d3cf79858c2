"""How long a newcomer waits: for the server, the page, the first preview, a changed one, and for refusals; write JSON.

    python benchmarks/studio_start.py --runs 5

Every run starts `fomm studio` anew and opens it in Chromium without a GPU, on the same cores, at once when it answers:
what the studio still prepares in the background then counts against the visitor. The server is up when /health
answers. The page is interactive when the Render button and the galleries' pictures are there, counted from the start
of the navigation by the page's own clock. Previews count from the click that chooses the clip, or from a changed
setting, to the new picture complete in the page; the portrait has its consent already. Refusals count from the choice
of the file, or the click on Render, to the sentence in its step. Processor time is the studio's own.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
from machine import save
from material import driving_clip, ledger_with
from studio_server import Server, chromium, cpu_seconds, studio

from fomm.config.animate import DEFAULT_MODEL
from fomm.tasks.demo import demo_files

LONGEST = 10  # s that the measured studio renders
CHANGES = 4
INTERACTIVE = """() => document.querySelector('#render')?.offsetParent
  && document.querySelector('#portraits img')?.complete && document.querySelector('#clips button')"""
SHOWN = "(before) => { const p = document.querySelector('#preview img'); return p && p.complete && p.src != before; }"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    seconds: dict[str, list[float]] = defaultdict(list)
    cpu: dict[str, list[float]] = defaultdict(list)
    with chromium() as browser:
        for _ in range(arguments.runs):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                ledger_with(folder, [demo_files()[0]])
                with studio(folder, "--model", arguments.model, "--max-seconds", str(LONGEST)) as server:
                    seconds["server up"].append(server.seconds)
                    cpu["server up"].append(server.cpu_seconds)
                    visit(browser, server, folder, seconds, cpu)
    result = {
        what: {
            "seconds_median": statistics.median(values),
            "seconds_most": max(values),
            "studio_cpu_seconds_median": statistics.median(cpu[what]),
        }
        for what, values in seconds.items()
    }
    for what, found in result.items():
        print(f"{what:28s} {found['seconds_median']:6.2f} s, at most {found['seconds_most']:6.2f}, "
              f"{found['studio_cpu_seconds_median']:5.2f} s of processor time")  # fmt: skip
    save("studio_start", {"runs": arguments.runs, "waits": result}, arguments.output)


def visit(
    browser: Any, server: Server, folder: Path, seconds: dict[str, list[float]], cpu: dict[str, list[float]]
) -> None:
    """Open the page and do what a newcomer does, adding up what it took."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(60_000)

    def wait(what: str, act: Callable[[], object], done: Callable[[], object], own_clock: bool = False) -> None:
        spent, begun = cpu_seconds(server.pid), time.perf_counter()
        act()
        done()
        seconds[what].append(page.evaluate("performance.now()") / 1e3 if own_clock else time.perf_counter() - begun)
        cpu[what].append(cpu_seconds(server.pid) - spent)

    def told(place: str, words: str) -> Callable[[], object]:
        return page.locator(place).get_by_text(words).first.wait_for

    def give(place: str, file: Path) -> Callable[[], object]:
        return lambda: page.locator(f"#{place} input[type=file]").set_input_files(str(file))

    wait("page interactive", lambda: page.goto(server.address, wait_until="commit"),
         lambda: page.wait_for_function(INTERACTIVE), own_clock=True)  # fmt: skip
    wait("faces found in the photo", page.locator("#portraits button").first.click,
         lambda: page.wait_for_selector("#photo-stage .face.chosen"))  # fmt: skip
    page.wait_for_selector("#consent-note .good")
    wait("first preview", page.locator("#clips button").first.click,
         lambda: page.wait_for_function(SHOWN, arg=""))  # fmt: skip
    strength = page.get_by_label("Motion strength").first
    for change in range(CHANGES):
        before = page.evaluate("document.querySelector('#preview img').src")
        value = str(0.5 + 0.25 * change)

        def change_strength(value: str = value) -> None:
            strength.fill(value)
            strength.press("Tab")

        wait("preview after a change", change_strength, lambda before=before: page.wait_for_function(SHOWN, arg=before))

    empty, text, plain = folder / "empty.png", folder / "text.png", folder / "plain.png"
    empty.touch()
    text.write_text("not a picture")
    iio.imwrite(plain, np.full((400, 400, 3), 128, np.uint8))
    stranger = folder / "stranger.png"
    iio.imwrite(stranger, iio.imread(demo_files()[0])[8:])
    for name, file, words in (
        ("refusal: 0 bytes", empty, "is empty"),
        ("refusal: wrong type", text, "not a picture"),
        ("refusal: no face", plain, "No face was found"),
    ):
        page.get_by_role("button", name="Choose another photo").click()
        wait(name, give("photo", file), told("#photo-stage", words))
    page.get_by_role("button", name="Choose another photo").click()
    give("photo", stranger)()
    page.wait_for_selector("#photo-stage .face.chosen")
    wait("refusal: no consent", lambda: page.get_by_role("button", name="Render", exact=True).click(),
         told("#status", "consent"))  # fmt: skip
    page.locator("#clip").get_by_role("button", name="Clear").first.click()
    wait("refusal: too long", give("clip", driving_clip(folder, LONGEST + 5)), told("#clip-note", "renders up to"))
    page.close()


if __name__ == "__main__":
    main()
