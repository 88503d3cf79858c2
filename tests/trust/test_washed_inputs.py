"""An output that is edited so that the quick look misses its id must not become a photo, and is noticed as a driver."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image
from trust_samples import Clock, encode, picture, portrait

from fomm.errors import TrustError
from fomm.media.writer import EncodeSettings
from fomm.trust.consent.authorise import authorise
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import ConsentTerms
from fomm.trust.marks import already_marked as marks
from fomm.trust.marks.already_marked import known_pins
from fomm.trust.marks.manifest_reader import read_manifest
from fomm.trust.release.bind import reserve_model
from fomm.trust.release.film import Provenance, open_release, release_still
from fomm.trust.release.live import LiveRelease
from fomm.trust.release.registry import Registry
from fomm.trust.release.rendered import Rendered

SIDE = 512
FAST = EncodeSettings(preset="ultrafast")
WASHED: dict[str, Callable[[Image.Image], Image.Image]] = {
    "mirrored": lambda still: still.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "turned": lambda still: still.rotate(2, Image.Resampling.BICUBIC),
    "widened": lambda still: still.resize((589, SIDE), Image.Resampling.BICUBIC),
    "quarter": lambda still: still.transpose(Image.Transpose.ROTATE_90),
    "negative": lambda still: still.point(lambda value: 255 - value),
}


@dataclass(frozen=True)
class Marked:
    """A ledger and a still released under it."""

    ledger: Ledger
    still: Image.Image
    id: str

    def washed(self, how: str) -> bytes:
        """Return the still edited, saved anew, and with a consent for it recorded."""
        data = encode(np.asarray(WASHED[how](self.still)), "JPEG", quality=92)
        terms = ConsentTerms(
            subject="Ada", make=("animate", "live", "train"), expires="2027-01-31", statement="Yes, also this picture."
        )
        self.ledger.grant(data, terms)
        return data


@pytest.fixture
def marked(tmp_path: Path) -> Marked:
    ledger, photo = Ledger(tmp_path / "home", Clock()), encode(picture(1))
    ledger.grant(photo, ConsentTerms(subject="Ada", expires="2027-01-31", statement="Yes."))
    leave = authorise(photo, ledger=ledger)
    receipt = release_still(tmp_path / "first.png", Rendered(skimage.data.astronaut(), leave), leave)
    return Marked(ledger, Image.open(receipt.path).convert("RGB"), receipt.output_id)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def states(ledger: Ledger) -> list[str]:
    return [output.state for output in Registry(ledger).outputs()]


def make_still(data: bytes, ledger: Ledger, path: Path) -> None:
    leave = authorise(data, ledger=ledger, name="me.jpg")
    release_still(path, Rendered(skimage.data.astronaut(), leave), leave)


def make_clip(data: bytes, ledger: Ledger, path: Path) -> None:
    leave = authorise(data, ledger=ledger)
    with open_release(path, leave, size=(128, 96), fps=Fraction(25), encode=FAST) as release:
        release.write(Rendered(portrait(2, 96, 128), leave))


def make_model(data: bytes, ledger: Ledger, path: Path) -> None:
    leave = authorise(data, ledger=ledger, purpose="train")
    with reserve_model(path, leave, [], clips="", model="", settings="", force=False) as draft:
        draft.partial.write_bytes(b"weights")
        draft.deliver()


@pytest.mark.parametrize("how", WASHED)
def test_no_picture_is_released_of_an_output_that_was_washed(marked: Marked, out: Path, how: str) -> None:
    with pytest.raises(TrustError, match=f"me.jpg is not a photo but output {marked.id} of fomm"):
        make_still(marked.washed(how), marked.ledger, out / "b.png")
    assert list(out.iterdir()) == []
    assert "released" not in states(marked.ledger)[1:]


def test_no_clip_leaves_either_and_the_second_try_is_refused_at_once(marked: Marked, out: Path) -> None:
    data = marked.washed("mirrored")
    with pytest.raises(TrustError, match=marked.id):
        make_clip(data, marked.ledger, out / "b.mp4")
    assert list(out.iterdir()) == []
    assert "released" not in states(marked.ledger)[1:]
    with pytest.raises(TrustError, match=marked.id):
        authorise(data, ledger=marked.ledger)


def test_no_live_frame_either(marked: Marked) -> None:
    data = marked.washed("quarter")
    with pytest.raises(TrustError, match=marked.id):
        LiveRelease(authorise(data, ledger=marked.ledger, purpose="live"), (SIDE, SIDE))
    assert states(marked.ledger) == ["released"]


def test_no_model_learns_from_one(marked: Marked, out: Path) -> None:
    with pytest.raises(TrustError, match=marked.id):
        make_model(marked.washed("turned"), marked.ledger, out / "her.safetensors")
    assert list(out.iterdir()) == []


def test_a_release_waits_for_a_search_that_is_still_going_on(
    marked: Marked, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The frames are made meanwhile; the file gets its name only after the search."""
    go_on, began = threading.Event(), threading.Event()
    search = marks.search_windows

    def slow(*given: object, deep: bool) -> object:
        if deep:
            began.set()
            assert go_on.wait(60)
        return search(*given, deep=deep)  # type: ignore[arg-type]

    monkeypatch.setattr(marks, "search_windows", slow)
    photo = encode(picture(7))
    marked.ledger.grant(photo, ConsentTerms(subject="Bo", expires="2027-01-31", statement="Yes."))
    leave = authorise(photo, ledger=marked.ledger)  # comes back although the search has not ended
    assert began.wait(60)
    path = out / "b.png"
    thread = threading.Thread(target=release_still, args=(path, Rendered(portrait(2), leave), leave))
    thread.start()
    thread.join(2)
    assert thread.is_alive()
    assert not path.exists()
    go_on.set()
    thread.join(60)
    assert path.exists()


def test_a_search_that_breaks_releases_nothing(marked: Marked, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, deep: bool) -> None:
        if deep:
            raise MemoryError

    monkeypatch.setattr(marks, "search_windows", broken)
    with pytest.raises(MemoryError):
        make_still(marked.washed("widened"), marked.ledger, out / "b.png")
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("suffix", [".png", ".mp4"])
def test_a_mirrored_driver_is_noted_in_the_manifest(marked: Marked, out: Path, tmp_path: Path, suffix: str) -> None:
    driver = tmp_path / "driver.png"
    WASHED["mirrored"](marked.still).save(driver)
    photo = encode(picture(1))
    leave, provenance = authorise(photo, ledger=marked.ledger), Provenance(driving=driver)
    path = out / f"b{suffix}"
    if suffix == ".png":
        release_still(path, Rendered(skimage.data.astronaut(), leave), leave, provenance=provenance)
    else:
        with open_release(
            path, leave, size=(SIDE, SIDE), fps=Fraction(25), encode=FAST, provenance=provenance
        ) as release:
            release.write(Rendered(skimage.data.astronaut(), leave))
    statement = read_manifest(path, *known_pins(marked.ledger.keys)).statement
    assert statement["driving_mark"] == marked.id, json.dumps(statement)


ENDING = """
import time
from fomm.trust.marks.searches import Searches
searches = Searches()
def long():
    print("began", flush=True)
    time.sleep(1)
    print("ended", flush=True)
    return ""
searches.start("a", long)
searches.start("b", long)
time.sleep(0.3)
"""


def test_a_program_that_ends_waits_for_the_search_that_runs_and_begins_no_other() -> None:
    shown = subprocess.run([sys.executable, "-c", ENDING], capture_output=True, text=True, check=True, timeout=60)
    assert shown.stdout.split() == ["began", "ended"]
    assert shown.stderr == ""
