"""Kill a releasing process at random moments and look at what is left.

A child process releases short 512 px clips without end; `kill -9` hits it after a random time, and the encoder it
leaves behind finishes whatever it was given. Then every file in the folder is looked at, hidden ones too. Expected: no
playable file without label and watermark, no named file that is not wholly marked, signed and registered, and a ledger
that verifies. The frames are ready-made: what is tried here is the exit, not the model.

    python benchmarks/kill_faults.py --kills 20
"""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
import time
import warnings
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import skimage.data
from machine import save

from fomm.config.label import LabelSettings
from fomm.errors import FommError
from fomm.media.video import read_video
from fomm.media.writer import EncodeSettings
from fomm.trust.consent.authorise import authorise
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import ConsentTerms
from fomm.trust.marks.evidence import FOUND, read_watermark
from fomm.trust.marks.label import Label
from fomm.trust.marks.verify import verify
from fomm.trust.release.film import Rendered, open_release
from fomm.trust.release.registry import Registry

SIDE, FRAMES, FPS = 512, 20, Fraction(25)
FACE = skimage.data.astronaut()
LABEL_DIFFERENCE = 12.0  # grey levels by which compression may change the label's plate


def release_one(photo: bytes, home: Path, output: Path) -> None:
    leave = authorise(photo, ledger=Ledger(home))
    fast = EncodeSettings(preset="ultrafast")
    with open_release(output, leave, size=(SIDE, SIDE), fps=FPS, encode=fast) as release:
        for step in range(FRAMES):
            release.write(Rendered(np.roll(FACE, 3 * step, axis=1), leave))


def release_forever(photo: bytes, home: Path, folder: Path) -> None:
    for number in range(1_000_000):
        release_one(photo, home, folder / f"{os.getpid()}-{number}.mp4")


def kill_after(seconds: float, photo: bytes, home: Path, folder: Path) -> None:
    """Start a releasing child, kill it, and wait until its orphaned encoder has finished."""
    child = os.fork()
    if child == 0:
        try:
            release_forever(photo, home, folder)
        finally:
            os._exit(1)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    before = None
    while before != (before := sorted((path.name, path.stat().st_size) for path in folder.iterdir())):
        time.sleep(0.5)


def labelled(path: Path) -> bool:
    """Say whether the first frame carries the visible label."""
    label = Label(LabelSettings(), SIDE, SIDE)
    x0, y0, x1, y1 = label.box
    frame = next(read_video(path))
    expected = label.apply(FACE)[y0:y1, x0:x1].astype(int)
    return bool(np.abs(frame[y0:y1, x0:x1] - expected).mean() < LABEL_DIFFERENCE)


def playable(path: Path) -> bool:
    try:
        return any(True for _ in read_video(path, stop=1))
    except FommError:
        return False


def faults_of(path: Path, ledger: Ledger) -> list[str]:
    """Return what is wrong with a file that was left behind."""
    if not playable(path):
        return [] if path.name.startswith(".") else ["named but not playable"]
    if path.name.startswith("."):
        marked = labelled(path) and read_watermark(path, ledger, deep=False).state == FOUND
        return [] if marked else ["hidden, playable and unmarked"]
    report = verify(path, ledger, deep=False)
    whole = report.verdict == "intact" and report.registry.state == "released" and report.registry.exact
    return [] if whole and labelled(path) else [f"named but {report.verdict}, registry {report.registry.state}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    random, counts, faults = np.random.default_rng(arguments.seed), Counter(), []
    with tempfile.TemporaryDirectory() as scratch:
        home, folder = Path(scratch, "home"), Path(scratch, "out")
        folder.mkdir()
        photo = (Path(__file__).parents[1] / "demo" / "portrait.jpg").read_bytes()
        ledger = Ledger(home)
        ledger.grant(photo, ConsentTerms(subject="Nobody", expires="2999-01-01", statement="Yes."))
        started = time.monotonic()
        release_one(photo, home, folder / "first.mp4")
        longest = 2.5 * (time.monotonic() - started)
        seen: set[str] = set()
        for number in range(arguments.kills):
            kill_after(float(random.uniform(0.02, longest)), photo, home, folder)
            try:
                Ledger(home).verify()
                states = Counter(output.state for output in Registry(Ledger(home)).outputs())
            except FommError as error:
                faults.append(f"kill {number}: {error}")
            fresh = [path for path in sorted(folder.iterdir()) if path.name not in seen]
            seen |= {path.name for path in fresh}
            for path in fresh:
                counts["hidden" if path.name.startswith(".") else "named"] += 1
                counts["hidden playable"] += path.name.startswith(".") and playable(path)
                faults += [f"kill {number}: {path.name}: {fault}" for fault in faults_of(path, ledger)]
            print(number, dict(counts), dict(states), faults, flush=True)
        release_one(photo, home, folder / "last.mp4")
        leftovers = [path.name for path in folder.iterdir() if path.name.startswith(".")]
        counts["unswept"] = len(leftovers)
        states = Counter(output.state for output in Registry(Ledger(home)).outputs())
    save("kill_faults", {"kills": arguments.kills, "files": counts, "registry": states, "faults": faults})


if __name__ == "__main__":
    main()
