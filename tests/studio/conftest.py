"""A studio on the tiny model with a private ledger, and the same one served over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("gradio", reason="the studio extra is not installed: pip install 'fomm[studio]'")

import gradio_client
from chromium import CHROMIUM, QUIET

from fomm.config.render import RenderSettings
from fomm.config.studio import StudioSettings
from fomm.studio.app import Serving, launch
from fomm.studio.service import Studio
from fomm.tasks.animate import Pipeline
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import ConsentTerms


@pytest.fixture(scope="session")
def studio(tiny_checkpoint: Path, portrait_photo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A studio in whose ledger the person of `portrait_photo` agreed."""
    ledger = Ledger(tmp_path_factory.mktemp("ledger"))
    terms = ConsentTerms(subject="Ada", expires="2999-01-31", statement="Yes.")
    ledger.grant(portrait_photo.read_bytes(), terms, name=portrait_photo.name)
    pipeline = Pipeline(str(tiny_checkpoint), RenderSettings(device="cpu"), ledger)
    studio = Studio(pipeline, StudioSettings(max_seconds=1.0))
    yield studio
    studio.close()
    assert not studio.sessions.folders.exists()
    assert not studio.sessions.uploads.exists()


@pytest.fixture(scope="module")
def editor(editing_checkpoint: Path, studio: Studio) -> Iterator[Studio]:
    """A studio whose model can edit, on the same ledger."""
    editor = Studio(Pipeline(str(editing_checkpoint), RenderSettings(device="cpu"), studio.pipeline.ledger))
    yield editor
    editor.close()


@pytest.fixture(scope="session")
def address(studio: Studio) -> Iterator[str]:
    """Where the studio is served."""
    page, address = launch(studio, Serving(port=0))
    yield address.rstrip("/")
    page.close(verbose=False)


@pytest.fixture(scope="session")
def client(address: str, tmp_path_factory: pytest.TempPathFactory) -> gradio_client.Client:
    return gradio_client.Client(address, verbose=False, download_files=str(tmp_path_factory.mktemp("downloads")))


@pytest.fixture
def slow_frames(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Make every frame wait for this event, two seconds at most: longer than a slow machine takes for a click."""
    go, finished = threading.Event(), studio.pipeline._animator.finished

    def slowly(*arguments: Any) -> Iterator[Any]:
        for made in finished(*arguments):
            go.wait(2)
            yield made

    monkeypatch.setattr(studio.pipeline._animator, "finished", slowly)
    return go


@pytest.fixture
def visitor(request: pytest.FixtureRequest) -> SimpleNamespace:
    """What the page's functions see of a browser."""
    return SimpleNamespace(session_hash=request.node.name)


@pytest.fixture
def fill(portrait_photo: Path, talk: Path) -> Callable[..., list[object]]:
    """Return the values of the Animate tab's inputs, with chosen ones replaced."""
    from fomm.studio.controls import CONTROLS

    def values(*, photo: Path | None = portrait_photo, clip: Path | None = talk, **controls: object) -> list[object]:
        given = {"encode.preset": "ultrafast", **{name.replace("__", "."): value for name, value in controls.items()}}
        chosen = [given.get(control.path) for control in CONTROLS]
        return [photo and str(photo), clip and str(clip), None, "largest", 1.0, "", *chosen]

    return values


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    """Playwright, for tests that start a browser of their own kind."""
    playwright = pytest.importorskip("playwright.sync_api", reason="for this test: pip install playwright")
    with playwright.sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="module")
def browser(driver: Any) -> Iterator[Any]:
    """A plain browser without a window."""
    browser = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
    yield browser
    browser.close()
