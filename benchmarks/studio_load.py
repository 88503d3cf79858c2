"""Many visitors at once for minutes, each a program that previews, renders, cancels and verifies; write JSON.

    python benchmarks/studio_load.py --visitors 8 --seconds 180

`fomm studio` runs in a process of its own and is reached through `gradio_client`, as any program would. Every visitor
has a photo of their own, the demo's portrait before bars of their own colour, records its consent, and then does one
thing after another in an order drawn by a seed: 4 of 10 previews, 3 renders of a second, 1 render that is cancelled
soon after it began, 2 verifications of what they made or of a file that is not fomm's. Each result is checked: the
report on it names the visitor's own consent and an output id that nobody got before, and its first frame has the
visitor's colour. Afterwards the visitors leave, and the studio must have no visitor, no file and no memory of them:
memory is what no file backs (RssAnon), before the first visitor came and a few seconds after the last one left.
"""

from __future__ import annotations

import argparse
import colorsys
import random
import tempfile
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import imageio.v3 as iio
import numpy as np
from gradio_client import Client, handle_file
from machine import save
from material import driving_clip
from PIL import Image
from studio_server import Server, cpu_seconds, files_below, memory_bytes, studio

from fomm.config.animate import DEFAULT_MODEL
from fomm.tasks.demo import demo_files

MIX = ["preview"] * 4 + ["render"] * 3 + ["cancel"] + ["verify"] * 2
TERMS = {"subject": "demo portrait", "kind": "no_living_subject", "origin": "ai-generated", "source": "demo/README.md",
         "capture": "source-statement"}  # fmt: skip
BAR = 96  # px of the visitor's colour left and right of the portrait
SETTLE_SECONDS = 60.0


@dataclass
class Visitor:
    """One program, its photo, and what happened to it."""

    number: int
    photo: Path
    colour: np.ndarray
    client: Client
    consent: str = ""
    made: list[str] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[str] = field(default_factory=list)


class Outputs:
    """The output ids of all visitors: nobody may get one twice."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self._guard = threading.Lock()

    def belongs(self, number: int, output_id: str) -> bool:
        """Note who got an output; say whether it is theirs alone."""
        with self._guard:
            return bool(output_id) and self._seen.setdefault(output_id, number) == number


MOST_MEMORY = 1.1  # after the visitors, over before them


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--visitors", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with studio(folder, "--model", arguments.model) as server:
            result = besiege(server, folder, arguments)
        result["files_after_stop"] = len(files_below(server.temp))
    left = result["wrong"] or result["sessions_left"] or result["files_left"] or result["files_after_stop"]
    result["passed"] = not left and result["memory_after_over_before"] <= MOST_MEMORY
    print(f"  {'passed' if result['passed'] else 'FAILED'}; {result['files_after_stop']} files after the studio ended")
    save("studio_load", result, arguments.output)


def besiege(server: Server, folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Let the visitors come, act and leave; return what happened."""
    wait_until_warm(server)
    before, cpu = memory_bytes(server.pid), cpu_seconds(server.pid)
    outputs, clip = Outputs(), driving_clip(folder, 1.0)
    visitors = [arrive(server, folder, number, arguments.visitors) for number in range(arguments.visitors)]
    end = time.monotonic() + arguments.seconds
    threads = [
        threading.Thread(target=visit, args=(one, clip, outputs, random.Random(arguments.seed + one.number), end))
        for one in visitors
    ]
    peak = before
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(0.5)
        peak = max(peak, memory_bytes(server.pid))
    spent = cpu_seconds(server.pid) - cpu
    for visitor in visitors:
        visitor.client.close()
    left, files = leave(server)
    after = settled(server, before)
    done = sum((visitor.done for visitor in visitors), Counter())
    wrong = [f"visitor {visitor.number}: {sentence}" for visitor in visitors for sentence in visitor.wrong]
    seconds = {kind: [s for one in visitors for s in one.seconds[kind]] for kind in ("preview", "render", "verify")}
    result = {
        "visitors": arguments.visitors,
        "seconds": arguments.seconds,
        "done": dict(done),
        "each_visitor_did": [sum(visitor.done.values()) for visitor in visitors],
        "wrong": wrong,
        "median_seconds": {kind: float(np.median(values)) for kind, values in seconds.items() if values},
        "studio_cpu_seconds": spent,
        "sessions_left": left,
        "files_left": len(files),
        "memory_before_mb": before / 1e6,
        "memory_peak_mb": peak / 1e6,
        "memory_after_mb": after / 1e6,
        "memory_after_over_before": after / before,
    }
    print(f"{arguments.visitors} visitors for {arguments.seconds:g} s: {dict(done)}")
    print(
        f"  memory {before / 1e6:.0f} MB before, {peak / 1e6:.0f} at most, {after / 1e6:.0f} after, "
        f"{after / before:.3f} of before"
    )
    print(f"  {left} sessions and {len(files)} files left; {len(wrong)} things wrong")
    for sentence in [*wrong[:10], *map(str, files[:10])]:
        print(f"    {sentence}")
    return result


def arrive(server: Server, folder: Path, number: int, count: int) -> Visitor:
    """Return a visitor with a photo of their own colour and its consent."""
    colour = np.array([round(255 * part) for part in colorsys.hsv_to_rgb(number / count, 1.0, 0.9)])
    with Image.open(demo_files()[0]) as image:
        portrait = np.asarray(image.convert("RGB").resize((512, 512), Image.Resampling.LANCZOS))
    bars = np.broadcast_to(colour.astype(np.uint8), (512, BAR, 3))
    photo = folder / f"visitor-{number}.png"
    Image.fromarray(np.concatenate([bars, portrait, bars], axis=1)).save(photo)
    client = Client(server.address, verbose=False, download_files=str(folder / f"downloads-{number}"))
    visitor = Visitor(number, photo, colour, client)
    visitor.consent = client.predict(handle_file(photo), TERMS, api_name="/grant")
    return visitor


def visit(visitor: Visitor, clip: Path, outputs: Outputs, chance: random.Random, end: float) -> None:
    """Do one thing after another until the time is over."""
    while time.monotonic() < end:
        kind = chance.choice(MIX)
        begun = time.monotonic()
        try:
            wrong = ACTS[kind](visitor, clip, outputs, chance)
        except Exception as error:
            wrong = f"{kind}: {type(error).__name__}: {error}"
        visitor.done[kind] += 1
        visitor.seconds[kind].append(time.monotonic() - begun)
        if wrong:
            visitor.wrong.append(wrong)


def do_preview(visitor: Visitor, clip: Path, outputs: Outputs, chance: random.Random) -> str:
    settings = {"transfer": {"strength": round(chance.uniform(0.5, 1.5), 2)}}
    made = visitor.client.predict(handle_file(visitor.photo), handle_file(clip), settings, api_name="/preview")
    return check(visitor, made, visitor.client.predict(handle_file(made), api_name="/verify"), outputs)


def do_render(visitor: Visitor, clip: Path, outputs: Outputs, chance: random.Random) -> str:
    made, report = visitor.client.predict(handle_file(visitor.photo), handle_file(clip), {}, api_name="/animate")
    visitor.made.append(made)
    return check(visitor, made, report, outputs)


def do_cancel(visitor: Visitor, clip: Path, outputs: Outputs, chance: random.Random) -> str:
    job = visitor.client.submit(handle_file(visitor.photo), handle_file(clip), {}, api_name="/animate")
    time.sleep(chance.uniform(0.1, 3.0))
    job.cancel()
    visitor.client.predict(api_name="/stop")
    return ""


def do_verify(visitor: Visitor, clip: Path, outputs: Outputs, chance: random.Random) -> str:
    if not visitor.made or chance.random() < 0.3:
        report = visitor.client.predict(handle_file(visitor.photo), api_name="/verify")
        return "" if report["verdict"] == "unmarked" else f"the photo is said to be {report['verdict']}"
    made = chance.choice(visitor.made)
    return check(visitor, made, visitor.client.predict(handle_file(made), api_name="/verify"), outputs)


ACTS = {"preview": do_preview, "render": do_render, "cancel": do_cancel, "verify": do_verify}


def check(visitor: Visitor, made: str, report: dict[str, Any], outputs: Outputs) -> str:
    """Say what is wrong with a result, empty when nothing is."""
    if report["verdict"] != "intact":
        return f"{made} is {report['verdict']}"
    if report["consent"]["id"] != visitor.consent:
        return f"{made} was made under {report['consent']['id']}, not {visitor.consent}"
    if not outputs.belongs(visitor.number, report["registry"]["output_id"]):
        return f"{made} has output id {report['registry']['output_id']}, which is another visitor's"
    picture = iio.imread(made, index=0) if Path(made).suffix == ".mp4" else iio.imread(made)
    strayed = np.abs(picture[:40, :40].reshape(-1, 3).mean(axis=0) - visitor.colour).max()
    return f"{made} shows another colour, {strayed:.0f} off" if strayed > 30 else ""


def wait_until_warm(server: Server) -> None:
    """Wait until the studio spends nothing: what it prepares after it began to answer is part of its start."""
    spent = -1.0
    while cpu_seconds(server.pid) - spent > 0.05:
        spent = cpu_seconds(server.pid)
        time.sleep(2.0)


def leave(server: Server) -> tuple[int, list[Path]]:
    """Wait until the studio has forgotten the visitors; return how many sessions and files are left."""
    end = time.monotonic() + SETTLE_SECONDS
    while True:
        left = httpx.get(f"{server.address}/health", timeout=30).json()["sessions"]
        files = files_below(server.temp)
        if not (left or files) or time.monotonic() > end:
            return left, files
        time.sleep(0.5)


def settled(server: Server, before: int) -> int:
    """Return the least memory within the next seconds: Python and the system give it back when they see fit."""
    end, least = time.monotonic() + 10, memory_bytes(server.pid)
    while least > before and time.monotonic() < end:
        time.sleep(0.5)
        least = min(least, memory_bytes(server.pid))
    return least


if __name__ == "__main__":
    main()
