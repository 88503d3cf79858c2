"""A pipeline on the tiny model, a ledger that holds one consent, and a release that keeps frames instead of a file."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import fomm.tasks.animate
from fomm.config.animate import AnimateSettings
from fomm.config.render import RenderSettings
from fomm.tasks.animate import Pipeline
from fomm.track.track import MotionTrack
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import ConsentTerms

FAST: dict[str, Any] = {
    "encode": {"preset": "ultrafast", "quality": 12},
    "render": {"device": "cpu"},
    "refine": {"min_side": 0},
}


@pytest.fixture(scope="session")
def ledger(tmp_path_factory: pytest.TempPathFactory, portrait_photo: Path) -> Ledger:
    """A ledger in which the person of `portrait_photo` agreed."""
    ledger = Ledger(tmp_path_factory.mktemp("ledger"))
    terms = ConsentTerms(subject="Ada", use=("web",), expires="2999-01-31", statement="Yes.")
    ledger.grant(portrait_photo.read_bytes(), terms, name=portrait_photo.name)
    return ledger


@pytest.fixture(scope="session")
def pipeline(tiny_checkpoint: Path, ledger: Ledger) -> Pipeline:
    return Pipeline(str(tiny_checkpoint), RenderSettings(device="cpu"), ledger)


@pytest.fixture(scope="session")
def motion(pipeline: Pipeline, talk: Path) -> MotionTrack:
    """The motion of `talk`."""
    return pipeline.track(talk, AnimateSettings.from_mapping(FAST))


@pytest.fixture(scope="session")
def motion_file(motion: MotionTrack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, saved: quicker to animate with than the clip."""
    path = tmp_path_factory.mktemp("motion") / "talk.safetensors"
    motion.save(path)
    return path


@pytest.fixture
def settings() -> Callable[..., AnimateSettings]:
    """Build settings that encode fast; keywords add stages or replace them."""
    return lambda **changes: AnimateSettings.from_mapping({**FAST, **changes})


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """Frames as they reach the release, which every test that asks for this goes without."""
    frames: list[np.ndarray] = []

    @contextlib.contextmanager
    def release(*_: Any, **__: Any) -> Iterator[SimpleNamespace]:
        frames.clear()
        yield SimpleNamespace(write=lambda rendered: frames.extend(rendered._Rendered__pixels), frames=0, receipt=None)

    monkeypatch.setattr(fomm.tasks.animate, "open_release", release)
    return frames
