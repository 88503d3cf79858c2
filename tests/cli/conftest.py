"""The command line run inside the test's process, with a private ledger in which the photo's subject agreed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from fomm.cli.main import main
from fomm.config.animate import AnimateSettings
from fomm.tasks.animate import Pipeline
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import ConsentTerms


@dataclass(frozen=True)
class Outcome:
    """What a command gave back."""

    code: int
    out: str
    err: str

    def refused(self, code: int, *words: str) -> None:
        """Check that it failed with one sentence that holds all of `words`."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("fomm: ")
        for word in words:
            assert word in lines[0]
        assert self.code == code
        assert self.out == ""


@pytest.fixture(scope="session")
def ledger_folder(tmp_path_factory: pytest.TempPathFactory, portrait_photo: Path) -> Path:
    folder = tmp_path_factory.mktemp("home")
    terms = ConsentTerms(subject="Ada", expires="2999-01-31", statement="Yes.")
    Ledger(folder).grant(portrait_photo.read_bytes(), terms, name=portrait_photo.name)
    return folder


@pytest.fixture
def fomm(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ledger_folder: Path
) -> Callable[..., Outcome]:
    """Run `fomm` with these arguments; the ledger is the one with the consent unless the test sets another."""
    monkeypatch.setenv("FOMM_HOME", str(ledger_folder))
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["fomm", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        shown = capsys.readouterr()
        return Outcome(int(stop.value.code or 0), shown.out, shown.err)

    return run


@pytest.fixture(scope="session")
def motion_file(tiny_checkpoint: Path, talk: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The motion of `talk`, quicker to animate with than the clip."""
    path = tmp_path_factory.mktemp("motion") / "talk.safetensors"
    Pipeline(str(tiny_checkpoint)).track(talk, AnimateSettings()).save(path)
    return path


@pytest.fixture
def animate(fomm: Callable[..., Outcome], tiny_checkpoint: Path) -> Callable[..., Outcome]:
    """Run `fomm animate PHOTO DRIVING -o OUTPUT` on the tiny model, with further options."""

    def run(photo: Path, driving: Path, output: Path, *options: object, model: Path = tiny_checkpoint) -> Outcome:
        return fomm("animate", photo, driving, "-o", output, "--model", model, "--preset", "ultrafast", *options)

    return run


@pytest.fixture
def listing(tmp_path: Path) -> Callable[[], list[str]]:
    """Name everything in the test's folder, hidden or not."""
    return lambda: sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
