"""Plain HTTP to the served studio, and to one that asks for a login."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import httpx
import pytest

from fomm.config.studio import StudioSettings
from fomm.studio.app import Serving, launch
from fomm.studio.service import Studio

LOGIN = ("ada", "secret")


@pytest.fixture
def http(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=60) as client:
        yield client


@pytest.fixture
def serve(studio: Studio, address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., httpx.Client]]:
    """Serve the same model in another way: `serve(Serving(...), max_upload_mb=1)` returns a client of it."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", os.environ["GRADIO_TEMP_DIR"])  # one for all pages of a process
    pages, studios = [], []

    def begin(serving: Serving, **settings: int) -> httpx.Client:
        studios.append(Studio(studio.pipeline, StudioSettings(max_seconds=1.0, **settings)))
        page, address = launch(studios[-1], serving)
        pages.append(page)
        client = httpx.Client(base_url=address, timeout=60)
        client.app, client.studio = page.app, studios[-1]
        return client

    yield begin
    for page in pages:
        page.close(verbose=False)
    for served in studios:
        served.close()


@pytest.fixture
def locked(serve: Callable[..., httpx.Client]) -> httpx.Client:
    """A studio that asks for a login, and nobody logged in."""
    return serve(Serving(port=0, auth=(LOGIN,)))
