"""Another program that can write to the output folder exchanges the unfinished file: nothing is signed or released."""

from __future__ import annotations

import os
import stat
import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from trust_samples import picture, portrait

from fomm.errors import OutputError
from fomm.media.process import Process
from fomm.media.writer import EncodeSettings, VideoWriter
from fomm.trust.consent.authorise import Authorisation, authorise
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import ConsentTerms
from fomm.trust.marks.kinds import RESULT_SHEET
from fomm.trust.release import sheet
from fomm.trust.release.draft import Draft
from fomm.trust.release.film import Receipt, open_release, release_still
from fomm.trust.release.registry import Registry
from fomm.trust.release.rendered import Rendered
from fomm.trust.release.sheet import SheetMarker

FAST = EncodeSettings(preset="ultrafast")


@pytest.fixture
def leave(ledger: Ledger, photo: bytes, terms: ConsentTerms) -> Authorisation:
    ledger.grant(photo, terms)
    return authorise(photo, ledger=ledger)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video without any mark."""
    path = tmp_path_factory.mktemp("foreign") / "foreign.mp4"
    with VideoWriter(path, (512, 512), Fraction(25), FAST) as writer:
        for seed in range(6):
            writer.write(picture(seed, 512, 512))
    return path


def unfinished(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def exchange(folder: Path, foreign: Path) -> None:
    """Put the foreign file where the unfinished one lies."""
    (path,) = unfinished(folder)
    (path.parent / "new").write_bytes(foreign.read_bytes())
    os.replace(path.parent / "new", path)


def exchange_folder(folder: Path, foreign: Path) -> None:
    """Put a whole folder with the foreign file where the private one lies."""
    (path,) = unfinished(folder)
    path.parent.rename(folder.parent / "moved")
    path.parent.mkdir()
    path.write_bytes(foreign.read_bytes())


def overwrite(folder: Path, foreign: Path) -> None:
    """Write the foreign content into the unfinished file."""
    (path,) = unfinished(folder)
    path.write_bytes(foreign.read_bytes())


def render(output: Path, leave: Authorisation, audio: Path | None = None) -> Receipt:
    with open_release(output, leave, size=(128, 96), fps=Fraction(25), encode=FAST, audio=audio) as release:
        for seed in range(4):
            release.write(Rendered(portrait(seed, 96, 128), leave))
    return release.receipt


def before(monkeypatch: pytest.MonkeyPatch, owner: object, name: str, act: Callable[[], None]) -> None:
    """Let `act` happen once, right before a function is called."""
    real, done = getattr(owner, name), []

    def acting(*arguments: object, **options: object) -> object:
        if not done:
            done.append(act())
        return real(*arguments, **options)

    monkeypatch.setattr(owner, name, acting)


def refused(output: Path, leave: Authorisation, audio: Path | None = None) -> None:
    with pytest.raises(OutputError, match=r"Another program changed the unfinished file of .*a\.mp4"):
        render(output, leave, audio)
    assert not output.exists()
    assert [entry.state for entry in Registry(leave.ledger).outputs()] == ["failed"]


@pytest.mark.parametrize("attack", [exchange, exchange_folder, overwrite])
@pytest.mark.parametrize("moment", ["while the searches are waited for", "after the mark was read back", "when signed"])
def test_an_exchanged_video_is_not_signed(
    leave: Authorisation, out: Path, foreign: Path, monkeypatch: pytest.MonkeyPatch,
    attack: Callable[[Path, Path], None], moment: str,
) -> None:  # fmt: skip
    owner, name = {
        "while the searches are waited for": (Authorisation, "settle"),
        "after the mark was read back": (Draft, "deliver"),
        "when signed": (Registry, "release"),
    }[moment]
    before(monkeypatch, owner, name, lambda: attack(out, foreign))
    refused(out / "a.mp4", leave)


@pytest.mark.parametrize("size", [(64, 64), (1024, 512), (300, 700)])
def test_a_file_that_decodes_to_another_size_is_refused(
    leave: Authorisation, out: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.setattr("fomm.trust.release.film.read_video", lambda *_, **__: [picture(1, *size)])
    with pytest.raises(OutputError, match="another size"):
        render(out / "a.mp4", leave)
    assert list(out.iterdir()) == []


def test_an_exchanged_picture_is_not_signed(
    leave: Authorisation, out: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "foreign.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    before(monkeypatch, Authorisation, "settle", lambda: exchange(out, tmp_path / "foreign.png"))
    with pytest.raises(OutputError, match="Another program"):
        release_still(out / "a.png", Rendered(portrait(1, 96, 128), leave), leave)
    assert list(out.iterdir()) == []


def test_sound_is_added_to_no_other_pictures(
    leave: Authorisation, out: Path, foreign: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setparams((1, 2, 48000, 0, "NONE", ""))
        sound.writeframes(bytes(2 * 48000))

    def attack() -> None:
        (path,) = (path for path in unfinished(out) if path.name.endswith(".picture"))
        (path.parent / "new").write_bytes(foreign.read_bytes())
        os.replace(path.parent / "new", path)

    real = Process.wait
    done: list[None] = []

    def wait(process: Process, timeout: float | None = None) -> int:
        code = real(process, timeout)
        if not done:
            done.append(attack())  # the pictures are encoded, the sound is not added yet
        return code

    monkeypatch.setattr(Process, "wait", wait)
    refused(out / "a.mp4", leave, tmp_path / "sound.wav")
    assert list(out.iterdir()) == []


def test_a_sheet_is_signed_as_it_was_marked(
    ledger: Ledger, out: Path, foreign: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked = SheetMarker(RESULT_SHEET, "test", ledger.keys).mark(np.full((1, 2, 64, 64, 3), 128, np.uint8))
    before(monkeypatch, sheet, "seal_material", lambda: exchange(out, foreign))
    with pytest.raises(OutputError, match="Another program"):
        marked.write(out / "sheet.png")
    assert list(out.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="permission bits")
def test_nobody_else_can_enter_where_a_file_grows(leave: Authorisation, out: Path) -> None:
    out.chmod(0o777)
    with open_release(out / "a.mp4", leave, size=(128, 96), fps=Fraction(25), encode=FAST) as release:
        (folder,) = out.iterdir()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        release.write(Rendered(portrait(1, 96, 128), leave))
    assert [path.name for path in out.iterdir()] == ["a.mp4"]
