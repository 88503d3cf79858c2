"""The film leaves under the photo's consent only, marked, and shows every method in its place."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from fomm.cli.commands.evaluate import evaluate
from fomm.errors import ConsentError, OutputError
from fomm.evaluation.comparison import PANELS, sheet, sheet_size
from fomm.evaluation.measures.features import Features
from fomm.evaluation.measures.landmarks import FivePoints
from fomm.media.video import probe, read_video
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import ConsentTerms
from fomm.trust.marks.verify import verify


@pytest.fixture
def run(tiny_checkpoint, plain_set, tmp_path, monkeypatch):
    """Run `fomm evaluate` on the tiny model and the plain clips, judged by what is always there."""
    monkeypatch.setenv("FOMM_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("fomm.evaluation.run.best_landmarker", FivePoints)
    monkeypatch.setattr(Features, "installed", classmethod(lambda cls, device: None))

    def invoke(*options, clips=plain_set):
        arguments = [str(tiny_checkpoint), str(clips), "-o", str(tmp_path / "results"), "--frames", "4", "--limit", "1"]
        return CliRunner().invoke(evaluate, [*arguments, *map(str, options)], catch_exceptions=True)

    return invoke


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*")) if folder.exists() else []


def test_without_a_photo_there_are_numbers_and_a_word_on_how_to_get_a_film(run, tmp_path):
    done = run()
    assert done.exit_code == 0, done.output
    assert "--photo" in done.output
    assert files(tmp_path / "results") == ["results.json", "results.md"]
    assert isinstance(run().exception, OutputError)  # results are there already
    assert run("--force").exit_code == 0


def test_a_photo_without_consent_is_refused_before_anything_is_measured(run, portrait_photo, tmp_path):
    refused = run("--photo", portrait_photo)
    assert isinstance(refused.exception, ConsentError)
    assert "fomm consent grant" in str(refused.exception)
    assert files(tmp_path / "results") == []


def test_two_photos_of_one_name_are_refused(run, portrait_photo, tmp_path):
    refused = run("--photo", portrait_photo, "--photo", tmp_path / portrait_photo.name)
    assert isinstance(refused.exception, OutputError)
    assert "same name" in str(refused.exception)


def test_a_consented_photo_is_filmed_and_the_film_is_marked(run, portrait_photo, tmp_path):
    terms = ConsentTerms(subject="Ada", expires="2999-01-31", statement="Yes.")
    ledger = Ledger(tmp_path / "home")
    ledger.grant(portrait_photo.read_bytes(), terms, name=portrait_photo.name)
    done = run("--photo", portrait_photo, "--photo-clips", 1)
    assert done.exit_code == 0, done.output
    film = tmp_path / "results" / f"comparison-{portrait_photo.stem}.mp4"
    assert files(tmp_path / "results") == sorted([film.name, "results.json", "results.md"])
    assert (probe(film).width, probe(film).height) == sheet_size()
    assert len(list(read_video(film))) == 4
    assert verify(film, ledger).exit_code == 0


def test_every_picture_stands_in_its_place_and_the_last_place_is_free_for_the_label():
    pictures = {name: np.full((64, 64, 3), 40 * (i + 1), np.uint8) for i, (name, _) in enumerate(PANELS)}
    page = sheet(pictures, "driven by ann")
    width, height = sheet_size()
    assert page.shape == (height, width, 3)
    assert min(width, height) >= 512
    places = [page[row : row + 1, column] for row in (150, 430) for column in (128, 384, 640)]
    for place, (name, _) in zip(places, PANELS, strict=False):
        assert (place == pictures[name][0, 0]).all()
    assert places[-1].max() < 40
